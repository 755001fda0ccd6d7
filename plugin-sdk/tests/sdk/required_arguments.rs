//! `required` contains exactly the arguments that decoding demands.

use std::{borrow::Cow, collections::BTreeMap, marker::PhantomData};

use plugin_sdk::{
    prelude::*,
    serde_json::{Value, json, value::RawValue},
};

use crate::{declarations::tool_of, host::call};

type Maybe<T> = Option<T>;

#[data(allow_unknown_fields)]
struct Newtype(Option<u8>);

#[data(allow_unknown_fields)]
#[serde(transparent)]
struct Transparent {
    inner: Option<u8>,
}

#[data(allow_unknown_fields)]
struct NewtypeOfNewtype(Newtype);

#[data(allow_unknown_fields)]
#[serde(default)]
#[derive(Default)]
struct AllDefaults {
    number: u8,
}

#[data(allow_unknown_fields)]
struct Unit;

#[data(allow_unknown_fields)]
#[serde(untagged)]
enum MaybeNull {
    Number(u8),
    Null,
}

#[data(allow_unknown_fields)]
#[serde(from = "Option<u8>")]
#[schemars(with = "Option<u8>")]
struct From(u8);

impl std::convert::From<Option<u8>> for From {
    fn from(number: Option<u8>) -> Self {
        Self(number.unwrap_or_default())
    }
}

/// A parameter of each of these types, as `required` has it and as decoding has it.
macro_rules! types {
    ($($ty:ty),* $(,)?) => {
        [$({
            #[tool(description = "-")]
            #[allow(clippy::boxed_local, reason = "only the signature matters")]
            fn single(argument: $ty) {
                let _ = argument;
            }
            let required = tool_of::<single>()["tool"]["inputSchema"].get("required").cloned();
            let missing = call::<single>("{}").err();
            (stringify!($ty), required, missing)
        }),*]
    };
}

#[test]
fn only_required_arguments_must_be_there() {
    for (ty, required, missing) in types!(
        u8,
        String,
        bool,
        Vec<u8>,
        Vec<Option<u8>>,
        (u8, u8),
        BTreeMap<String, u8>,
        AllDefaults,
        Unit,
        (),
        Value,
        Box<RawValue>,
        Option<Box<RawValue>>,
        Option<Value>,
        Option<u8>,
        Option<Vec<u8>>,
        Option<Option<u8>>,
        Maybe<String>,
        std::option::Option<()>,
        Box<u8>,
        Box<Option<u8>>,
        Cow<'static, str>,
        Option<Cow<'static, str>>,
        Newtype,
        NewtypeOfNewtype,
        Transparent,
        Option<Newtype>,
        MaybeNull,
        From,
        PhantomData<u8>,
        Option<AllDefaults>,
    ) {
        let missing = missing.map(|failure| {
            assert_eq!(
                failure,
                json!({"kind": "invalid_arguments", "public": "missing argument `argument`"}),
                "{ty}"
            );
            json!(["argument"])
        });
        assert_eq!(required, missing, "{ty}: declared (left), decoded (right)");
    }
}

/// The same of a field of `Args<T>`.
macro_rules! fields {
    ($($ty:ty),* $(,)?) => {
        [$({
            #[data(allow_unknown_fields)]
            struct Whole {
                #[allow(unused)]
                argument: $ty,
            }
            #[tool(description = "-")]
            fn whole(args: Args<Whole>) {
                let _ = args;
            }
            let required = tool_of::<whole>()["tool"]["inputSchema"].get("required").cloned();
            (stringify!($ty), required, call::<whole>("{}").is_err())
        }),*]
    };
}

#[test]
fn the_fields_of_a_struct_are_required_alike() {
    for (ty, required, missing) in fields!(
        u8,
        Value,
        Option<Value>,
        Option<u8>,
        Option<Option<u8>>,
        Maybe<String>,
        Vec<u8>,
        Box<Option<u8>>,
        Transparent,
        Option<Newtype>,
        (),
    ) {
        let missing = missing.then(|| json!(["argument"]));
        assert_eq!(required, missing, "{ty}: declared (left), decoded (right)");
    }
}
