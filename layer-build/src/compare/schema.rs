//! Compares two JSON Schemas, and determines whether the new one accepts fewer, more or other values.
//!
//! If the effect of a change is unknown (`not`, `if`, a changed `pattern`), it counts as both fewer and more values.
//! One case is an exception to strict logic: if an object accepts any property, adding a property to its schema does
//! not count as fewer values, because no client has sent that property before.

pub(super) mod difference;
mod keywords;
mod parts;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use serde_json::{Map, Value, json};

use crate::compare::schema::{
    difference::{Difference, Direction, push},
    keywords::{annotations, bounds, lengths, opaque_keywords, types, values},
    parts::{Schema, additional_properties, alternatives, choices, has_references, resolve},
};

/// The maximum number of pairs of schemas that are compared. All further pairs count as different. Source: ours; the
/// largest schemas of tools have some hundreds of parts.
const MAX_STEPS: u32 = 20_000;

/// Returns the differences from one schema to another.
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

/// The documents in which references are resolved.
struct Pair<'a> {
    old_root: &'a Value,
    new_root: &'a Value,
    /// The pairs of references that are being followed. If a schema refers to itself, that part counts as equal, so
    /// that the rest decides.
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
        let (left, right) = (resolve(old, self.old_root), resolve(new, self.new_root));
        let (Some(left), Some(right)) = (left, right) else {
            if old != new {
                push(found, place, Direction::Other, "has another reference");
            }
            return;
        };
        // Equal schemas have the same meaning, unless they contain references, whose targets may differ.
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
            annotations(&left, &right, place, found);
            return;
        }
        types(&left, &right, place, found);
        values(&left, &right, place, found);
        bounds(&left, &right, place, found);
        lengths(&left, &right, place, found);
        opaque_keywords(&left, &right, place, found);
        self.object(&left, &right, place, found);
        self.array(&left, &right, place, found);
        self.all_of(&left, &right, place, found);
        annotations(&left, &right, place, found);
    }

    /// Compares alternatives such as those of `anyOf`: finds out whether each alternative is covered by one of the
    /// other schema.
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
        // If only one alternative has changed, report the changes inside it, which is clearer.
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
        let (old_additional, new_additional) =
            (additional_properties(old), additional_properties(new));
        for (name, schema) in &left {
            let inner = inside(place, name);
            match right.get(name) {
                Some(other) => self.compare(schema, other, &inner, found),
                None if new_additional == json!(false) => {
                    push(found, &inner, Direction::Narrower, "is no longer accepted")
                }
                None => push(
                    found,
                    &inner,
                    Direction::Other,
                    "is gone: it is still accepted, but has no meaning",
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
                if old_additional == json!(false) {
                    push(found, &inner, Direction::Wider, "is new");
                }
            } else if old_additional == json!(false) {
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
                "may be absent now"
            } else {
                "is optional now"
            };
            push(found, &inside(place, name), Direction::Wider, what);
        }
        self.compare(&old_additional, &new_additional, &inside(place, "*"), found);
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

fn inside(place: &str, name: &str) -> String {
    if place.is_empty() {
        name.to_owned()
    } else {
        format!("{place}.{name}")
    }
}

/// The maximum length of the text of a schema in a message. Unit: characters.
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

#[cfg(test)]
mod tests;
