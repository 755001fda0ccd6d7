//! Arguments that are right but for their spelling: `"5"` where a number is wanted, `"[1]"` for an array, `5.0` for 5.

use serde_json::{Map, Number, Value};

/// How deep a schema or a value is followed: deeper ones stay as they are.
const MAX_DEPTH: usize = 64;

/// Bring `value` nearer to `schema`, and say whether anything changed.
///
/// | the schema wants | the value is | it becomes |
/// |---|---|---|
/// | integer | `"5"`, `5.0`, `"5.0"` | `5` |
/// | number | `"2.5"`, `"1e3"` | `2.5`, `1000.0` |
/// | boolean | `"true"`, `"false"` | `true`, `false` |
/// | array, object | a string whose text is a JSON array, object | that array, object |
///
/// At any depth, but never where a string is acceptable as well, and nothing is trimmed: `" 5"` stays a string. Nothing
/// is lost on the way: a number that does not survive unchanged stays a string. The result may still not satisfy the
/// schema.
pub fn coerce(schema: &Value, value: &mut Value) -> bool {
    Coercion { root: schema }.apply(schema, value, 0)
}

struct Coercion<'a> {
    root: &'a Value,
}

impl<'a> Coercion<'a> {
    fn apply(&self, schema: &'a Value, value: &mut Value, depth: usize) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        let types = self.types(schema, 0);
        let mut changed = respell(types, value);
        changed |= self.descend(schema, value, depth);
        changed
    }

    fn descend(&self, schema: &'a Value, value: &mut Value, depth: usize) -> bool {
        let Some(schema) = self.resolve(schema).as_object() else {
            return false;
        };
        let mut changed = match value {
            Value::Array(items) => self.items(schema, items, depth),
            Value::Object(members) => self.members(schema, members, depth),
            _ => return false,
        };
        for part in subschemas(schema, "allOf") {
            changed |= depth < MAX_DEPTH && self.descend(part, value, depth + 1);
        }
        for keyword in ["anyOf", "oneOf"] {
            // Only where it is clear which of them is meant.
            let mut fitting =
                subschemas(schema, keyword).filter(|part| self.types(part, 0).allow(value));
            if let (Some(part), None) = (fitting.next(), fitting.next()) {
                changed |= depth < MAX_DEPTH && self.descend(part, value, depth + 1);
            }
        }
        changed
    }

    fn items(&self, schema: &'a Map<String, Value>, items: &mut [Value], depth: usize) -> bool {
        let prefix: Vec<_> = subschemas(schema, "prefixItems").collect();
        let mut changed = false;
        for (position, item) in items.iter_mut().enumerate() {
            if let Some(part) = prefix
                .get(position)
                .copied()
                .or_else(|| schema.get("items"))
            {
                changed |= self.apply(part, item, depth + 1);
            }
        }
        changed
    }

    fn members(
        &self,
        schema: &'a Map<String, Value>,
        members: &mut Map<String, Value>,
        depth: usize,
    ) -> bool {
        let properties = schema.get("properties").and_then(Value::as_object);
        let mut changed = false;
        for (name, member) in members {
            let part = properties.and_then(|properties| properties.get(name));
            if let Some(part) = part.or_else(|| schema.get("additionalProperties")) {
                changed |= self.apply(part, member, depth + 1);
            }
        }
        changed
    }

    /// Follow `$ref` within the schema.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..MAX_DEPTH {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                break;
            };
            match reference
                .strip_prefix('#')
                .and_then(|pointer| self.root.pointer(pointer))
            {
                Some(target) => schema = target,
                None => break,
            }
        }
        schema
    }

    /// The types of values that a schema may accept.
    fn types(&self, schema: &'a Value, depth: usize) -> Types {
        let Some(schema) = self.resolve(schema).as_object() else {
            return Types::ALL;
        };
        if depth > MAX_DEPTH {
            return Types::ALL;
        }
        let mut types = match schema.get("type") {
            Some(Value::String(name)) => Types::named(name),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(Types::named)
                .fold(Types::NONE, Types::or),
            _ => Types::ALL,
        };
        if let Some(Value::Array(values)) = schema.get("enum") {
            types = types.and(values.iter().map(Types::of).fold(Types::NONE, Types::or));
        }
        if let Some(value) = schema.get("const") {
            types = types.and(Types::of(value));
        }
        for keyword in ["anyOf", "oneOf"] {
            if schema.contains_key(keyword) {
                let parts = subschemas(schema, keyword).map(|part| self.types(part, depth + 1));
                types = types.and(parts.fold(Types::NONE, Types::or));
            }
        }
        for part in subschemas(schema, "allOf") {
            types = types.and(self.types(part, depth + 1));
        }
        types
    }
}

