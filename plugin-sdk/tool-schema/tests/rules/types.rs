//! Rust types of tools, one of each kind that serde and schemars know.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroI32,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! types {
    ($($(#[$attribute:meta])* $kind:ident $name:ident $body:tt)*) => {
        $(
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
            $(#[$attribute])*
            pub(crate) $kind $name $body
        )*
    };
}

types! {
    #[serde(deny_unknown_fields)]
    struct Forecast {
        city: String,
        days: Option<u8>,
        unit: Option<Unit>,
        place: Option<Place>,
    }

    #[serde(rename_all = "snake_case")]
    enum Unit {
        Celsius,
        Fahrenheit,
    }

    #[serde(deny_unknown_fields)]
    struct Place {
        latitude: f64,
        longitude: f64,
    }

    enum External {
        Walk,
        Stand,
        Drive { speed: u32 },
        Fly(f64),
        Pair(i32, String),
    }

    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Internal {
        Walk,
        Drive { speed: u32 },
        Count(Counted),
    }

    struct Counted {
        count: Option<i64>,
    }

    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        Walk,
        Drive { speed: u32 },
        Many(Vec<i64>),
    }

    #[serde(untagged)]
    enum Untagged {
        Integer(i64),
        A { a: i64 },
        B { b: i64, c: Option<bool> },
        List(Vec<u8>),
    }

    #[serde(untagged)]
    enum TextOrNumber {
        Number(f64),
        Text(String),
    }

    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    struct Shapes {
        external: Option<External>,
        internal: Option<Internal>,
        adjacent: Option<Adjacent>,
        untagged: Option<Untagged>,
        either: Option<TextOrNumber>,
        result: Option<Result<i64, String>>,
    }

    struct Flat {
        x: i64,
        #[serde(flatten)]
        place: Place2,
        #[serde(flatten)]
        internal: Internal,
    }

    struct Place2 {
        latitude: f64,
        height: Option<i32>,
    }

    struct Node {
        value: i64,
        next: Option<Box<Node>>,
        #[serde(default)]
        children: Vec<Node>,
    }

    #[derive(Default)]
    #[serde(default, deny_unknown_fields)]
    struct Everything {
        int8: i8,
        int16: i16,
        int32: i32,
        int64: i64,
        uint8: u8,
        uint16: u16,
        uint32: u32,
        uint64: u64,
        float: f32,
        double: f64,
        yes: bool,
        letter: char,
        text: String,
        option: Option<i64>,
        list: Vec<i32>,
        nested: Vec<Vec<Option<bool>>>,
        map: BTreeMap<String, i64>,
        tuple: (i64, String, bool),
        array: [u16; 2],
        set: BTreeSet<i32>,
        place: Option<Place>,
        unit: Option<Unit>,
        places: BTreeMap<String, Place>,
        nothing: (),
    }

    struct Numbered {
        by_number: BTreeMap<u32, i64>,
    }

    /// With constraints that decoding does not see.
    #[serde(deny_unknown_fields)]
    struct Exact {
        #[schemars(range(min = 1, max = 5))]
        stars: i64,
        #[schemars(length(min = 1, max = 8))]
        name: String,
        #[schemars(regex(pattern = "^[a-z]+$"))]
        code: String,
        #[schemars(extend("multipleOf" = 2))]
        even: i64,
        letter: char,
        set: BTreeSet<i64>,
        nonzero: NonZeroI32,
        #[schemars(length(min = 1))]
        list: Vec<u64>,
    }
}
