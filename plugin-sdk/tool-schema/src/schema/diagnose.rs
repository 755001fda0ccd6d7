//! Finds out where and why a value does not satisfy a schema. The validator has already decided that it does not; this
//! module searches for the first few reasons, and describes them for the model. The search stops early, because a value
//! may have millions of wrong items.

use std::collections::HashMap;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::{
    describe::{describe_value, integer_range, quote, quote_name, string_constants, suggestion},
    document::{Document, Keywords, address, parts, properties, required, same},
    problems::{Pointer, Problem, unknown_member},
    types::Types,
    validator,
};

/// The maximum number of reported problems of one value: a model corrects the first few and tries again.
pub(crate) const MAX_PROBLEMS: usize = 10;

/// The maximum number of reported items of one array: the others are likely to be wrong in the same way.
const MAX_ITEMS: usize = 3;

/// The maximum depth of schemas. Values that were parsed from JSON are no deeper than 128.
const MAX_DEPTH: usize = 300;

/// The maximum number of times that the search compares a schema with a value. Beyond it, the search ends without a
/// result. Source: ours; it takes some tenths of a second, and a body of 6 MB needs fewer comparisons.
const MAX_STEPS: usize = 5_000_000;

/// Returns the problems of `value`. With `decoding`, that includes values that satisfy the schema but that a Rust type
/// cannot decode: `5.0` for an integer, and integers beyond 64 bits.
pub(crate) fn problems(schema: &Value, value: &Value, decoding: bool) -> Vec<Problem> {
    part_problems(schema, schema, value, decoding)
}

/// Returns the problems of `value` like [`problems`], for `schema`, a part of the schema `whole`. It may refer to other
/// parts.
pub(crate) fn part_problems<'a>(
    whole: &'a Value,
    schema: &'a Value,
    value: &Value,
    decoding: bool,
) -> Vec<Problem> {
    let document = Document::new(whole);
    let mut diagnosis = Diagnosis {
        document: &document,
        decoding,
        limit: MAX_PROBLEMS,
        is_quiet: false,
        found: Vec::new(),
        steps: 0,
        validators: HashMap::new(),
    };
    diagnosis.check(schema, value, &Pointer::Root, 0);
    if diagnosis.found.is_empty() && diagnosis.is_exhausted() && !decoding {
        diagnosis.report(&Pointer::Root, || {
            "does not satisfy the schema, but is too large to show where".to_owned()
        });
    }
    let mut unique: Vec<Problem> = Vec::new();
    for problem in diagnosis.found {
        if !unique.contains(&problem) {
            unique.push(problem);
        }
    }
    unique
}

/// The state of the search.
pub(crate) struct Diagnosis<'s, 'a> {
    pub(crate) document: &'s Document<'a>,
    pub(crate) decoding: bool,
    pub(crate) limit: usize,
    /// Whether to find out only if there is a problem, without describing it.
    pub(crate) is_quiet: bool,
    pub(crate) found: Vec<Problem>,
    steps: usize,
    /// The validators of single keywords, by the address of their schema. Each is compiled only once, also for an array
    /// with many items.
    validators: HashMap<(usize, &'static str), Option<Validator>>,
}

impl<'a> Diagnosis<'_, 'a> {
    fn is_over(&self) -> bool {
        self.found.len() >= self.limit || self.is_exhausted()
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.steps > MAX_STEPS
    }

    pub(crate) fn report(&mut self, pointer: &Pointer<'_>, message: impl FnOnce() -> String) {
        let problem = if self.is_quiet {
            Problem {
                pointer: String::new(),
                message: String::new(),
            }
        } else {
            Problem {
                pointer: pointer.to_string(),
                message: message(),
            }
        };
        self.found.push(problem);
    }

