//! Coercion: the conversion of arguments that are written as another JSON type than the schema requires, such as `"5"`
//! for a number, `"[1]"` for an array, or `5.0` for an integer.

use serde_json::{Map, Value};

use crate::{
    schema::document::{Document, Keywords, address, parts, properties},
    spelling::coerced,
};

/// The maximum depth of coercion. Values that are nested more deeply stay unchanged.
const MAX_DEPTH: usize = 64;

/// Converts `value`, and the values in it, to the types that `schema` requires, and reports whether anything changed.
///
/// | the schema wants | the value is | it becomes |
/// |---|---|---|
/// | integer | `"5"`, `5.0`, `"5.0"` | `5` |
/// | number | `"2.5"`, `"1e3"` | `2.5`, `1000.0` |
/// | boolean | `"true"`, `"false"` | `true`, `false` |
/// | array, object | a string whose text is a JSON array, object | that array, object |
///
/// Nested values are coerced down to a depth of 64. A string is never coerced if the schema also accepts strings.
/// Nothing is trimmed: `" 5"` stays a string. A value that the schema accepts stays unchanged, except `5.0` for an
/// integer. No information is lost: a string whose number cannot be represented exactly stays a string, and a whole
/// float of 2^53 or more, which may have been rounded when it was parsed, stays a float. The result may still not
/// satisfy the schema.
///
/// In `anyOf` and `oneOf`, a value is coerced only if exactly one alternative is possible for it. An alternative is
/// impossible if it
/// * accepts no value of this type,
/// * requires a member that the value does not have,
/// * allows no members other than its own, and the value has one,
/// * requires a member to be one of some constants (`const`, `enum`), as for the tag of a Rust enum, and the value has
///   another one there.
///
/// ```
/// # use serde_json::json;
/// let schema = json!({"oneOf": [
///     {"properties": {"kind": {"const": "walk"}}, "required": ["kind"], "type": "object"},
///     {"properties": {"kind": {"const": "drive"}, "speed": {"type": "integer"}}, "required": ["kind"], "type": "object"},
/// ]});
/// let mut value = json!({"kind": "drive", "speed": "30"});
/// assert!(tool_schema::coerce(&schema, &mut value));
/// assert_eq!(value, json!({"kind": "drive", "speed": 30}));
/// ```
pub fn coerce(schema: &Value, value: &mut Value) -> bool {
    Coercion(Document::new(schema)).apply(schema, value, 0)
}

struct Coercion<'a>(Document<'a>);

impl<'a> Coercion<'a> {
    fn apply(&self, schema: &'a Value, value: &mut Value, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        let coerced = coerced(self.0.types(schema), value);
        let mut changed = coerced.is_some();
        if let Some(coerced) = coerced {
            *value = coerced;
        }
        changed |= self.apply_inside(schema, value, depth, &mut Vec::new());
        changed
    }

    /// Coerces the members of the value. `seen` are the schemas that have already been applied to it: to apply them
    /// again would change nothing, and would not end if they are recursive.
    fn apply_inside(
        &self,
        schema: &'a Value,
        value: &mut Value,
        depth: usize,
        seen: &mut Vec<usize>,
    ) -> bool {
        let Some(keywords) = schema.as_object() else {
            return false;
        };
        if !(value.is_array() || value.is_object()) || seen.contains(&address(schema)) {
            return false;
        }
        seen.push(address(schema));
        let mut changed = match value {
            Value::Array(items) => self.items(keywords, items, depth),
            Value::Object(members) => self.members(keywords, members, depth),
            _ => false,
        };
        if let Some(target) = self.0.referenced(keywords) {
            changed |= self.apply_inside(target, value, depth, seen);
        }
        for part in parts(keywords, "allOf") {
            changed |= self.apply_inside(part, value, depth, seen);
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(part) = self.only_possible(keywords, keyword, value) {
                changed |= self.apply_inside(part, value, depth, seen);
            }
        }
        changed
    }

