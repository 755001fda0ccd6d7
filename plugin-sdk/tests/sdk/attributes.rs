//! Attributes of parameters: in the declaration, and in a call.

use std::{cell::Cell, path::PathBuf};

use insta::assert_snapshot;
use plugin_abi::op;
use plugin_sdk::{
    prelude::*,
    serde_json::{Value, json, value::RawValue},
};

use crate::{
    declarations::{parameters, tool_of},
    host::{Plugin, call},
};

#[data(allow_unknown_fields)]
#[derive(Default)]
#[serde(rename_all = "lowercase")]
enum Unit {
    #[default]
    Metre,
    Mile,
}

#[test]
fn a_default_is_declared_and_the_argument_may_be_left_out() {
    assert_snapshot!(parameters!(#[arg(default)] a: u8, #[arg(default)] b: Vec<String>, #[arg(default)] c: Unit, #[arg(default)] d: Option<bool>), @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":"integer","format":"uint8","minimum":0,"maximum":255,"default":0}
      b: {"type":"array","items":{"type":"string"},"default":[]}
      c: {"type":"string","enum":["metre","mile"],"default":"metre"}
      d: {"type":["boolean","null"],"default":null}
    validate: false
    "#);
    assert_snapshot!(
        parameters!(
            #[arg(default = "here")] a: String,
            #[arg(default = 2 + 3)] b: i64,
            #[arg(default = Unit::Mile)] c: Unit,
            #[arg(default = Some(1.5))] d: Option<f64>,
            #[arg(default = vec!["x".to_owned()])] e: Vec<String>,
            #[arg(default = "/tmp")] f: PathBuf,
            #[arg(default = -1)] g: i8
        ),
        @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":"string","default":"here"}
      b: {"type":"integer","format":"int64","default":5}
      c: {"type":"string","enum":["metre","mile"],"default":"mile"}
      d: {"type":["number","null"],"format":"double","default":1.5}
      e: {"type":"array","items":{"type":"string"},"default":["x"]}
      f: {"type":"string","default":"/tmp"}
      g: {"type":"integer","format":"int8","minimum":-128,"maximum":127,"default":-1}
    validate: false
    "#
    );
}

/// Serialized, it is nothing of JSON.
struct Unwritable;

impl<'de> Deserialize<'de> for Unwritable {
    fn deserialize<D: plugin_sdk::serde::Deserializer<'de>>(decoder: D) -> Result<Self, D::Error> {
        bool::deserialize(decoder).map(|_| Self)
    }
}

impl JsonSchema for Unwritable {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Unwritable".into()
    }

    fn json_schema(
        generator: &mut plugin_sdk::schemars::SchemaGenerator,
    ) -> plugin_sdk::schemars::Schema {
        bool::json_schema(generator)
    }
}

