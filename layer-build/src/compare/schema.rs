//! Two JSON Schemas: does the new one accept less, more, or something else?
//!
//! What is known is said; of keywords whose effect cannot be told by comparing them (`not`, `if`, a changed `pattern`) a
//! change counts as both. One convention goes before logic: a property that is added to an object which is open for any
//! narrows nothing, since nobody has sent it before.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use serde_json::{Map, Value, json};

/// What a change does to the values that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Fewer are.
    Narrower,
    /// More are.
    Wider,
    /// Others are, or it cannot be told.
    Other,
    /// The same are: words, defaults, examples.
    Same,
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Where, as people write it: `query.days`; empty for the whole.
    pub(crate) place: String,
    pub(crate) direction: Direction,
    pub(crate) what: String,
}

/// Keywords that say nothing about which values are accepted. (`format` is never checked.)
const WORDS: [&str; 12] = [
    "$comment",
    "$id",
    "$schema",
    "contentEncoding",
    "contentMediaType",
    "default",
    "deprecated",
    "description",
    "examples",
    "format",
    "readOnly",
    "title",
];

/// Keywords that are compared one by one below.
const COMPARED: [&str; 29] = [
    "$anchor",
    "$defs",
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "definitions",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "required",
    "type",
    "uniqueItems",
];

/// How many pairs of schemas are compared. Source: ours; the largest schemas of tools have some hundreds of parts, and beyond
/// it every one is taken for another.
const MAX_STEPS: u32 = 20_000;

/// How many references lead from one to the next. Source: ours.
const MAX_REFERENCES: usize = 32;

/// What has changed from one schema to another.
pub(crate) fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let pair = Pair {
        old_root: old,
        new_root: new,
        open: RefCell::default(),
        steps: Cell::default(),
    };
    pair.compare(old, new, "", &mut found);
    found
}

/// The documents in which references lead somewhere.
struct Pair<'a> {
    old_root: &'a Value,
    new_root: &'a Value,
    /// The references that are being followed: a schema that refers to itself is the same if it is but for that.
    open: RefCell<Vec<(Value, Value)>>,
    steps: Cell<u32>,
}