    /// Returns the only alternative that is possible for the value, if there is exactly one.
    fn only_possible(
        &self,
        schema: &'a Keywords,
        keyword: &str,
        value: &Value,
    ) -> Option<&'a Value> {
        let mut possible = parts(schema, keyword).filter(|part| self.0.possible(part, value));
        match (possible.next(), possible.next()) {
            (Some(part), None) => Some(part),
            _ => None,
        }
    }

    fn items(&self, schema: &'a Keywords, items: &mut [Value], depth: usize) -> bool {
        let prefix: Vec<_> = parts(schema, "prefixItems").collect();
        let rest = schema.get("items");
        let mut changed = false;
        for (position, item) in items.iter_mut().enumerate() {
            if let Some(part) = prefix.get(position).copied().or(rest) {
                changed |= self.apply(part, item, depth + 1);
            }
        }
        changed
    }

    fn members(
        &self,
        schema: &'a Keywords,
        members: &mut Map<String, Value>,
        depth: usize,
    ) -> bool {
        let properties = properties(schema);
        let further = further_members(schema);
        let mut changed = false;
        for (name, member) in members {
            let part = properties.and_then(|properties| properties.get(name));
            if let Some(part) = part.or(further) {
                changed |= self.apply(part, member, depth + 1);
            }
        }
        changed
    }
}