#[test]
fn a_default_that_json_cannot_hold_applies_without_being_declared() {
    assert_snapshot!(parameters!(#[arg(default = Unwritable)] a: Unwritable), @r#"
    {"type":"object","additionalProperties":false,"properties":{"a":{"type":"boolean"}}}
    validate: false
    "#);
}

#[test]
fn a_header_is_declared_where_clients_and_the_host_look_for_it() {
    assert_snapshot!(
        parameters!(#[arg(header = "Region")] region: String, #[arg(header = "Count", default = 1)] count: u8, other: bool),
        @r#"
    type: "object"
    additionalProperties: false
    properties:
      region: {"type":"string","x-mcp-header":"Region"}
      count:
        type: "integer"
        format: "uint8"
        minimum: 0
        maximum: 255
        default: 1
        x-mcp-header: "Count"
      other: {"type":"boolean"}
    required: ["region","other"]
    validate: false
    headers: {"Region":"/region","Count":"/count"}
    "#
    );

    #[data(allow_unknown_fields)]
    struct Place {
        #[schemars(extend("x-mcp-header" = "Place-Name"))]
        name: String,
        #[schemars(extend("x-mcp-header" = "Slash"))]
        #[serde(rename = "a/b~c")]
        slash: bool,
    }
    assert_snapshot!(parameters!(place: Place), @r#"
    type: "object"
    additionalProperties: false
    properties:
      place:
        type: "object"
        properties:
          name: {"type":"string","x-mcp-header":"Place-Name"}
          a/b~c: {"type":"boolean","x-mcp-header":"Slash"}
        required: ["name","a/b~c"]
    required: ["place"]
    validate: false
    headers: {"Place-Name":"/place/name","Slash":"/place/a~1b~0c"}
    "#);
}

#[test]
fn constraints_of_an_argument_are_declared_and_left_to_the_host() {
    assert_snapshot!(
        parameters!(
            #[schemars(range(min = 1, max = 10))] a: u8,
            #[schemars(length(min = 1, max = 5))] b: String,
            #[schemars(regex(pattern = "^[a-z]+$"))] c: String,
            #[schemars(inner(length(max = 3)))] d: Vec<String>,
            #[schemars(extend("x-unit" = "km"))] e: f64,
            #[schemars(example = 5, title = "F")] f: u8
        ),
        @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":"integer","format":"uint8","minimum":1,"maximum":10}
      b: {"type":"string","minLength":1,"maxLength":5}
      c: {"type":"string","pattern":"^[a-z]+$"}
      d: {"type":"array","items":{"type":"string","maxLength":3}}
      e: {"type":"number","format":"double","x-unit":"km"}
      f: {"type":"integer","format":"uint8","minimum":0,"maximum":255,"title":"F","examples":[5]}
    required: ["a","b","c","d","e","f"]
    validate: true
    "#
    );
}

#[test]
fn constraints_that_only_a_validator_enforces_are_left_to_the_host() {
    for schema in [
        parameters!(#[schemars(required)] a: Option<u8>),
        parameters!(#[schemars(extend("enum" = ["km", "mi"]))] a: String),
        parameters!(#[schemars(with = "bool")] a: Value),
        parameters!(#[schemars(length(equal = 3))] a: Vec<u8>),
    ] {
        assert!(schema.ends_with("validate: true"), "{schema}");
    }
    for schema in [
        parameters!(#[schemars(example = 5)] a: u8),
        parameters!(#[schemars(description = "pattern")] a: u8),
    ] {
        assert!(schema.ends_with("validate: false"), "{schema}");
    }
}

#[test]
fn a_required_option_is_declared_as_what_it_holds() {
    assert_snapshot!(parameters!(#[schemars(required)] a: Option<u8>), @r#"
    type: "object"
    additionalProperties: false
    properties: {"a":{"type":"integer","format":"uint8","minimum":0,"maximum":255}}
    required: ["a"]
    validate: true
    "#);
}

#[test]
fn a_parameter_may_have_its_own_doc_comment() {
    assert_snapshot!(
        parameters!(
            /// Where it starts.
            ///
            /// Or began.
            from: String,
            #[doc = "Where to."]
            to: Unit
        ),
        @r#"
    type: "object"
    additionalProperties: false
    properties:
      from: {"type":"string","description":"Where it starts.\n\nOr began."}
      to: {"type":"string","enum":["metre","mile"],"description":"Where to."}
    required: ["from","to"]
    validate: false
    "#
    );
}

#[test]
fn types_of_other_crates_are_declared_by_their_features() {
    assert_snapshot!(
        parameters!(
            a: uuid::Uuid, b: url::Url, c: chrono::DateTime<chrono::Utc>, d: chrono::NaiveDate,
            e: jiff::Timestamp, f: jiff::civil::Date, g: jiff::Span, h: Option<jiff::Zoned>
        ),
        @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":"string","format":"uuid"}
      b: {"type":"string","format":"uri"}
      c: {"type":"string","format":"date-time"}
      d: {"type":"string","format":"date"}
      e: {"type":"string","format":"date-time"}
      f: {"type":"string","format":"date"}
      g: {"type":"string","format":"duration"}
      h: {"type":["string","null"],"format":"zoned-date-time"}
    required: ["a","b","c","d","e","f","g"]
    validate: false
    "#
    );
}

#[test]
fn types_of_other_crates_are_decoded() {
    #[tool(description = "-")]
    fn take(
        id: uuid::Uuid,
        place: url::Url,
        at: chrono::DateTime<chrono::Utc>,
        day: jiff::civil::Date,
    ) -> String {
        format!("{id} {place} {} {day}", at.timestamp())
    }

    let result = call::<take>(
        r#"{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","place":"https://example.com","at":"1970-01-01T00:01:00Z","day":"2026-02-28"}"#,
    );
    assert_eq!(
        result.expect("a result")["content"][0]["text"],
        "67e55044-10b1-426f-9247-bb680e5fe0c8 https://example.com/ 60 2026-02-28"
    );
}

#[test]
fn context_and_state_leave_no_trace() {
    #[tool(description = "-")]
    fn bare(a: u8) {
        let _ = a;
    }

    #[tool(description = "-")]
    fn surrounded(before: Context, a: u8, _: plugin_sdk::Context, state: Option<bool>) {
        let _ = (before, a, state);
    }

    let (bare, mut surrounded) = (tool_of::<bare>(), tool_of::<surrounded>());
    let properties = &mut surrounded["tool"]["inputSchema"]["properties"];
    assert!(
        properties
            .as_object_mut()
            .is_some_and(|all| all.remove("state").is_some())
    );
    assert_eq!(
        bare["tool"]["inputSchema"],
        surrounded["tool"]["inputSchema"]
    );
}

thread_local! {
    static ASKED: Cell<u32> = const { Cell::new(0) };
}

#[test]
fn a_default_is_made_anew_for_every_call_that_leaves_the_argument_out() {
    #[tool(description = "-")]
    fn count(#[arg(default = ASKED.replace(ASKED.get() + 1))] number: u32) -> u32 {
        number
    }

    let before = ASKED.get();
    for (body, text) in [("{}", before), (r#"{"number":70}"#, 70), ("", before + 1)] {
        let result = call::<count>(body).expect("a result");
        assert_eq!(
            result["content"][0]["text"],
            text.to_string(),
            "body: {body}"
        );
    }
    // `null` is no number, nor left out.
    let failure = call::<count>(r#"{"number":null}"#).expect_err("not a number");
    assert_eq!(failure["kind"], "invalid_arguments");
}

#[test]
fn a_panicking_default_fails_the_call_and_the_start() {
    #[tool(description = "-")]
    fn fails(#[arg(default = panic!("no default today"))] number: u32) -> u32 {
        number
    }

    let failure = call::<fails>("{}").expect_err("a panic");
    assert_eq!(failure["kind"], "panic");
    assert!(call::<fails>(r#"{"number":1}"#).is_ok());
    let failure = Plugin::of::<fails>()
        .invoke(op::INIT, "", r#"{"payloads":[1]}"#)
        .expect_err("a panic");
    let detail = failure["detail"].as_str().expect("a detail");
    assert!(detail.starts_with("no default today at "), "{detail}");
}

#[test]
fn a_left_out_argument_has_its_default() {
    #[tool(description = "-")]
    fn take(
        #[arg(default = "!")] a: String,
        #[arg(default)] b: Vec<u8>,
        #[arg(default = Unwritable)] c: Unwritable,
        #[arg(default = Unit::Mile)] d: Unit,
        #[arg(default = Some(5))] e: Option<u8>,
        #[arg(default = Some(RawValue::TRUE.to_owned()))] f: Option<Box<RawValue>>,
    ) -> Json<Value> {
        let Unwritable = c;
        Json(json!([
            a,
            b,
            matches!(d, Unit::Mile),
            e,
            f.map(|f| f.get().to_owned())
        ]))
    }

    let result = call::<take>("").expect("a result");
    assert_eq!(
        result["structuredContent"],
        json!(["!", [], true, 5, "true"])
    );
    let result = call::<take>(r#"{"e":null}"#).expect("a result");
    assert_eq!(result["structuredContent"][3], json!(null));
}
