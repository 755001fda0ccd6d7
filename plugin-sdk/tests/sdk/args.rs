//! All arguments as one value: the declaration of `Args<T>`, and its decoding.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use plugin_sdk::{
    prelude::*,
    serde_json::{Value, json, value::RawValue},
};

use crate::{declarations::parameters, host::call};

#[data(allow_unknown_fields)]
struct Query {
    /// A city.
    city: String,
    days: Option<u8>,
}

#[test]
fn a_struct_declares_that_it_refuses_unknown_fields() {
    assert_snapshot!(parameters!(query: Args<Query>), @r#"
    type: "object"
    properties:
      city: {"type":"string","description":"A city."}
      days: {"type":["integer","null"],"format":"uint8","minimum":0,"maximum":255}
    required: ["city"]
    additionalProperties: false
    validate: false
    "#);
}

#[data(allow_unknown_fields)]
struct Nothing {}

#[data(allow_unknown_fields)]
struct NothingAtAll;

#[test]
fn an_empty_struct_takes_no_arguments() {
    assert_snapshot!(parameters!(nothing: Args<Nothing>), @r#"
    {"type":"object","additionalProperties":false}
    validate: false
    "#);
}

#[data(allow_unknown_fields)]
#[serde(rename_all = "camelCase")]
struct Renamed {
    first_word: String,
    #[serde(rename = "2nd")]
    second_word: String,
    #[serde(default, alias = "n", alias = "count")]
    number: u8,
}

#[test]
fn an_alias_is_decoded_but_not_declared() {
    assert_snapshot!(parameters!(renamed: Args<Renamed>), @r#"
    type: "object"
    properties:
      firstWord: {"type":"string"}
      2nd: {"type":"string"}
      number: {"type":"integer","format":"uint8","minimum":0,"maximum":255,"default":0}
    required: ["firstWord","2nd"]
    validate: false
    "#);
}

#[data(allow_unknown_fields)]
struct Page {
    #[serde(default)]
    offset: u32,
}

#[data(allow_unknown_fields)]
struct Flattened {
    city: String,
    #[serde(flatten)]
    page: Page,
}

#[data(allow_unknown_fields)]
struct Rest {
    city: String,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[test]
fn a_flattened_struct_declares_the_fields_of_both() {
    assert_snapshot!(parameters!(flattened: Args<Flattened>), @r#"
    type: "object"
    properties:
      city: {"type":"string"}
      offset: {"type":"integer","format":"uint32","minimum":0,"default":0,"maximum":4294967295}
    required: ["city"]
    validate: false
    "#);
    assert_snapshot!(parameters!(rest: Args<Rest>), @r#"
    type: "object"
    properties: {"city":{"type":"string"}}
    required: ["city"]
    additionalProperties: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
    validate: false
    "#);
}

#[data(allow_unknown_fields)]
#[serde(deny_unknown_fields)]
struct Closed {
    city: String,
}

#[data(allow_unknown_fields)]
#[serde(transparent)]
struct Transparent(Query);

#[data(allow_unknown_fields)]
struct Newtype(Query);

#[test]
fn a_newtype_is_declared_as_what_it_holds() {
    assert_snapshot!(parameters!(closed: Args<Closed>), @r#"
    type: "object"
    additionalProperties: false
    properties: {"city":{"type":"string"}}
    required: ["city"]
    validate: false
    "#);
    assert_snapshot!(parameters!(transparent: Args<Transparent>), @r#"
    type: "object"
    properties:
      city: {"type":"string","description":"A city."}
      days: {"type":["integer","null"],"format":"uint8","minimum":0,"maximum":255}
    required: ["city"]
    additionalProperties: false
    validate: false
    "#);
    assert_snapshot!(parameters!(newtype: Args<Newtype>), @r#"
    type: "object"
    properties:
      city: {"type":"string","description":"A city."}
      days: {"type":["integer","null"],"format":"uint8","minimum":0,"maximum":255}
    required: ["city"]
    validate: false
    "#);
}

/// What to do.
#[data(allow_unknown_fields)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Action {
    /// Go on foot.
    Walk {
        steps: u32,
    },
    Stop,
}

#[data(allow_unknown_fields)]
#[serde(untagged)]
enum Either {
    ById { id: u64 },
    ByName { name: String },
}

#[data(allow_unknown_fields)]
enum External {
    Walk { steps: u32 },
}

#[test]
fn an_enum_at_the_root_is_one_of_several_objects() {
    assert_snapshot!(parameters!(action: Args<Action>), @r#"
    oneOf:
      - type: "object"
        properties:
          do: {"type":"string","const":"walk"}
          steps: {"type":"integer","format":"uint32","minimum":0,"maximum":4294967295}
        required: ["do","steps"]
        description: "Go on foot."
      - {"type":"object","properties":{"do":{"type":"string","const":"stop"}},"required":["do"]}
    description: "What to do."
    type: "object"
    validate: false
    "#);
    assert_snapshot!(parameters!(either: Args<Either>), @r#"
    anyOf:
      - type: "object"
        properties: {"id":{"type":"integer","format":"uint64","minimum":0}}
        required: ["id"]
      - {"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}
    type: "object"
    validate: false
    "#);
    assert_snapshot!(parameters!(external: Args<External>), @r#"
    oneOf:
      - type: "object"
        properties:
          Walk:
            type: "object"
            properties: {"steps":{"type":"integer","format":"uint32","minimum":0,"maximum":4294967295}}
            required: ["steps"]
        required: ["Walk"]
        additionalProperties: false
    type: "object"
    validate: false
    "#);
}

#[test]
fn arguments_of_any_type_are_still_an_object() {
    assert_snapshot!(parameters!(any: Args<Value>), @r#"
    {"type":"object"}
    validate: false
    "#);
    assert_snapshot!(parameters!(raw: Args<Box<RawValue>>), @r#"
    {"type":"object"}
    validate: false
    "#);
    assert_snapshot!(parameters!(map: Args<BTreeMap<String, u8>>), @r#"
    type: "object"
    additionalProperties: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
    validate: false
    "#);
}

#[data(allow_unknown_fields)]
struct Of<T> {
    items: Vec<T>,
}

#[test]
fn a_generic_struct_is_declared_for_its_type() {
    assert_snapshot!(parameters!(of: Args<Of<bool>>), @r#"
    type: "object"
    properties: {"items":{"type":"array","items":{"type":"boolean"}}}
    required: ["items"]
    additionalProperties: false
    validate: false
    "#);
}

#[data(allow_unknown_fields)]
struct Item {
    /// How many.
    #[schemars(range(min = 1))]
    count: u8,
}

#[data(allow_unknown_fields)]
struct Order {
    items: Vec<Item>,
    note: Option<Box<Order>>,
}

#[test]
fn constraints_at_any_depth_are_left_to_the_host_and_recursion_is_referred_to() {
    assert_snapshot!(parameters!(order: Args<Order>), @r##"
    type: "object"
    properties:
      items:
        type: "array"
        items:
          type: "object"
          properties: count: {"description":"How many.","type":"integer","format":"uint8","minimum":1,"maximum":255}
          required: ["count"]
      note: {"anyOf":[{"$ref":"#"},{"type":"null"}]}
    required: ["items"]
    validate: true
    "##);
}

/// The tool takes its arguments as `T`, and gives them back.
macro_rules! echo {
    ($ty:ty, $body:expr) => {{
        #[tool(description = "-")]
        fn echo(args: Args<$ty>) -> Json<$ty> {
            Json(args.0)
        }
        match call::<echo>($body) {
            Ok(result) => result["structuredContent"].to_string(),
            Err(failure) => {
                assert_eq!(failure["kind"], "invalid_arguments", "{failure}");
                failure["public"].as_str().expect("words").to_owned()
            }
        }
    }};
}

#[test]
fn decoding_takes_and_refuses_what_is_declared() {
    for (echo, expected) in [
        (
            echo!(Query, r#"{"city":"Lyon"}"#),
            r#"{"city":"Lyon","days":null}"#,
        ),
        (echo!(Query, ""), "missing field `city`"),
        (echo!(Query, "{}"), "missing field `city`"),
        (
            echo!(Query, r#"{"city":"Lyon","dyas":1}"#),
            "unknown argument `dyas`; known: city, days",
        ),
        (
            echo!(Query, r#"{"city":"Lyon","city":"Turin"}"#),
            "duplicate field `city`",
        ),
        (
            echo!(Query, r#"{"city":"Lyon","days":256}"#),
            "invalid value: integer `256`, expected u8",
        ),
        (
            echo!(Query, r#"["Lyon",1]"#),
            "invalid type: sequence, expected an object of the tool's arguments",
        ),
        (
            echo!(Query, "null"),
            "invalid type: null, expected an object of the tool's arguments",
        ),
        (echo!(Query, r#"{"city":"Lyon"} x"#), "trailing characters"),
        (echo!(Nothing, ""), "{}"),
        (
            echo!(Nothing, r#"{"x":1}"#),
            "unknown argument `x`; known: none",
        ),
        (
            echo!(Renamed, r#"{"firstWord":"a","2nd":"b","n":3}"#),
            r#"{"firstWord":"a","2nd":"b","number":3}"#,
        ),
        (
            echo!(Renamed, r#"{"firstWord":"a","2nd":"b","count":3,"n":4}"#),
            "duplicate field `number`",
        ),
        (
            echo!(Flattened, r#"{"offset":2,"city":"Lyon","more":null}"#),
            r#"{"city":"Lyon","offset":2}"#,
        ),
        (
            echo!(Rest, r#"{"a":1,"city":"Lyon"}"#),
            r#"{"city":"Lyon","a":1}"#,
        ),
        (
            echo!(Closed, r#"{"city":"Lyon","x":1}"#),
            "unknown argument `x`; known: city",
        ),
        (
            echo!(Transparent, r#"{"city":"Lyon","x":1}"#),
            "unknown argument `x`; known: city, days",
        ),
        (
            echo!(Action, r#"{"steps":5,"do":"walk"}"#),
            r#"{"do":"walk","steps":5}"#,
        ),
        (echo!(Action, r#"{"do":"stop"}"#), r#"{"do":"stop"}"#),
        (
            echo!(Action, r#"{"do":"fly"}"#),
            "unknown variant `fly`, expected `walk` or `stop`",
        ),
        (echo!(Action, ""), "missing field `do`"),
        (echo!(Either, r#"{"name":"x"}"#), r#"{"name":"x"}"#),
        (
            echo!(Either, r#"{}"#),
            "data did not match any variant of untagged enum Either",
        ),
        (
            echo!(External, r#"{"Walk":{"steps":1}}"#),
            r#"{"Walk":{"steps":1}}"#,
        ),
        (
            echo!(BTreeMap<String, u8>, r#"{"b":1,"a":2}"#),
            r#"{"a":2,"b":1}"#,
        ),
        (echo!(BTreeMap<String, u8>, ""), "{}"),
        (echo!(Value, r#"{"b":[1,2.50]}"#), r#"{"b":[1,2.5]}"#),
        (echo!(Value, ""), "{}"),
        (
            echo!(Of<bool>, r#"{"items":[true]}"#),
            r#"{"items":[true]}"#,
        ),
        (
            echo!(
                Order,
                r#"{"items":[{"count":0,"unknown":1}],"note":{"items":[],"more":1}}"#
            ),
            r#"{"items":[{"count":0}],"note":{"items":[],"note":null}}"#,
        ),
    ] {
        assert_eq!(echo, expected);
    }
}

#[test]
fn raw_arguments_arrive_byte_for_byte() {
    #[tool(description = "-")]
    fn whole(args: Args<Box<RawValue>>) -> String {
        args.get().to_owned()
    }

    #[tool(description = "-")]
    #[expect(clippy::boxed_local, reason = "a `RawValue` that is owned is boxed")]
    fn single(raw: Box<RawValue>, maybe: Option<Box<RawValue>>) -> String {
        format!("{} {:?}", raw.get(), maybe.map(|raw| raw.get().to_owned()))
    }

    let body = "{ \"b\" : 1e400 ,\t\"a\":[ ], \"a\": \"\\u00e9\" }";
    let result = call::<whole>(&format!("\n {body} ")).expect("a result");
    assert_eq!(result["content"][0]["text"], body);

    for (body, text) in [
        (r#"{"raw": { "x" : 1.0 } }"#, r#"{ "x" : 1.0 } None"#),
        (r#"{"raw":null,"maybe": 0.10 }"#, r#"null Some("0.10")"#),
        (r#"{"raw":-0e0,"maybe":null}"#, "-0e0 None"),
    ] {
        let result = call::<single>(body).expect("a result");
        assert_eq!(result["content"][0]["text"], text, "body: {body}");
    }
    assert_eq!(
        call::<single>("{}"),
        Err(json!({"kind": "invalid_arguments", "public": "missing argument `raw`"}))
    );
}

#[test]
fn a_unit_struct_is_no_object() {
    #[tool(description = "-")]
    fn take(_args: Args<NothingAtAll>) {}

    assert!(call::<take>("{}").is_err());
}