/// Returns the schema of the members that `properties` does not list, if all of them have the same one.
fn further_members(schema: &Keywords) -> Option<&Value> {
    let rest = schema.get("additionalProperties");
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let mut patterns = patterns.into_iter().flat_map(Map::values);
    match (patterns.next(), patterns.next(), rest) {
        (None, _, rest) => rest,
        // This is how a map with integer keys looks: names that do not match the pattern are not allowed.
        (Some(part), None, Some(Value::Bool(false))) => Some(part),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_coerced_only_where_the_schema_leaves_no_doubt() {
        let integer = json!({"type": "integer"});
        let number = json!({"type": "number"});
        let boolean = json!({"type": "boolean"});
        let optional = json!({"type": ["integer", "null"]});
        let either = json!({"anyOf": [{"type": "integer"}, {"type": "string"}]});
        let list = json!({"type": "array", "items": {"type": "integer"}});
        let maybe = json!({"anyOf": [{"$ref": "#/$defs/p"}, {"type": "null"}], "$defs": {"p": {"type": "object", "properties": {"x": {"type": "integer"}}}}});
        let map = json!({"type": "object", "additionalProperties": {"type": "boolean"}});
        let numbered = json!({"additionalProperties": false, "patternProperties": {"^[0-9]+$": {"type": "integer"}}});
        let patterned = json!({"additionalProperties": {"type": "string"}, "patternProperties": {"^n": {"type": "integer"}}});
        let speed = json!({"type": "object", "properties": {"speed": {"type": "integer"}}, "required": ["speed"]});
        let external = json!({"oneOf": [
            {"enum": ["walk", "stand"]},
            {"type": "object", "properties": {"drive": speed}, "required": ["drive"], "additionalProperties": false},
            {"type": "object", "properties": {"fly": {"type": "number"}}, "required": ["fly"], "additionalProperties": false},
        ]});
        let internal = json!({"oneOf": [
            {"type": "object", "properties": {"kind": {"const": "walk"}}, "required": ["kind"]},
            {"type": "object", "properties": {"kind": {"const": "drive"}, "speed": {"type": "integer"}}, "required": ["kind", "speed"]},
        ]});
        let adjacent = json!({"oneOf": [
            {"type": "object", "properties": {"t": {"const": "walk"}}, "required": ["t"]},
            {"type": "object", "properties": {"t": {"const": "drive"}, "c": speed}, "required": ["t", "c"]},
        ]});
        let untagged = json!({"anyOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]},
            {"type": "object", "properties": {"b": {"type": "boolean"}, "c": {"type": "string"}}, "required": ["b"]},
        ]});
        let mut beside = internal.clone();
        beside["properties"] = json!({"x": {"type": "integer"}});
        for (schema, value, expected) in [
            (&integer, json!("5"), json!(5)),
            (&integer, json!("-5"), json!(-5)),
            (&integer, json!("18446744073709551615"), json!(u64::MAX)),
            (&integer, json!(5.0), json!(5)),
            (&integer, json!("5.0"), json!(5)),
            (&integer, json!("5.5"), json!("5.5")),
            (&integer, json!(" 5"), json!(" 5")),
            (&integer, json!("5 "), json!("5 ")),
            (&integer, json!("0x5"), json!("0x5")),
            (&integer, json!("five"), json!("five")),
            (&integer, json!(""), json!("")),
            (
                &integer,
                json!("123456789012345678901234567890"),
                json!("123456789012345678901234567890"),
            ),
            (&integer, json!(1e30), json!(1e30)),
            (&integer, json!("true"), json!("true")),
            (&number, json!("2.5"), json!(2.5)),
            (&number, json!("1e3"), json!(1000.0)),
            (&number, json!("5"), json!(5)),
            (&number, json!(5.0), json!(5.0)),
            (&number, json!("NaN"), json!("NaN")),
            (&boolean, json!("true"), json!(true)),
            (&boolean, json!("True"), json!("True")),
            (&boolean, json!(1), json!(1)),
            (&optional, json!("5"), json!(5)),
            (&optional, json!("null"), json!("null")),
            (&either, json!("5"), json!("5")),
            (&list, json!(["1", 2, "x"]), json!([1, 2, "x"])),
            (&list, json!("[1, \"2\"]"), json!([1, 2])),
            (&list, json!("1"), json!("1")),
            (&maybe, json!({"x": "1"}), json!({"x": 1})),
            (&maybe, json!("{\"x\": \"1\"}"), json!({"x": 1})),
            (
                &map,
                json!({"a": "true", "b": "no"}),
                json!({"a": true, "b": "no"}),
            ),
            (&integer, json!("-0"), json!(0)),
            (&integer, json!(-0.0), json!(0)),
            (&integer, json!("5.000000000000000000000"), json!(5)),
            (
                &integer,
                json!("5.0000000000000000000001"),
                json!("5.0000000000000000000001"),
            ),
            (&integer, json!("1e3"), json!(1000)),
            (
                &integer,
                json!(9_007_199_254_740_992.0),
                json!(9_007_199_254_740_992.0),
            ),
            (&number, json!("-0"), json!(-0.0)),
            (&number, json!("."), json!(".")),
            (
                &numbered,
                json!({"1": "5", "x": "5"}),
                json!({"1": 5, "x": 5}),
            ),
            (
                &patterned,
                json!({"n1": "5", "x": "5"}),
                json!({"n1": "5", "x": "5"}),
            ),
            (
                &external,
                json!({"drive": {"speed": "30"}}),
                json!({"drive": {"speed": 30}}),
            ),
            (
                &external,
                json!({"drive": {"speed": 30.0}}),
                json!({"drive": {"speed": 30}}),
            ),
            (
                &external,
                json!({"drive": "{\"speed\": \"30\"}"}),
                json!({"drive": {"speed": 30}}),
            ),
            (&external, json!({"fly": "30"}), json!({"fly": 30})),
            (
                &external,
                json!({"fly": "30", "drive": {"speed": "30"}}),
                json!({"fly": "30", "drive": {"speed": "30"}}),
            ),
            (&external, json!("walk"), json!("walk")),
            (
                &internal,
                json!({"kind": "drive", "speed": "30"}),
                json!({"kind": "drive", "speed": 30}),
            ),
            (
                &internal,
                json!({"kind": "fly", "speed": "30"}),
                json!({"kind": "fly", "speed": "30"}),
            ),
            (
                &internal,
                json!({"kind": "Drive", "speed": "30"}),
                json!({"kind": "Drive", "speed": "30"}),
            ),
            (&internal, json!({"speed": "30"}), json!({"speed": "30"})),
            (
                &json!({"anyOf": [internal, {"type": "null"}]}),
                json!({"kind": "drive", "speed": "30"}),
                json!({"kind": "drive", "speed": 30}),
            ),
            (
                &adjacent,
                json!({"t": "drive", "c": {"speed": "30"}}),
                json!({"t": "drive", "c": {"speed": 30}}),
            ),
            (&untagged, json!({"a": "1"}), json!({"a": 1})),
            (&untagged, json!({"b": "1"}), json!({"b": "1"})),
            (
                &untagged,
                json!({"a": "1", "b": "1"}),
                json!({"a": "1", "b": "1"}),
            ),
            (
                &untagged,
                json!({"b": "1", "c": "x"}),
                json!({"b": "1", "c": "x"}),
            ),
            (
                &beside,
                json!({"x": "1", "kind": "drive", "speed": "30"}),
                json!({"x": 1, "kind": "drive", "speed": 30}),
            ),
            (
                &json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}),
                json!({"a": "1"}),
                json!({"a": "1"}),
            ),
            (
                &json!({"type": "integer", "not": {"const": 0}}),
                json!("1"),
                json!(1),
            ),
            (&json!({}), json!("5"), json!("5")),
            (&json!(true), json!("5"), json!("5")),
            (&json!({"enum": [1, 2]}), json!("1"), json!(1)),
            (&json!({"enum": [1, "1"]}), json!("1"), json!("1")),
            (&json!({"$ref": "#"}), json!("1"), json!("1")),
        ] {
            let mut coerced = value.clone();
            let changed = coerce(schema, &mut coerced);
            assert_eq!(coerced, expected, "schema: {schema}, value: {value}");
            assert_eq!(
                changed,
                coerced != value,
                "schema: {schema}, value: {value}"
            );
        }
    }
}