impl Pair<'_> {
    fn compare(&self, old: &Value, new: &Value, place: &str, found: &mut Vec<Difference>) {
        self.steps.set(self.steps.get() + 1);
        let refers = old.get("$ref").is_some() || new.get("$ref").is_some();
        if !refers {
            return self.compare_parts(old, new, place, found);
        }
        let pair = (old.clone(), new.clone());
        if self.open.borrow().contains(&pair) {
            return;
        }
        self.open.borrow_mut().push(pair);
        self.compare_parts(old, new, place, found);
        self.open.borrow_mut().pop();
    }

    fn compare_parts(&self, old: &Value, new: &Value, place: &str, found: &mut Vec<Difference>) {
        let (left, right) = (resolved(old, self.old_root), resolved(new, self.new_root));
        let (Some(left), Some(right)) = (left, right) else {
            if old != new {
                push(found, place, Direction::Other, "has another reference");
            }
            return;
        };
        // The same text refers to the same only where what it refers to is the same.
        if left == right && !has_references(&left) {
            return;
        }
        if self.steps.get() > MAX_STEPS {
            push(
                found,
                place,
                Direction::Other,
                "has too many parts to be compared",
            );
            return;
        }
        if choices(&left).is_some() || choices(&right).is_some() {
            self.alternatives(&alternatives(&left), &alternatives(&right), place, found);
            words(&left, &right, place, found);
            return;
        }
        types(&left, &right, place, found);
        values(&left, &right, place, found);
        bounds(&left, &right, place, found);
        lengths(&left, &right, place, found);
        one_of_a_kind(&left, &right, place, found);
        self.object(&left, &right, place, found);
        self.array(&left, &right, place, found);
        self.all_of(&left, &right, place, found);
        words(&left, &right, place, found);
    }

    /// `anyOf` and its kin: is every alternative covered by one of the other side?
    fn alternatives(
        &self,
        olds: &[Value],
        news: &[Value],
        place: &str,
        found: &mut Vec<Difference>,
    ) {
        let between = |old: &Value, new: &Value| {
            let mut inner = Vec::new();
            self.compare(old, new, place, &mut inner);
            inner
        };
        // Where but one has changed, what has changed in it says most.
        if olds.len() == news.len() {
            let pairs = olds.iter().zip(news).map(|(old, new)| between(old, new));
            let mut changed: Vec<_> = pairs.filter(|inner| !inner.is_empty()).collect();
            if changed.len() <= 1 {
                found.extend(changed.pop().unwrap_or_default());
                return;
            }
        }
        let covers = |old: &Value, new: &Value, not: Direction| {
            let inner = between(old, new);
            !inner
                .iter()
                .any(|found| found.direction == not || found.direction == Direction::Other)
        };
        for old in olds {
            if !news.iter().any(|new| covers(old, new, Direction::Narrower)) {
                push(
                    found,
                    place,
                    Direction::Narrower,
                    format!("no longer accepts all of {}", short(old)),
                );
            }
        }
        for new in news {
            if !olds.iter().any(|old| covers(old, new, Direction::Wider)) {
                push(
                    found,
                    place,
                    Direction::Wider,
                    format!("accepts {} as well", short(new)),
                );
            }
        }
    }

    fn object(&self, old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
        let empty = Map::new();
        let properties = |schema: &Schema| {
            schema
                .get("properties")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_else(|| empty.clone())
        };
        let (left, right) = (properties(old), properties(new));
        let (more_old, more_new) = (more(old), more(new));
        for (name, schema) in &left {
            let inner = inside(place, name);
            match right.get(name) {
                Some(other) => self.compare(schema, other, &inner, found),
                None if more_new == json!(false) => {
                    push(found, &inner, Direction::Narrower, "is no longer accepted")
                }
                None => push(
                    found,
                    &inner,
                    Direction::Other,
                    "is gone: it is accepted, but means nothing",
                ),
            }
        }
        let required = |schema: &Schema| -> BTreeSet<String> {
            let names = schema.get("required").and_then(Value::as_array);
            names
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let (needed_old, needed_new) = (required(old), required(new));
        for name in right.keys().filter(|name| !left.contains_key(*name)) {
            let inner = inside(place, name);
            if needed_new.contains(name) {
                push(found, &inner, Direction::Narrower, "is new and required");
                if more_old == json!(false) {
                    push(found, &inner, Direction::Wider, "is new");
                }
            } else if more_old == json!(false) {
                push(found, &inner, Direction::Wider, "is new and optional");
            } else {
                push(found, &inner, Direction::Same, "is new and optional");
            }
        }
        for name in needed_new
            .difference(&needed_old)
            .filter(|name| left.contains_key(*name) || !right.contains_key(*name))
        {
            push(
                found,
                &inside(place, name),
                Direction::Narrower,
                "is required now",
            );
        }
        for name in needed_old.difference(&needed_new) {
            let what = if left.contains_key(name) && !right.contains_key(name) {
                "need not be there"
            } else {
                "is optional now"
            };
            push(found, &inside(place, name), Direction::Wider, what);
        }
        self.compare(&more_old, &more_new, &inside(place, "*"), found);
        let patterns = |schema: &Schema| {
            schema
                .get("patternProperties")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let (left, right) = (patterns(old), patterns(new));
        for (pattern, schema) in &left {
            match right.get(pattern) {
                Some(other) => self.compare(schema, other, &inside(place, pattern), found),
                None => push(
                    found,
                    &inside(place, pattern),
                    Direction::Other,
                    "is a pattern of names that is gone",
                ),
            }
        }
        for pattern in right.keys().filter(|pattern| !left.contains_key(*pattern)) {
            push(
                found,
                &inside(place, pattern),
                Direction::Other,
                "is a new pattern of names",
            );
        }
    }

    fn array(&self, old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
        let first = |schema: &Schema| {
            schema
                .get("prefixItems")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let rest = |schema: &Schema| schema.get("items").cloned().unwrap_or(json!(true));
        let (left, right) = (first(old), first(new));
        let (rest_old, rest_new) = (rest(old), rest(new));
        for index in 0..left.len().max(right.len()) {
            let old = left.get(index).unwrap_or(&rest_old);
            let new = right.get(index).unwrap_or(&rest_new);
            self.compare(old, new, &format!("{place}[{index}]"), found);
        }
        self.compare(&rest_old, &rest_new, &format!("{place}[]"), found);
    }

    fn all_of(&self, old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
        let parts = |schema: &Schema| {
            schema
                .get("allOf")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let (left, right) = (parts(old), parts(new));
        for index in 0..left.len().max(right.len()) {
            let all = json!(true);
            let (old, new) = (
                left.get(index).unwrap_or(&all),
                right.get(index).unwrap_or(&all),
            );
            self.compare(old, new, place, found);
        }
    }
}

type Schema = Map<String, Value>;

/// A schema as an object, its reference followed.
fn resolved(schema: &Value, root: &Value) -> Option<Schema> {
    let mut schema = match schema {
        Value::Object(schema) => schema.clone(),
        Value::Bool(true) => Schema::new(),
        // Nothing is of no type.
        _ => [("type".to_owned(), json!([]))].into_iter().collect(),
    };
    for _ in 0..MAX_REFERENCES {
        let Some(reference) = schema.shift_remove("$ref") else {
            return Some(schema);
        };
        let target = root.pointer(reference.as_str()?.strip_prefix('#')?)?;
        let mut target = match target {
            Value::Object(target) => target.clone(),
            Value::Bool(true) => Schema::new(),
            _ => return None,
        };
        // What stands beside the reference is meant besides; the same keyword on both sides is beyond comparison.
        for (keyword, value) in schema {
            if target.contains_key(&keyword) && !is_words(&keyword) {
                return None;
            }
            target.insert(keyword, value);
        }
        schema = target;
    }
    None
}

fn has_references(schema: &Schema) -> bool {
    fn within(value: &Value) -> bool {
        match value {
            Value::Object(members) => has_references(members),
            Value::Array(items) => items.iter().any(within),
            _ => false,
        }
    }
    schema.contains_key("$ref") || schema.values().any(within)
}

/// The alternatives of a schema that is nothing but alternatives.
fn choices(schema: &Schema) -> Option<&Vec<Value>> {
    let is_besides =
        |keyword: &str| is_words(keyword) || matches!(keyword, "$defs" | "definitions");
    ["anyOf", "oneOf"].into_iter().find_map(|keyword| {
        let all = schema.get(keyword)?.as_array()?;
        let is_only = schema.keys().all(|key| key == keyword || is_besides(key));
        is_only.then_some(all)
    })
}

/// The same of any schema: several types are alternatives as well.
fn alternatives(schema: &Schema) -> Vec<Value> {
    if let Some(all) = choices(schema) {
        return all.clone();
    }
    match schema.get("type") {
        Some(Value::Array(types)) if types.len() > 1 && !schema.contains_key("enum") => {
            let of = |kind: &Value| {
                let mut one = schema.clone();
                one.insert("type".to_owned(), kind.clone());
                Value::Object(one)
            };
            types.iter().map(of).collect()
        }
        _ => vec![Value::Object(schema.clone())],
    }
}

fn is_words(keyword: &str) -> bool {
    WORDS.contains(&keyword) || (keyword.starts_with("x-") && keyword != "x-mcp-header")
}

/// The types of values; numbers that are whole and those that are not count as two.
fn type_set(schema: &Schema) -> BTreeSet<&str> {
    let of = |kind: &str| -> &'static [&'static str] {
        match kind {
            "array" => &["array"],
            "boolean" => &["boolean"],
            "integer" => &["integer"],
            "null" => &["null"],
            "number" => &["integer", "fraction"],
            "object" => &["object"],
            "string" => &["string"],
            _ => &[],
        }
    };
    match schema.get("type") {
        None => [
            "array", "boolean", "integer", "null", "fraction", "object", "string",
        ]
        .into(),
        Some(Value::String(kind)) => of(kind).iter().copied().collect(),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            kinds.flat_map(|kind| of(kind).iter().copied()).collect()
        }
        Some(_) => BTreeSet::new(),
    }
}

fn types(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
    let (left, right) = (type_set(old), type_set(new));
    let listed = |types: Vec<&&str>| {
        types
            .iter()
            .map(|kind| **kind)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let lost = left.difference(&right).collect::<Vec<_>>();
    let won = right.difference(&left).collect::<Vec<_>>();
    if !lost.is_empty() {
        push(
            found,
            place,
            Direction::Narrower,
            format!("no longer accepts values of type {}", listed(lost)),
        );
    }
    if !won.is_empty() {
        push(
            found,
            place,
            Direction::Wider,
            format!("accepts values of type {} as well", listed(won)),
        );
    }
}

/// `enum` and `const`
fn values(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
    let of = |schema: &Schema| match (schema.get("const"), schema.get("enum")) {
        (Some(value), _) => Some(vec![value.clone()]),
        (None, Some(Value::Array(values))) => Some(values.clone()),
        _ => None,
    };
    match (of(old), of(new)) {
        (None, None) => {}
        (None, Some(new)) => push(
            found,
            place,
            Direction::Narrower,
            format!("accepts only {}", list(&new)),
        ),
        (Some(_), None) => push(
            found,
            place,
            Direction::Wider,
            "accepts more than the values of a list",
        ),
        (Some(old), Some(new)) => {
            let without = |all: &[Value], others: &[Value]| -> Vec<Value> {
                all.iter()
                    .filter(|value| !others.contains(value))
                    .cloned()
                    .collect()
            };
            let (lost, won) = (without(&old, &new), without(&new, &old));
            if !lost.is_empty() {
                push(
                    found,
                    place,
                    Direction::Narrower,
                    format!("no longer accepts {}", list(&lost)),
                );
            }
            if !won.is_empty() {
                push(
                    found,
                    place,
                    Direction::Wider,
                    format!("accepts {} as well", list(&won)),
                );
            }
        }
    }
}

/// The smallest and the largest number.
fn bounds(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
    // A bound that is not accepted itself lies a step further in.
    let lower = |schema: &Schema| -> Option<(f64, bool)> {
        let fractions = type_set(schema).contains("fraction");
        let inclusive = number(schema, "minimum").map(|bound| (bound, false));
        let exclusive = number(schema, "exclusiveMinimum").map(|bound| {
            if fractions {
                (bound, true)
            } else {
                (bound.floor() + 1.0, false)
            }
        });
        inclusive
            .into_iter()
            .chain(exclusive)
            .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
    };
    let upper = |schema: &Schema| -> Option<(f64, bool)> {
        let fractions = type_set(schema).contains("fraction");
        let inclusive = number(schema, "maximum").map(|bound| (bound, false));
        let exclusive = number(schema, "exclusiveMaximum").map(|bound| {
            if fractions {
                (bound, true)
            } else {
                (bound.ceil() - 1.0, false)
            }
        });
        inclusive
            .into_iter()
            .chain(exclusive)
            .min_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
    };
    let order = |a: (f64, bool), b: (f64, bool)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    let text = |bound: Option<(f64, bool)>| match bound {
        None => "none".to_owned(),
        Some((bound, exclusive)) => format!(
            "{bound}{}",
            if exclusive { " (itself excluded)" } else { "" }
        ),
    };
    let (left, right) = (lower(old), lower(new));
    if left != right {
        let narrower = match (left, right) {
            (None, _) => true,
            (_, None) => false,
            (Some(old), Some(new)) => order(new, old).is_gt(),
        };
        push(
            found,
            place,
            direction(narrower),
            format!(
                "has the smallest number {} now, before {}",
                text(right),
                text(left)
            ),
        );
    }
    let (left, right) = (upper(old), upper(new));
    if left != right {
        let narrower = match (left, right) {
            (None, _) => true,
            (_, None) => false,
            // Of two equal bounds the excluded one accepts less.
            (Some(old), Some(new)) => new.0 < old.0 || (new.0 == old.0 && new.1 && !old.1),
        };
        push(
            found,
            place,
            direction(narrower),
            format!(
                "has the largest number {} now, before {}",
                text(right),
                text(left)
            ),
        );
    }
    match (number(old, "multipleOf"), number(new, "multipleOf")) {
        (None, None) => {}
        (None, Some(step)) => push(
            found,
            place,
            Direction::Narrower,
            format!("accepts only multiples of {step}"),
        ),
        (Some(step), None) => push(
            found,
            place,
            Direction::Wider,
            format!("accepts more than multiples of {step}"),
        ),
        (Some(old), Some(new)) if old == new => {}
        (Some(old), Some(new)) => {
            let direction = match (new % old == 0.0, old % new == 0.0) {
                (true, _) => Direction::Narrower,
                (_, true) => Direction::Wider,
                _ => Direction::Other,
            };
            push(
                found,
                place,
                direction,
                format!("accepts multiples of {new}, before of {old}"),
            );
        }
    }
}

/// How long texts and arrays are, and how many members objects have.
fn lengths(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
    for (least, most) in [
        ("minLength", "maxLength"),
        ("minItems", "maxItems"),
        ("minProperties", "maxProperties"),
    ] {
        let (left, right) = (
            number(old, least).unwrap_or(0.0),
            number(new, least).unwrap_or(0.0),
        );
        if left != right {
            push(
                found,
                place,
                direction(right > left),
                format!("has {least} {right} now, before {left}"),
            );
        }
        let (left, right) = (number(old, most), number(new, most));
        if left != right {
            let narrower = match (left, right) {
                (None, _) => true,
                (_, None) => false,
                (Some(old), Some(new)) => new < old,
            };
            let text =
                |bound: Option<f64>| bound.map_or("none".to_owned(), |bound| bound.to_string());
            push(
                found,
                place,
                direction(narrower),
                format!("has {most} {} now, before {}", text(right), text(left)),
            );
        }
    }
    let unique = |schema: &Schema| schema.get("uniqueItems") == Some(&json!(true));
    match (unique(old), unique(new)) {
        (false, true) => push(found, place, Direction::Narrower, "accepts no item twice"),
        (true, false) => push(found, place, Direction::Wider, "accepts items twice"),
        _ => {}
    }
}

/// Keywords that are there, or not, or another: nothing more can be told.
fn one_of_a_kind(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
    let known = |keyword: &str| COMPARED.contains(&keyword) || is_words(keyword);
    let keywords: BTreeSet<&String> = old
        .keys()
        .chain(new.keys())
        .filter(|keyword| !known(keyword))
        .collect();
    let both = ["pattern", "anyOf", "oneOf"].map(str::to_owned);
    for keyword in keywords.into_iter().chain(&both) {
        let direction = match (old.get(keyword), new.get(keyword)) {
            (old, new) if old == new => continue,
            // A condition on its own can only take away.
            (None, Some(_)) if keyword != "then" && keyword != "else" => Direction::Narrower,
            (Some(_), None) if keyword != "then" && keyword != "else" => Direction::Wider,
            _ => Direction::Other,
        };
        push(found, place, direction, format!("has another {keyword}"));
    }
}

fn words(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
    let keywords: BTreeSet<&String> = old
        .keys()
        .chain(new.keys())
        .filter(|keyword| is_words(keyword))
        .collect();
    for keyword in keywords {
        if old.get(keyword) != new.get(keyword) {
            push(
                found,
                place,
                Direction::Same,
                format!("has another {keyword}"),
            );
        }
    }
}

/// What the members are that no property names.
fn more(schema: &Schema) -> Value {
    schema
        .get("additionalProperties")
        .cloned()
        .unwrap_or(json!(true))
}

fn number(schema: &Schema, keyword: &str) -> Option<f64> {
    schema.get(keyword)?.as_f64()
}

fn direction(narrower: bool) -> Direction {
    if narrower {
        Direction::Narrower
    } else {
        Direction::Wider
    }
}

fn inside(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

/// The most of a schema that is shown. Unit: characters.
const MAX_SHOWN: usize = 60;

fn short(schema: &Value) -> String {
    let text = match &schema["type"] {
        Value::String(kind) => kind.clone(),
        _ => schema.to_string(),
    };
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn list(values: &[Value]) -> String {
    values
        .iter()
        .map(Value::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

fn push(found: &mut Vec<Difference>, place: &str, direction: Direction, what: impl Into<String>) {
    let difference = Difference {
        place: place.to_owned(),
        direction,
        what: what.into(),
    };
    // Alternatives of one schema may differ by the same.
    if !found.contains(&difference) {
        found.push(difference);
    }
}

#[cfg(test)]
mod tests;
