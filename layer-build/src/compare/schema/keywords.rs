//! Compares keywords that contain no schemas: types, values, bounds, lengths and descriptions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::compare::schema::{
    difference::{Difference, Direction, push},
    parts::{Schema, is_annotation},
};

/// Keywords that are compared one by one, here or in `schema`.
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

pub(super) fn types(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
    let (left, right) = (type_set(old), type_set(new));
    let without = |all: &BTreeSet<&str>, others: &BTreeSet<&str>| {
        let rest: Vec<_> = all.difference(others).copied().collect();
        rest.join(", ")
    };
    let (lost, gained) = (without(&left, &right), without(&right, &left));
    push_lost_and_gained("values of type ", &lost, &gained, place, found);
}

/// Compares `enum` and `const`.
pub(super) fn values(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
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
            let without = |all: &[Value], others: &[Value]| {
                list(all.iter().filter(|value| !others.contains(value)))
            };
            let (lost, gained) = (without(&old, &new), without(&new, &old));
            push_lost_and_gained("", &lost, &gained, place, found);
        }
    }
}

/// Adds a difference for the values that are no longer accepted, and one for those that are newly accepted. An empty
/// list adds nothing.
fn push_lost_and_gained(
    what: &str,
    lost: &str,
    gained: &str,
    place: &str,
    found: &mut Vec<Difference>,
) {
    if !lost.is_empty() {
        let text = format!("no longer accepts {what}{lost}");
        push(found, place, Direction::Narrower, text);
    }
    if !gained.is_empty() {
        let text = format!("accepts {what}{gained} as well");
        push(found, place, Direction::Wider, text);
    }
}

/// Compares the smallest and the largest number that are accepted.
pub(super) fn bounds(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
    let order = |a: &(f64, bool), b: &(f64, bool)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    // Handle the maximum like a minimum by changing the sign of all numbers.
    for (name, inclusive, exclusive, sign) in [
        ("smallest", "minimum", "exclusiveMinimum", 1.0),
        ("largest", "maximum", "exclusiveMaximum", -1.0),
    ] {
        // Adding 0.0 turns -0.0 into 0.0.
        let signed = |bound: f64| sign * bound + 0.0;
        // For integers, an exclusive bound is converted to the next inclusive one.
        let bound = |schema: &Schema| {
            let fractions = type_set(schema).contains("fraction");
            let inclusive = number(schema, inclusive).map(|bound| (signed(bound), false));
            let exclusive = number(schema, exclusive).map(|bound| {
                if fractions {
                    (signed(bound), true)
                } else {
                    (signed(bound).floor() + 1.0, false)
                }
            });
            inclusive.into_iter().chain(exclusive).max_by(order)
        };
        let (left, right) = (bound(old), bound(new));
        if left == right {
            continue;
        }
        let narrower = match (left, right) {
            (None, _) => true,
            (_, None) => false,
            // If the numbers are equal, the exclusive bound accepts less.
            (Some(old), Some(new)) => order(&new, &old).is_gt(),
        };
        let text = |bound: Option<(f64, bool)>| match bound {
            None => "none".to_owned(),
            Some((bound, true)) => format!("{} (itself excluded)", signed(bound)),
            Some((bound, false)) => signed(bound).to_string(),
        };
        let (left, right) = (text(left), text(right));
        push(
            found,
            place,
            direction(narrower),
            format!("has the {name} number {right} now, before {left}"),
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

/// Compares the allowed lengths of strings and arrays, and the allowed numbers of members of objects.
pub(super) fn lengths(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
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

/// Compares keywords whose effect is unknown: only finds out whether they were added, removed or changed.
pub(super) fn opaque_keywords(
    old: &Schema,
    new: &Schema,
    place: &str,
    found: &mut Vec<Difference>,
) {
    let known = |keyword: &str| COMPARED.contains(&keyword) || is_annotation(keyword);
    let keywords: BTreeSet<&String> = old
        .keys()
        .chain(new.keys())
        .filter(|keyword| !known(keyword))
        .collect();
    let both = ["pattern", "anyOf", "oneOf"].map(str::to_owned);
    for keyword in keywords.into_iter().chain(&both) {
        let direction = match (old.get(keyword), new.get(keyword)) {
            (old, new) if old == new => continue,
            // Adding a keyword can only reduce the accepted values, except for `then` and `else`, which depend on `if`.
            (None, Some(_)) if keyword != "then" && keyword != "else" => Direction::Narrower,
            (Some(_), None) if keyword != "then" && keyword != "else" => Direction::Wider,
            _ => Direction::Other,
        };
        push(found, place, direction, format!("has another {keyword}"));
    }
}

pub(super) fn annotations(old: &Schema, new: &Schema, place: &str, found: &mut Vec<Difference>) {
    let keywords: BTreeSet<&String> = old
        .keys()
        .chain(new.keys())
        .filter(|keyword| is_annotation(keyword))
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

/// Returns the accepted types. Integers and other numbers count as two types.
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

fn list<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    let texts: Vec<_> = values.into_iter().map(Value::to_string).collect();
    texts.join(", ")
}
