//! The conversion of the body of a call to the arguments of a function.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use plugin_sdk::{
    prelude::*,
    serde_json::{Value, json},
};

use crate::host::{Call, Plugin, call};

/// Say what was taken.
#[tool]
fn take(count: u8, name: Option<String>, list: Option<Vec<i64>>) -> String {
    format!("{count} {name:?} {list:?}")
}

/// Take nothing.
#[tool]
fn take_nothing() -> &'static str {
    "nothing"
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("one text")
}

#[test]
fn arguments_arrive_by_name_whatever_their_order_and_spacing() {
    for (body, taken) in [
        (r#"{"count":1}"#, "1 None None"),
        (r#"{"count":255,"name":null,"list":null}"#, "255 None None"),
        (
            r#" { "list" : [ -1 , 2 ] , "name" : "Ada \u00e9 \"", "count" : 7 } "#,
            "7 Some(\"Ada é \\\"\") Some([-1, 2])",
        ),
    ] {
        let result = call::<take>(body).expect("a result");
        assert_eq!(text(&result), taken, "body: {body}");
    }
}

#[test]
fn no_body_is_no_arguments() {
    for body in ["", "{}"] {
        let result = call::<take_nothing>(body).expect("a result");
        assert_eq!(text(&result), "nothing", "body: {body:?}");
    }
    let failure = call::<take>("").expect_err("a missing argument");
    assert_eq!(failure["public"], "missing argument `count`");
}

#[test]
fn wrong_arguments_are_an_error_with_the_decoders_message() {
    for (body, message) in [
        ("{}", "missing argument `count`"),
        (
            r#"{"count":null}"#,
            "/count: invalid type: null, expected u8",
        ),
        (
            r#"{"count":"1"}"#,
            "/count: invalid type: string \"1\", expected u8",
        ),
        (
            r#"{"count":1.0}"#,
            "/count: invalid type: floating point `1.0`, expected u8",
        ),
        (
            r#"{"count":256}"#,
            "/count: invalid value: integer `256`, expected u8",
        ),
        (
            r#"{"count":-1}"#,
            "/count: invalid value: integer `-1`, expected u8",
        ),
        (
            r#"{"count":1,"list":[1,true]}"#,
            "/list: invalid type: boolean `true`, expected i64",
        ),
        (
            r#"{"count":1,"cuont":2}"#,
            "unknown argument `cuont`; known: count, name, list",
        ),
        (r#"{"count":1,"count":2}"#, "duplicate argument `count`"),
        (
            "null",
            "invalid type: null, expected an object of the tool's arguments",
        ),
        (
            "1",
            "invalid type: integer `1`, expected an object of the tool's arguments",
        ),
        (r#"{"count":1"#, "EOF while parsing an object"),
        (r#"{"count":1}x"#, "trailing characters"),
        ("arguments", "expected value"),
    ] {
        let failure = json!({"kind": "invalid_arguments", "public": message});
        assert_eq!(call::<take>(body), Err(failure), "body: {body}");
    }
    let failure = call::<take_nothing>(r#"{"x":1}"#).expect_err("an unknown argument");
    assert_eq!(
        failure,
        json!({"kind": "invalid_arguments", "public": "unknown argument `x`; known: none"})
    );
}

#[test]
fn messages_of_the_authors_types_are_kept() {
    struct Even;

    impl<'de> Deserialize<'de> for Even {
        fn deserialize<D: plugin_sdk::serde::Deserializer<'de>>(
            _decoder: D,
        ) -> Result<Self, D::Error> {
            Err(plugin_sdk::serde::de::Error::custom("odd at line 5 of all"))
        }
    }

    impl JsonSchema for Even {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Even".into()
        }

        fn json_schema(
            _generator: &mut plugin_sdk::schemars::SchemaGenerator,
        ) -> plugin_sdk::schemars::Schema {
            true.into()
        }
    }

    #[tool(description = "-")]
    fn even(_number: Even) {}

    let failure = call::<even>(r#"{"_number":1}"#).expect_err("never even");
    assert_eq!(failure["public"], "/_number: odd at line 5 of all");
}

#[test]
fn a_call_that_cannot_be_decoded_does_not_run_the_tool() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[tool(description = "-")]
    fn run(_x: u8) {
        RUNS.fetch_add(1, Ordering::Relaxed);
    }

    assert!(call::<run>(r#"{"_x":"1"}"#).is_err());
    assert_eq!(RUNS.load(Ordering::Relaxed), 0);
    assert!(call::<run>(r#"{"_x":1}"#).is_ok());
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn every_kind_of_parameter_is_decoded() {
    #[derive(Deserialize, Serialize, JsonSchema)]
    #[serde(crate = "plugin_sdk::serde", rename_all = "camelCase")]
    #[schemars(crate = "plugin_sdk::schemars")]
    struct Place {
        short_name: String,
        #[serde(default)]
        height: f32,
    }

    #[derive(Deserialize, Serialize, JsonSchema)]
    #[serde(crate = "plugin_sdk::serde", rename_all = "lowercase")]
    #[schemars(crate = "plugin_sdk::schemars")]
    enum Unit {
        Metre,
        Times(f64),
    }

    #[derive(Serialize, JsonSchema)]
    #[serde(crate = "plugin_sdk::serde")]
    #[schemars(crate = "plugin_sdk::schemars")]
    struct Everything(
        char,
        u64,
        (i8, bool),
        Vec<Option<Place>>,
        BTreeMap<u8, Unit>,
        Value,
    );

    #[tool(description = "-")]
    fn everything(
        r#type: char,
        mut big: u64,
        pair: (i8, bool),
        places: Vec<Option<Place>>,
        units: BTreeMap<u8, Unit>,
        any: Value,
    ) -> Json<Everything> {
        big -= 1;
        Json(Everything(r#type, big, pair, places, units, any))
    }

    let result = call::<everything>(
        r#"{"type":"ß","big":18446744073709551615,"pair":[-128,true],"places":[null,{"shortName":"A"}],"units":{"3":{"times":1e3},"1":"metre"},"any":{"b":1,"a":2.0}}"#,
    );
    assert_eq!(
        text(&result.expect("a result")),
        r#"["ß",18446744073709551614,[-128,true],[null,{"shortName":"A","height":0.0}],{"1":"metre","3":{"times":1000.0}},{"b":1,"a":2.0}]"#
    );
}

#[test]
fn functions_may_be_called_like_anything_the_macro_uses_itself() {
    #[tool(description = "-")]
    fn arguments(body: u8, arguments: u8) -> u8 {
        body + arguments
    }

    #[tool(description = "-")]
    fn body() -> &'static str {
        "body"
    }

    let result = call::<arguments>(r#"{"body":1,"arguments":2}"#).expect("a result");
    assert_eq!(text(&result), "3");
    let result = Plugin::of::<body>().call("body", "").expect("a result");
    assert_eq!(text(&result), "body");
}

#[test]
fn a_body_that_is_not_utf8_is_refused() {
    let bodies: [&[u8]; 4] = [
        b"{\"count\":1,\"name\":\"\xff\"}",
        b"{\"count\":1,\"\xc3\":1}",
        b"\xff\xfe{\x00}\x00",
        b"{\"count\":\"\xed\xa0\x80\"}",
    ];
    for body in bodies {
        for failure in [
            Call::new().with_body(Plugin::of::<take>(), "take", body),
            Call::new().with_body(Plugin::of::<take_all>(), "take_all", body),
        ] {
            let failure = failure.expect_err("not UTF-8");
            assert_eq!(failure["kind"], "invalid_arguments", "body: {body:?}");
        }
    }
    // A byte order mark is no JSON either.
    let body = "\u{feff}{\"count\":1}".as_bytes();
    assert!(
        Call::new()
            .with_body(Plugin::of::<take>(), "take", body)
            .is_err()
    );
}

/// Take anything.
#[tool]
fn take_all(arguments: Args<Value>) -> String {
    arguments.to_string()
}

/// Take a value of any form.
#[tool]
fn take_any(any: Value) -> String {
    any.to_string().len().to_string()
}

#[test]
fn nesting_has_a_limit_that_is_an_error_and_no_overflow() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (depth, taken) in [(1, true), (127, true), (128, false), (100_000, false)] {
        let result = call::<take_any>(&format!(r#"{{"any":{}}}"#, nested(depth)));
        match result {
            Ok(result) => assert!(
                taken && text(&result) == (2 * depth).to_string(),
                "depth: {depth}"
            ),
            Err(failure) => {
                assert!(!taken, "depth: {depth}");
                assert_eq!(failure["kind"], "invalid_arguments");
                assert_eq!(failure["public"], "/any: recursion limit exceeded");
            }
        }
    }
    // The object of all arguments counts, where they are one value.
    for (depth, taken) in [(126, true), (127, false), (100_000, false)] {
        let result = call::<take_all>(&format!(r#"{{"any":{}}}"#, nested(depth)));
        assert_eq!(result.is_ok(), taken, "depth: {depth}");
    }
    // Skipped or raw values are not nested in memory.
    let unknown = format!(r#"{{"count":1,"unknown":{}}}"#, nested(100_000));
    let failure = call::<take>(&unknown).expect_err("an unknown argument");
    assert_eq!(
        failure["public"],
        "unknown argument `unknown`; known: count, name, list"
    );
}

#[test]
fn numbers_are_taken_as_far_as_their_type_goes() {
    #[tool(description = "-")]
    fn numbers(
        a: Option<i64>,
        b: Option<u64>,
        c: Option<i128>,
        d: Option<f64>,
        e: Option<f32>,
        f: Option<Value>,
    ) -> String {
        format!("{a:?} {b:?} {c:?} {d:?} {e:?} {f:?}")
            .replace("None", "")
            .trim()
            .to_owned()
    }

    for (body, taken) in [
        (
            r#"{"a":-9223372036854775808}"#,
            Some("Some(-9223372036854775808)"),
        ),
        (r#"{"a":9223372036854775808}"#, None),
        (r#"{"a":1e2}"#, None),
        (r#"{"a":-0}"#, None),
        (
            r#"{"b":18446744073709551615}"#,
            Some("Some(18446744073709551615)"),
        ),
        (r#"{"b":18446744073709551616}"#, None),
        (
            r#"{"c":-170141183460469231731687303715884105728}"#,
            Some("Some(-170141183460469231731687303715884105728)"),
        ),
        (r#"{"d":1}"#, Some("Some(1.0)")),
        (r#"{"d":1e308}"#, Some("Some(1e308)")),
        (r#"{"d":1e309}"#, None),
        (r#"{"d":-0.0}"#, Some("Some(-0.0)")),
        (r#"{"d":5e-324}"#, Some("Some(5e-324)")),
        (r#"{"d":NaN}"#, None),
        (r#"{"e":1e39}"#, None),
        (r#"{"f":1e400}"#, None),
        (r#"{"f":01}"#, None),
        (r#"{"f":.5}"#, None),
    ] {
        match (call::<numbers>(body), taken) {
            (Ok(result), Some(taken)) => assert_eq!(text(&result), taken, "body: {body}"),
            (Err(failure), None) => {
                assert_eq!(failure["kind"], "invalid_arguments", "body: {body}")
            }
            (result, _) => panic!("{body}: {result:?}"),
        }
    }
}

#[test]
fn a_name_is_the_same_however_it_is_spelled() {
    #[tool(description = "-")]
    fn named(größe: u8) -> u8 {
        größe
    }

    for body in [r#"{"größe":1}"#, r#"{"gr\u00f6\u00dfe":1}"#] {
        assert!(call::<named>(body).is_ok(), "body: {body}");
    }
    for body in [
        r#"{"größe":1,"gr\u00f6\u00dfe":1}"#,
        r#"{"grosse":1}"#,
        r#"{"":1}"#,
        r#"{"größe ":1}"#,
        r#"{"$serde_json::private::RawValue":"1"}"#,
    ] {
        assert!(call::<named>(body).is_err(), "body: {body}");
    }
}

#[test]
fn unknown_members_within_an_argument_are_refused_unless_its_type_allows_them() {
    #[data(allow_unknown_fields)]
    struct Open {
        on: bool,
    }

    #[data]
    struct Closed {
        on: bool,
    }

    #[tool(description = "-")]
    fn open(lamp: Open) -> bool {
        lamp.on
    }

    #[tool(description = "-")]
    fn closed(lamp: Closed) -> bool {
        lamp.on
    }

    let body = r#"{"lamp":{"on":true,"off":false}}"#;
    assert!(call::<open>(body).is_ok());
    let failure = call::<closed>(body).expect_err("an unknown member");
    assert_eq!(
        failure["public"],
        "/lamp: unknown field `off`, expected `on`"
    );
}

#[test]
fn a_long_text_is_taken_whole() {
    #[tool(description = "-")]
    fn length(text: String) -> usize {
        text.len()
    }

    let body = json!({"text": "é".repeat(3_000_000)}).to_string();
    assert_eq!(text(&call::<length>(&body).expect("a result")), "6000000");
}

#[test]
fn data_is_closed_where_serde_can_tell_its_fields_from_others() {
    #[data]
    struct Flat {
        #[serde(flatten)]
        more: BTreeMap<String, u8>,
    }

    #[data]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Tagged {
        Drive { speed: u8 },
    }

    #[data]
    enum Way {
        Walk,
        Drive { speed: u8 },
    }

    #[tool(description = "-")]
    fn take(flat: Option<Flat>, tagged: Option<Tagged>, way: Option<Way>) -> String {
        let speed = match (tagged, way) {
            (Some(Tagged::Drive { speed }), _) | (_, Some(Way::Drive { speed })) => speed,
            (None, Some(Way::Walk) | None) => 0,
        };
        format!("{speed} {:?}", flat.map(|flat| flat.more))
    }

    for (body, taken) in [
        (r#"{"flat":{"any":1}}"#, r#"0 Some({"any": 1})"#),
        (
            r#"{"tagged":{"kind":"drive","speed":3,"more":1}}"#,
            "3 None",
        ),
        (r#"{"way":{"Drive":{"speed":3}}}"#, "3 None"),
        (r#"{"way":"Walk"}"#, "0 None"),
    ] {
        let result = call::<take>(body).unwrap_or_else(|failure| panic!("{body}: {failure}"));
        assert_eq!(text(&result), taken, "body: {body}");
    }
    let failure = call::<take>(r#"{"way":{"Drive":{"speed":3,"sped":4}}}"#);
    let failure = failure.expect_err("an unknown field of a variant");
    assert_eq!(
        failure["public"],
        "/way: unknown field `sped`, expected `speed`"
    );
}