fn subschemas<'a>(
    schema: &'a Map<String, Value>,
    keyword: &str,
) -> impl Iterator<Item = &'a Value> {
    schema
        .get(keyword)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn respell(types: Types, value: &mut Value) -> bool {
    let respelled = match value {
        Value::String(text) if !types.has(Types::STRING) => from_text(types, text),
        Value::Number(number) if types.has(Types::INTEGER) && !types.has(Types::FRACTION) => {
            integer(number)
        }
        _ => None,
    };
    match respelled {
        Some(respelled) => {
            *value = respelled;
            true
        }
        None => false,
    }
}

fn from_text(types: Types, text: &str) -> Option<Value> {
    if text.trim() != text {
        return None;
    }
    let parsed: Value = serde_json::from_str(text).ok()?;
    let wanted = match &parsed {
        Value::Number(number) if types.has(Types::FRACTION) => survives(number, text),
        Value::Number(number) if types.has(Types::INTEGER) => {
            return if number.is_f64() {
                integer(number)
            } else {
                Some(parsed)
            };
        }
        Value::Bool(_) => types.has(Types::BOOLEAN),
        Value::Array(_) => types.has(Types::ARRAY),
        Value::Object(_) => types.has(Types::OBJECT),
        Value::Null | Value::Number(_) | Value::String(_) => false,
    };
    wanted.then_some(parsed)
}

/// An integer too large for 64 bits becomes a float; it must not change its value silently.
fn survives(number: &Number, text: &str) -> bool {
    let integral = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    !integral || !number.is_f64()
}

/// `5.0` as 5, where a float holds every integer exactly.
fn integer(number: &Number) -> Option<Value> {
    /// 2^53, from which on not every integer is a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number
        .as_f64()
        .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    Some(Value::from(float as i64))
}

/// A set of types of JSON values.
#[derive(Clone, Copy)]
struct Types(u8);

impl Types {
    const NONE: Self = Self(0);
    const ALL: Self = Self(u8::MAX);
    const NULL: Self = Self(1);
    const BOOLEAN: Self = Self(2);
    const INTEGER: Self = Self(4);
    /// Numbers that are no integers.
    const FRACTION: Self = Self(8);
    const STRING: Self = Self(16);
    const ARRAY: Self = Self(32);
    const OBJECT: Self = Self(64);

    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::INTEGER.or(Self::FRACTION),
            "string" => Self::STRING,
            "array" => Self::ARRAY,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(_) => Self::INTEGER.or(Self::FRACTION),
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::ARRAY,
            Value::Object(_) => Self::OBJECT,
        }
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn allow(self, value: &Value) -> bool {
        self.0 & Self::of(value).0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_respelled_only_where_the_schema_leaves_no_doubt() {
        let integer = json!({"type": "integer"});
        let number = json!({"type": "number"});
        let boolean = json!({"type": "boolean"});
        let optional = json!({"type": ["integer", "null"]});
        let either = json!({"anyOf": [{"type": "integer"}, {"type": "string"}]});
        let list = json!({"type": "array", "items": {"type": "integer"}});
        let maybe = json!({"anyOf": [{"$ref": "#/$defs/p"}, {"type": "null"}], "$defs": {"p": {"type": "object", "properties": {"x": {"type": "integer"}}}}});
        let map = json!({"type": "object", "additionalProperties": {"type": "boolean"}});
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
