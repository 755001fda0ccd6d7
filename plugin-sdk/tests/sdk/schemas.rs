//! The declaration of a signature.

use std::collections::{BTreeMap, HashMap, HashSet};

use insta::assert_snapshot;
use plugin_sdk::{
    prelude::*,
    serde_json::{Map, Value},
};

use crate::declarations::{output, parameters, tool_of};

#[test]
fn no_parameters_are_an_object_that_must_be_empty() {
    assert_snapshot!(parameters!(), @r#"
    {"type":"object","additionalProperties":false}
    validate: false
    "#);
}

#[test]
fn integers_of_up_to_32_bits_carry_the_bounds_of_their_type() {
    assert_snapshot!(parameters!(a: i8, b: i16, c: i32, d: u8, e: u16, f: u32), @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":"integer","format":"int8","minimum":-128,"maximum":127}
      b: {"type":"integer","format":"int16","minimum":-32768,"maximum":32767}
      c: {"type":"integer","format":"int32","minimum":-2147483648,"maximum":2147483647}
      d: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
      e: {"type":"integer","format":"uint16","minimum":0,"maximum":65535}
      f: {"type":"integer","format":"uint32","minimum":0,"maximum":4294967295}
    required: ["a","b","c","d","e","f"]
    validate: false
    "#);
}

#[test]
fn wide_integers_declare_only_bounds_that_every_client_can_represent() {
    assert_snapshot!(parameters!(a: i64, b: i128, c: isize, d: u64, e: u128, f: usize), @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":"integer","format":"int64"}
      b: {"type":"integer","format":"int128"}
      c: {"type":"integer","format":"int"}
      d: {"type":"integer","format":"uint64","minimum":0}
      e: {"type":"integer","format":"uint128","minimum":0}
      f: {"type":"integer","format":"uint","minimum":0}
    required: ["a","b","c","d","e","f"]
    validate: false
    "#);
}

#[test]
fn other_scalars_are_what_json_has_for_them() {
    assert_snapshot!(parameters!(a: f32, b: f64, c: bool, d: String), @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":"number","format":"float"}
      b: {"type":"number","format":"double"}
      c: {"type":"boolean"}
      d: {"type":"string"}
    required: ["a","b","c","d"]
    validate: false
    "#);
}

#[test]
fn a_char_is_a_string_of_length_one() {
    assert_snapshot!(parameters!(c: char), @r#"
    type: "object"
    additionalProperties: false
    properties: {"c":{"type":"string","minLength":1,"maxLength":1}}
    required: ["c"]
    validate: true
    "#);
}

#[test]
fn an_option_may_be_left_out_or_null() {
    assert_snapshot!(parameters!(a: Option<String>, b: i64, c: Option<u8>), @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":["string","null"]}
      b: {"type":"integer","format":"int64"}
      c: {"type":["integer","null"],"format":"uint8","minimum":0,"maximum":255}
    required: ["b"]
    validate: false
    "#);
}

#[test]
fn lists_and_what_is_in_them() {
    assert_snapshot!(
        parameters!(a: Vec<String>, b: Vec<Option<i64>>, c: Option<Vec<u8>>, d: Vec<Vec<f64>>),
        @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":"array","items":{"type":"string"}}
      b: {"type":"array","items":{"type":["integer","null"],"format":"int64"}}
      c:
        type: ["array","null"]
        items: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
      d: {"type":"array","items":{"type":"array","items":{"type":"number","format":"double"}}}
    required: ["a","b","d"]
    validate: false
    "#
    );
}

#[test]
fn maps_are_objects_with_values_of_one_type() {
    assert_snapshot!(
        parameters!(a: HashMap<String, bool>, b: BTreeMap<String, Vec<u16>>, c: BTreeMap<u8, String>),
        @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {"type":"object","additionalProperties":{"type":"boolean"}}
      b:
        type: "object"
        additionalProperties: {"type":"array","items":{"type":"integer","format":"uint16","minimum":0,"maximum":65535}}
      c:
        type: "object"
        additionalProperties: false
        patternProperties: {"^\\d+$":{"type":"string"}}
    required: ["a","b","c"]
    validate: false
    "#
    );
}

#[test]
fn a_set_is_validated_because_decoding_ignores_duplicates() {
    assert_snapshot!(parameters!(a: HashSet<String>), @r#"
    type: "object"
    additionalProperties: false
    properties: {"a":{"type":"array","uniqueItems":true,"items":{"type":"string"}}}
    required: ["a"]
    validate: true
    "#);
}

#[test]
fn tuples_and_arrays_have_their_length() {
    assert_snapshot!(parameters!(a: (f64, String), b: [u8; 3]), @r#"
    type: "object"
    additionalProperties: false
    properties:
      a:
        type: "array"
        prefixItems: [{"type":"number","format":"double"},{"type":"string"}]
        minItems: 2
        maxItems: 2
      b:
        type: "array"
        items: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
        minItems: 3
        maxItems: 3
    required: ["a","b"]
    validate: true
    "#);
}

#[test]
fn a_value_of_any_type_has_an_empty_schema() {
    assert_snapshot!(parameters!(a: Value, b: Vec<Value>, c: Map<String, Value>), @r#"
    type: "object"
    additionalProperties: false
    properties:
      a: {}
      b: {"type":"array","items":true}
      c: {"type":"object","additionalProperties":true}
    required: ["a","b","c"]
    validate: false
    "#);
}

/// A place on Earth.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
struct Place {
    /// Degrees north.
    latitude: f64,
    longitude: f64,
    /// Where it is known.
    name: Option<String>,
}

#[test]
fn a_struct_is_written_out_in_place() {
    assert_snapshot!(parameters!(from: Place, to: Option<Place>, via: Vec<Place>), @r#"
    type: "object"
    additionalProperties: false
    properties:
      from:
        type: "object"
        properties:
          latitude: {"type":"number","format":"double","description":"Degrees north."}
          longitude: {"type":"number","format":"double"}
          name: {"type":["string","null"],"description":"Where it is known."}
        required: ["latitude","longitude"]
        description: "A place on Earth."
      to:
        type: ["object","null"]
        properties:
          latitude: {"type":"number","format":"double","description":"Degrees north."}
          longitude: {"type":"number","format":"double"}
          name: {"type":["string","null"],"description":"Where it is known."}
        required: ["latitude","longitude"]
        description: "A place on Earth."
      via:
        type: "array"
        items:
          description: "A place on Earth."
          type: "object"
          properties:
            latitude: {"description":"Degrees north.","type":"number","format":"double"}
            longitude: {"type":"number","format":"double"}
            name: {"description":"Where it is known.","type":["string","null"]}
          required: ["latitude","longitude"]
    required: ["from","via"]
    validate: false
    "#);
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde", rename_all = "camelCase")]
#[schemars(crate = "plugin_sdk::schemars")]
struct Query {
    search_text: String,
    #[serde(default)]
    page: u32,
    #[serde(default = "ten")]
    page_size: u8,
    #[serde(rename = "lang")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    tags: Vec<String>,
}

fn ten() -> u8 {
    10
}

#[test]
fn serde_renames_and_defaults_are_declared() {
    assert_snapshot!(parameters!(query: Query), @r#"
    type: "object"
    additionalProperties: false
    properties:
      query:
        type: "object"
        properties:
          searchText: {"type":"string"}
          page: {"type":"integer","format":"uint32","minimum":0,"default":0,"maximum":4294967295}
          pageSize: {"type":"integer","format":"uint8","minimum":0,"maximum":255,"default":10}
          lang: {"type":["string","null"]}
          tags: {"type":"array","items":{"type":"string"}}
        required: ["searchText"]
    required: ["query"]
    validate: false
    "#);
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "plugin_sdk::schemars")]
struct Closed {
    on: bool,
}

#[test]
fn a_closed_struct_stays_closed() {
    assert_snapshot!(parameters!(a: Closed), @r#"
    type: "object"
    additionalProperties: false
    properties:
      a:
        type: "object"
        additionalProperties: false
        properties: {"on":{"type":"boolean"}}
        required: ["on"]
    required: ["a"]
    validate: false
    "#);
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde", rename_all = "snake_case")]
#[schemars(crate = "plugin_sdk::schemars")]
enum Unit {
    Celsius,
    Fahrenheit,
}

/// A speed.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde", rename_all = "lowercase")]
#[schemars(crate = "plugin_sdk::schemars")]
enum Speed {
    /// As long as it takes.
    Slow,
    Fast,
}

#[test]
fn an_enum_of_words_lists_them() {
    assert_snapshot!(parameters!(unit: Unit, speed: Speed, other: Option<Unit>), @r#"
    type: "object"
    additionalProperties: false
    properties:
      unit: {"type":"string","enum":["celsius","fahrenheit"]}
      speed:
        oneOf:
          - {"type":"string","enum":["fast"]}
          - {"type":"string","const":"slow","description":"As long as it takes."}
        description: "A speed."
      other: {"type":["string","null"],"enum":["celsius","fahrenheit",null]}
    required: ["unit","speed"]
    validate: false
    "#);
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
enum Shape {
    Point,
    Circle(f64),
    Box { width: u8, height: u8 },
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde", tag = "kind")]
#[schemars(crate = "plugin_sdk::schemars")]
enum Tagged {
    Circle { radius: f64 },
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde", untagged)]
#[schemars(crate = "plugin_sdk::schemars")]
enum Untagged {
    Number(i64),
    Text(String),
}

#[test]
fn an_enum_with_data_is_one_of_its_forms() {
    assert_snapshot!(parameters!(shape: Shape), @r#"
    type: "object"
    additionalProperties: false
    properties:
      shape:
        oneOf:
          - {"type":"string","enum":["Point"]}
          - type: "object"
            properties: {"Circle":{"type":"number","format":"double"}}
            required: ["Circle"]
            additionalProperties: false
          - type: "object"
            properties:
              Box:
                type: "object"
                properties:
                  width: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
                  height: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
                required: ["width","height"]
            required: ["Box"]
            additionalProperties: false
    required: ["shape"]
    validate: false
    "#);
    assert_snapshot!(parameters!(shape: Tagged, either: Untagged), @r#"
    type: "object"
    additionalProperties: false
    properties:
      shape:
        oneOf:
          - type: "object"
            properties: {"kind":{"type":"string","const":"Circle"},"radius":{"type":"number","format":"double"}}
            required: ["kind","radius"]
      either: {"anyOf":[{"type":"integer","format":"int64"},{"type":"string"}]}
    required: ["shape","either"]
    validate: false
    "#);
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
struct Tree {
    label: u8,
    children: Vec<Tree>,
}

#[test]
fn only_a_recursive_type_has_a_ref() {
    assert_snapshot!(parameters!(tree: Tree), @r##"
    type: "object"
    additionalProperties: false
    properties:
      tree:
        type: "object"
        properties:
          label: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
          children: {"type":"array","items":{"$ref":"#/$defs/Tree"}}
        required: ["label","children"]
    required: ["tree"]
    $defs:
      Tree:
        type: "object"
        properties:
          label: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
          children: {"type":"array","items":{"$ref":"#/$defs/Tree"}}
        required: ["label","children"]
    validate: false
    "##);
    assert_snapshot!(parameters!(first: Tree, second: Option<Box<Tree>>), @r##"
    type: "object"
    additionalProperties: false
    properties:
      first:
        type: "object"
        properties:
          label: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
          children: {"type":"array","items":{"$ref":"#/$defs/Tree"}}
        required: ["label","children"]
      second:
        type: ["object","null"]
        properties:
          label: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
          children: {"type":"array","items":{"$ref":"#/$defs/Tree"}}
        required: ["label","children"]
    required: ["first"]
    $defs:
      Tree:
        type: "object"
        properties:
          label: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
          children: {"type":"array","items":{"$ref":"#/$defs/Tree"}}
        required: ["label","children"]
    validate: false
    "##);
}

#[test]
fn raw_identifiers_lose_their_prefix_and_mut_is_no_part_of_a_name() {
    assert_snapshot!(parameters!(r#type: String, mut count: i64, _unused: bool), @r#"
    type: "object"
    additionalProperties: false
    properties:
      type: {"type":"string"}
      count: {"type":"integer","format":"int64"}
      _unused: {"type":"boolean"}
    required: ["type","count","_unused"]
    validate: false
    "#);
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
struct Limits {
    #[schemars(range(min = 1, max = 10))]
    count: u8,
    #[schemars(length(min = 2))]
    name: String,
    #[schemars(regex(pattern = "^[a-z]+$"))]
    word: String,
    #[schemars(length(max = 3))]
    list: Vec<i64>,
}

#[test]
fn constraints_are_declared_and_left_to_the_host() {
    assert_snapshot!(parameters!(limits: Limits), @r#"
    type: "object"
    additionalProperties: false
    properties:
      limits:
        type: "object"
        properties:
          count: {"type":"integer","format":"uint8","minimum":1,"maximum":10}
          name: {"type":"string","minLength":2}
          word: {"type":"string","pattern":"^[a-z]+$"}
          list: {"type":"array","items":{"type":"integer","format":"int64"},"maxItems":3}
        required: ["count","name","word","list"]
    required: ["limits"]
    validate: true
    "#);
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
#[schemars(extend("dependentRequired" = {"a": ["b"]}))]
struct Dependent {
    a: Option<u8>,
    b: Option<u8>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
struct Containing {
    #[schemars(extend("contains" = {"const": 1}))]
    list: Vec<u8>,
}

#[test]
fn constraints_that_an_author_wrote_by_hand_are_left_to_the_host_as_well() {
    for schema in [parameters!(x: Dependent), parameters!(x: Vec<Containing>)] {
        assert!(schema.ends_with("validate: true"), "schema: {schema}");
    }
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
struct Bounds {
    /// Names of keywords are no constraints as names of properties, nor in examples.
    #[schemars(example = &"minLength")]
    pattern: String,
    #[schemars(range(min = 0, max = 255))]
    minimum: u8,
}

#[test]
fn constraints_that_decoding_enforces_need_no_validation() {
    assert_snapshot!(parameters!(bounds: Bounds), @r#"
    type: "object"
    additionalProperties: false
    properties:
      bounds:
        type: "object"
        properties:
          pattern:
            type: "string"
            description: "Names of keywords are no constraints as names of properties, nor in examples."
            examples: ["minLength"]
          minimum: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
        required: ["pattern","minimum"]
    required: ["bounds"]
    validate: false
    "#);
}

#[test]
fn descriptions_of_arguments_come_from_the_list_and_win_over_those_of_types() {
    /// Fly.
    ///
    /// # Arguments
    /// * `from` - Where it starts.
    /// * `speed` - How fast.
    #[tool]
    #[allow(unused, reason = "only the signature matters")]
    fn fly(from: Place, to: Place, speed: Speed) {}
    let declared = tool_of::<fly>();
    let properties = &declared["tool"]["inputSchema"]["properties"];
    for (parameter, description) in [
        ("from", "Where it starts."),
        ("to", "A place on Earth."),
        ("speed", "How fast."),
    ] {
        assert_eq!(
            properties[parameter]["description"], description,
            "parameter: {parameter}"
        );
    }
}

#[test]
fn only_json_has_an_output_schema() {
    for (output, schema) in [
        ("()", output!(())),
        ("String", output!(String)),
        ("Option<Json<Place>>", output!(Option<Json<Place>>)),
        ("Result<i64, String>", output!(Result<i64, String>)),
        ("ToolResult", output!(ToolResult)),
    ] {
        assert_eq!(schema, "none", "return type: {output}");
    }
}

#[test]
fn the_output_schema_is_what_serializing_gives() {
    assert_snapshot!(output!(Json<Place>), @r#"
    type: "object"
    properties:
      latitude: {"type":"number","format":"double","description":"Degrees north."}
      longitude: {"type":"number","format":"double"}
      name: {"type":["string","null"],"description":"Where it is known."}
    required: ["latitude","longitude","name"]
    description: "A place on Earth."
    "#);
    assert_snapshot!(output!(Result<Json<Query>, ToolError>), @r#"
    type: "object"
    properties:
      searchText: {"type":"string"}
      page: {"type":"integer","format":"uint32","minimum":0,"default":0,"maximum":4294967295}
      pageSize: {"type":"integer","format":"uint8","minimum":0,"maximum":255,"default":10}
      lang: {"type":["string","null"]}
      tags: {"type":"array","items":{"type":"string"}}
    required: ["searchText","page","pageSize","lang"]
    "#);
    assert_snapshot!(output!(Json<Vec<Shape>>), @r#"
    type: "array"
    items:
      oneOf:
        - {"type":"string","enum":["Point"]}
        - type: "object"
          properties: {"Circle":{"type":"number","format":"double"}}
          required: ["Circle"]
          additionalProperties: false
        - type: "object"
          properties:
            Box:
              type: "object"
              properties:
                width: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
                height: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
              required: ["width","height"]
          required: ["Box"]
          additionalProperties: false
    "#);
    assert_snapshot!(output!(Json<Tree>), @r##"
    type: "object"
    properties:
      label: {"type":"integer","format":"uint8","minimum":0,"maximum":255}
      children: {"type":"array","items":{"$ref":"#"}}
    required: ["label","children"]
    "##);
    assert_snapshot!(output!(Json<Value>), @"{}");
}