    pub(crate) fn check(
        &mut self,
        schema: &'a Value,
        value: &Value,
        pointer: &Pointer<'_>,
        depth: usize,
    ) {
        self.steps += 1;
        if self.is_over() || depth > MAX_DEPTH {
            return;
        }
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(false) => return self.report(pointer, || "is not allowed".to_owned()),
            _ => return,
        };
        if self.violates_own_keywords(schema, keywords, value) {
            return self.report_unexpected(schema, value, pointer);
        }
        if let Some(target) = self.document.referenced(keywords) {
            self.check(target, value, pointer, depth + 1);
        }
        for part in parts(keywords, "allOf") {
            self.check(part, value, pointer, depth + 1);
        }
        match value {
            Value::Object(members) => self.check_members(keywords, members, pointer, depth),
            Value::Array(items) => self.check_items(schema, keywords, items, pointer, depth),
            _ => {}
        }
        for keyword in ["anyOf", "oneOf"] {
            if keywords.contains_key(keyword) {
                self.check_alternatives(keywords, keyword, value, pointer, depth);
            }
        }
        self.check_rest(schema, keywords, value, pointer);
    }

    /// Reports a problem such as "must be an integer, not 2.5".
    fn report_unexpected(&mut self, schema: &'a Value, value: &Value, pointer: &Pointer<'_>) {
        /// 2^63: a whole float of this size or more does not fit into a 64-bit integer, however it is written.
        const LARGE: f64 = 9_223_372_036_854_775_808.0;
        let document = self.document;
        let is_integral = value.as_f64().is_some_and(|float| float.fract() == 0.0);
        let is_writable_as_integer = self.decoding
            && value.is_f64()
            && value.as_f64().is_some_and(|float| float.abs() < LARGE);
        let decoding = self.decoding && !is_writable_as_integer;
        self.report(pointer, || {
            let wanted = document.expected(schema, Some(value), decoding);
            let mut message = format!(
                "must be {wanted}, not {}",
                describe_value(value, document.types(schema))
            );
            let text = value.as_str().unwrap_or_default();
            if let Some(near) = suggestion(text, string_constants(document, schema)) {
                message.push_str(&format!(" (did you mean {}?)", quote(&near.into())));
            } else if is_writable_as_integer && is_integral {
                message.push_str(" (write it without fraction and exponent)");
            }
            message
        });
    }

    /// Reports whether the value itself violates the schema, regardless of its members.
    fn violates_own_keywords(
        &mut self,
        schema: &'a Value,
        keywords: &Keywords,
        value: &Value,
    ) -> bool {
        let types = Types::named(keywords.get("type"));
        if !types.allow(value) {
            return true;
        }
        if let Some(constant) = keywords.get("const")
            && !same(constant, value)
        {
            return true;
        }
        if let Some(Value::Array(options)) = keywords.get("enum")
            && !options.iter().any(|option| same(option, value))
        {
            return true;
        }
        let outside = |count: usize, [least, most]: [&str; 2]| {
            let bound = |keyword| keywords.get(keyword).and_then(Value::as_f64);
            #[expect(clippy::cast_precision_loss, reason = "no value has 2^53 parts")]
            let count = count as f64;
            bound(least).is_some_and(|least| count < least)
                || bound(most).is_some_and(|most| count > most)
        };
        match value {
            Value::Number(_) => {
                let integer = types.has(Types::INTEGER) && !types.has(Types::FRACTION);
                integer && !self.is_integer(keywords, value)
                    || is_out_of_range(keywords, value)
                    || self.decoding && is_beyond_f32(keywords, value)
                    || !self.satisfies(schema, keywords, "multipleOf", value)
            }
            Value::String(text) => {
                ["minLength", "maxLength"]
                    .iter()
                    .any(|keyword| keywords.contains_key(*keyword))
                    && outside(text.chars().count(), ["minLength", "maxLength"])
                    || !self.satisfies(schema, keywords, "pattern", value)
            }
            Value::Array(items) => outside(items.len(), ["minItems", "maxItems"]),
            Value::Object(members) => outside(members.len(), ["minProperties", "maxProperties"]),
            _ => false,
        }
    }

    fn is_integer(&self, keywords: &Keywords, value: &Value) -> bool {
        if !self.decoding {
            return value.as_f64().is_none_or(|float| float.fract() == 0.0);
        }
        let Some(integer) = value
            .as_i64()
            .map(i128::from)
            .or(value.as_u64().map(i128::from))
        else {
            return false;
        };
        let format = keywords.get("format").and_then(Value::as_str);
        format
            .and_then(integer_range)
            .is_none_or(|[least, most]| least <= integer && integer <= most)
    }

    fn check_members(
        &mut self,
        keywords: &'a Keywords,
        members: &Map<String, Value>,
        pointer: &Pointer<'_>,
        depth: usize,
    ) {
        let known = properties(keywords);
        for name in required(keywords).filter(|name| !members.contains_key(*name)) {
            let wanted = known.and_then(|known| known.get(name));
            self.report_missing(wanted, &Pointer::Member(pointer, name));
        }
        let dependent = keywords.get("dependentRequired").and_then(Value::as_object);
        for (name, others) in dependent.into_iter().flatten() {
            let others = others
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            for other in
                others.filter(|other| members.contains_key(name) && !members.contains_key(*other))
            {
                self.report(&Pointer::Member(pointer, other), || {
                    format!("is missing ({} requires it)", quote_name(name))
                });
            }
        }
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        let rest = keywords.get("additionalProperties");
        for (name, member) in members {
            if self.is_over() {
                return;
            }
            let pointer = Pointer::Member(pointer, name);
            let part = known.and_then(|known| known.get(name));
            let mut is_known = part.is_some();
            if let Some(part) = part {
                self.check(part, member, &pointer, depth + 1);
            }
            for (pattern, part) in patterns.into_iter().flatten() {
                if self.matches(pattern, part, name) {
                    is_known = true;
                    self.check(part, member, &pointer, depth + 1);
                }
            }
            match rest {
                Some(Value::Bool(false)) if !is_known => {
                    self.report_unknown(keywords, members, name, &pointer);
                }
                Some(rest) if !is_known => self.check(rest, member, &pointer, depth + 1),
                _ => {}
            }
        }
    }

    fn report_missing(&mut self, schema: Option<&'a Value>, pointer: &Pointer<'_>) {
        let (document, decoding) = (self.document, self.decoding);
        self.report(pointer, || match schema {
            Some(schema) if schema.as_object().is_some_and(|schema| !schema.is_empty()) => {
                let wanted = document.expected(schema, None, decoding);
                format!("is missing (it must be {wanted})")
            }
            _ => "is missing".to_owned(),
        });
    }

    fn report_unknown(
        &mut self,
        keywords: &Keywords,
        members: &Map<String, Value>,
        name: &str,
        pointer: &Pointer<'_>,
    ) {
        let names = || properties(keywords).into_iter().flat_map(Map::keys);
        let patterns = keywords.get("patternProperties").and_then(Value::as_object);
        self.report(pointer, || {
            unknown_member(name, names().map(String::as_str), members, patterns)
        });
    }

    fn check_items(
        &mut self,
        schema: &'a Value,
        keywords: &'a Keywords,
        items: &[Value],
        pointer: &Pointer<'_>,
        depth: usize,
    ) {
        let prefix: Vec<_> = parts(keywords, "prefixItems").collect();
        let rest = keywords.get("items");
        let mut wrong = 0;
        for (position, item) in items.iter().enumerate() {
            if self.is_over() || wrong == MAX_ITEMS {
                return;
            }
            let before = self.found.len();
            if let Some(part) = prefix.get(position).copied().or(rest) {
                self.check(part, item, &Pointer::Item(pointer, position), depth + 1);
            }
            wrong += usize::from(self.found.len() > before);
        }
        if !self.satisfies_all(schema, keywords, &["uniqueItems"], items) {
            self.report(pointer, || "must not have the same item twice".to_owned());
        }
        if !self.satisfies_all(
            schema,
            keywords,
            &["contains", "minContains", "maxContains"],
            items,
        ) {
            let (document, decoding) = (self.document, self.decoding);
            self.report(pointer, || {
                let wanted = keywords
                    .get("contains")
                    .map(|part| document.expected(part, None, decoding));
                let count = |keyword| keywords.get(keyword).and_then(Value::as_u64);
                let number = match (count("minContains"), count("maxContains")) {
                    (least, Some(most)) => format!("{} to {most} items", least.unwrap_or(1)),
                    (least, None) => format!("at least {} item(s)", least.unwrap_or(1)),
                };
                format!(
                    "must have {number} of this kind: {}",
                    wanted.unwrap_or_default()
                )
            });
        }
    }

    /// Checks keywords that are rare in schemas of Rust types.
    fn check_rest(
        &mut self,
        schema: &'a Value,
        keywords: &'a Keywords,
        value: &Value,
        pointer: &Pointer<'_>,
    ) {
        if let Some(not) = keywords.get("not")
            && !self.satisfies(schema, keywords, "not", value)
        {
            let (document, decoding) = (self.document, self.decoding);
            self.report(pointer, || {
                format!("must not be {}", document.expected(not, None, decoding))
            });
        }
        if !self.satisfies(schema, keywords, "propertyNames", value) {
            let (document, decoding) = (self.document, self.decoding);
            self.report(pointer, || {
                let wanted = keywords
                    .get("propertyNames")
                    .map(|names| document.expected(names, None, decoding));
                format!(
                    "has a member with a name that is not {}",
                    wanted.unwrap_or_default()
                )
            });
        }
    }

    /// Reports whether the value satisfies this one keyword of the schema.
    fn satisfies(
        &mut self,
        schema: &'a Value,
        keywords: &Keywords,
        keyword: &'static str,
        value: &Value,
    ) -> bool {
        if !keywords.contains_key(keyword) {
            return true;
        }
        let validator = self.validator(address(schema), keyword, || {
            only_keywords(keywords, &[keyword])
        });
        validator.is_none_or(|validator| validator.is_valid(value))
    }

    fn satisfies_all(
        &mut self,
        schema: &'a Value,
        keywords: &Keywords,
        group: &[&'static str],
        items: &[Value],
    ) -> bool {
        let Some(first) = group
            .first()
            .filter(|keyword| keywords.contains_key(**keyword))
        else {
            return true;
        };
        let validator = self.validator(address(schema), first, || only_keywords(keywords, group));
        validator.is_none_or(|validator| validator.is_valid(&Value::from(items)))
    }

    fn matches(&mut self, pattern: &str, part: &Value, name: &str) -> bool {
        let validator = self.validator(address(part), "patternProperties", || {
            Value::from_iter([("pattern", pattern)])
        });
        validator.is_none_or(|validator| validator.is_valid(&name.into()))
    }

    /// Compiles a schema without the rest of the document. `None` means that it refers to another part, so it cannot be
    /// compiled; callers then assume that the value satisfies it.
    fn validator(
        &mut self,
        address: usize,
        keyword: &'static str,
        schema: impl FnOnce() -> Value,
    ) -> Option<&Validator> {
        let compiled = self.validators.entry((address, keyword));
        compiled
            .or_insert_with(|| {
                let schema = schema();
                let alone = !schema.to_string().to_ascii_lowercase().contains("ref\":");
                alone.then(|| validator::validator(&schema).ok())?
            })
            .as_ref()
    }
}

