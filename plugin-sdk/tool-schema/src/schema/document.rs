//! Lookups in a schema: references, alternatives, and the types that a part may accept.

use std::{cell::RefCell, collections::HashMap};

use serde_json::{Map, Value};

use super::types::Types;
use crate::spelling::coerced;

/// The maximum number of `$ref`, `allOf`, `anyOf` and `oneOf` that are followed one after the other for the same value.
const MAX_HOPS: usize = 16;

/// The keywords of a schema (one that is not just `true` or `false`).
pub(crate) type Keywords = Map<String, Value>;

/// A whole schema, in which references are resolved.
pub(crate) struct Document<'a> {
    root: &'a Value,
    /// The types that each schema may accept, by the schema's address, so that they are found only once for all items
    /// of a large array.
    types: RefCell<HashMap<usize, Types>>,
}

impl<'a> Document<'a> {
    pub(crate) fn new(root: &'a Value) -> Self {
        Self {
            root,
            types: RefCell::default(),
        }
    }

    /// Returns the target of `$ref`, if it is within the schema.
    pub(crate) fn referenced(&self, schema: &'a Keywords) -> Option<&'a Value> {
        let reference = schema.get("$ref")?.as_str()?;
        self.root.pointer(reference.strip_prefix('#')?)
    }

    /// Returns the types that a schema may accept. It may return too many, but never too few.
    pub(crate) fn types(&self, schema: &'a Value) -> Types {
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(false) => return Types::NONE,
            _ => return Types::ALL,
        };
        if let Some(types) = self.types.borrow().get(&address(schema)) {
            return *types;
        }
        // This entry ends the recursion if references form a circle.
        self.types.borrow_mut().insert(address(schema), Types::ALL);
        let mut types = Types::named(keywords.get("type"));
        if let Some(Value::Array(values)) = keywords.get("enum") {
            types = types.and(values.iter().map(Types::of).fold(Types::NONE, Types::or));
        }
        if let Some(value) = keywords.get("const") {
            types = types.and(Types::of(value));
        }
        if let Some(target) = self.referenced(keywords) {
            types = types.and(self.types(target));
        }
        for keyword in ["anyOf", "oneOf"] {
            if keywords.contains_key(keyword) {
                let parts = parts(keywords, keyword).map(|part| self.types(part));
                types = types.and(parts.fold(Types::NONE, Types::or));
            }
        }
        for part in parts(keywords, "allOf") {
            types = types.and(self.types(part));
        }
        self.types.borrow_mut().insert(address(schema), types);
        types
    }

    /// Returns the schemas in `anyOf` or `oneOf`. A schema that consists only of `anyOf` or `oneOf` is replaced by its
    /// alternatives.
    pub(crate) fn alternatives(&self, schema: &'a Keywords, keyword: &str) -> Vec<&'a Value> {
        let mut alternatives = Vec::new();
        self.gather(schema, keyword, 0, &mut alternatives);
        alternatives
    }

    fn gather(
        &self,
        schema: &'a Keywords,
        keyword: &str,
        hops: usize,
        alternatives: &mut Vec<&'a Value>,
    ) {
        for part in parts(schema, keyword) {
            match self.choice(part) {
                Some((inner, keyword)) if hops < MAX_HOPS && alternatives.len() < 1000 => {
                    self.gather(inner, keyword, hops + 1, alternatives);
                }
                _ => alternatives.push(part),
            }
        }
    }

    /// Returns the schema and the keyword, if the schema consists only of `anyOf` or `oneOf`.
    fn choice(&self, schema: &'a Value) -> Option<(&'a Keywords, &'static str)> {
        let mut keywords = schema.as_object()?;
        if let Some(target) = self.referenced(keywords) {
            keywords = target.as_object()?;
        }
        let mut found = None;
        for keyword in keywords.keys() {
            match keyword.as_str() {
                "anyOf" if found.is_none() => found = Some((keywords, "anyOf")),
                "oneOf" if found.is_none() => found = Some((keywords, "oneOf")),
                "description" | "title" | "default" | "examples" | "deprecated" | "$defs" => {}
                _ => return None,
            }
        }
        found
    }

    /// Reports whether the schema could accept `value` once its members are coerced. `false` is certain: the type is
    /// wrong, a required member is missing, a member is not allowed, or a member is not one of the constants that the
    /// schema requires there.
    pub(crate) fn possible(&self, schema: &'a Value, value: &Value) -> bool {
        self.is_possible(schema, value, 0)
    }

    fn is_possible(&self, schema: &'a Value, value: &Value, hops: usize) -> bool {
        if !self.types(schema).allow(value) {
            return false;
        }
        let Some(schema) = schema.as_object() else {
            return true;
        };
        if hops > MAX_HOPS / 2 {
            return true;
        }
        let more = |part| self.is_possible(part, value, hops + 1);
        self.has_possible_members(schema, value)
            && self.referenced(schema).is_none_or(more)
            && parts(schema, "allOf").all(more)
            && ["anyOf", "oneOf"]
                .into_iter()
                .all(|keyword| !schema.contains_key(keyword) || parts(schema, keyword).any(more))
    }

    fn has_possible_members(&self, schema: &'a Keywords, value: &Value) -> bool {
        let Value::Object(members) = value else {
            return true;
        };
        let closed = schema.get("additionalProperties") == Some(&Value::Bool(false))
            && !schema.contains_key("patternProperties");
        let properties = properties(schema);
        required(schema).all(|name| members.contains_key(name))
            && members.iter().all(
                |(name, member)| match properties.and_then(|all| all.get(name)) {
                    Some(part) => self.may_match(part, member),
                    None => !closed,
                },
            )
    }

    /// Reports whether the value can satisfy the schema: it is one of the allowed constants, or the schema allows more
    /// than constants.
    fn may_match(&self, schema: &'a Value, value: &Value) -> bool {
        let Some(options) = self.constants(schema) else {
            return true;
        };
        let coerced = coerced(self.types(schema), value);
        let value = coerced.as_ref().unwrap_or(value);
        options.iter().any(|option| same(option, value))
    }

    /// Returns the constants that the schema accepts, if it accepts nothing else and none of them is an array or
    /// object.
    pub(crate) fn constants(&self, schema: &'a Value) -> Option<&'a [Value]> {
        let mut keywords = schema.as_object()?;
        for _ in 0..MAX_HOPS {
            match self.referenced(keywords) {
                Some(target) => keywords = target.as_object()?,
                None => break,
            }
        }
        let constants = match (keywords.get("const"), keywords.get("enum")) {
            (Some(constant), _) => std::slice::from_ref(constant),
            (None, Some(Value::Array(options))) => options,
            _ => return None,
        };
        let scalar = |value: &Value| !value.is_array() && !value.is_object();
        constants.iter().all(scalar).then_some(constants)
    }
}

/// Reports whether two values are equal by the rules of JSON Schema, where 1 equals 1.0.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

/// Returns the schemas in a keyword whose value is a list of schemas.
pub(crate) fn parts<'a>(schema: &'a Keywords, keyword: &str) -> impl Iterator<Item = &'a Value> {
    let list = schema.get(keyword).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// Returns the schemas of the members in `properties`.
pub(crate) fn properties(schema: &Keywords) -> Option<&Keywords> {
    schema.get("properties").and_then(Value::as_object)
}

/// Returns the names of required members.
pub(crate) fn required(schema: &Keywords) -> impl Iterator<Item = &str> {
    parts(schema, "required").filter_map(Value::as_str)
}

/// Returns the address of a schema, which identifies it.
pub(crate) fn address(schema: &Value) -> usize {
    std::ptr::from_ref(schema) as usize
}