/// Returns a schema with only these keywords.
fn only_keywords(keywords: &Keywords, names: &[&str]) -> Value {
    let kept = names
        .iter()
        .filter_map(|name| Some((*name, keywords.get(*name)?.clone())));
    Value::from_iter(kept)
}

fn is_out_of_range(keywords: &Keywords, value: &Value) -> bool {
    let integer = |value: &Value| {
        value
            .as_i64()
            .map(i128::from)
            .or(value.as_u64().map(i128::from))
    };
    let compare = |keyword: &str| {
        let bound = keywords.get(keyword)?;
        match (integer(value), integer(bound)) {
            (Some(value), Some(bound)) => Some(value.cmp(&bound)),
            _ => value.as_f64()?.partial_cmp(&bound.as_f64()?),
        }
    };
    compare("minimum").is_some_and(std::cmp::Ordering::is_lt)
        || compare("maximum").is_some_and(std::cmp::Ordering::is_gt)
        || compare("exclusiveMinimum").is_some_and(std::cmp::Ordering::is_le)
        || compare("exclusiveMaximum").is_some_and(std::cmp::Ordering::is_ge)
}

/// Reports whether the number is too large for an `f32`. Depending on the decoder, decoding would then fail or give
/// infinity.
fn is_beyond_f32(keywords: &Keywords, value: &Value) -> bool {
    keywords
        .get("format")
        .is_some_and(|format| format == "float")
        && value
            .as_f64()
            .is_some_and(|float| float.abs() > f64::from(f32::MAX))
}
