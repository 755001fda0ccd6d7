//! The tool receives the values that validation accepts: for values that are right, nearly right and wrong.
//!
//! The values are the same each time; `PROPTEST_CASES=100000 cargo test --profile bench -p tool-schema properties`
//! tries more of them. Earlier findings are in the tables of `refusals.rs` and of `coerce.rs`.

use std::{cell::Cell, collections::BTreeMap};

use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, TestCaseError, TestRng, TestRunner},
};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use tool_schema::{Schema, coerce};

use crate::{
    Tool,
    types::{
        Adjacent, Everything, Exact, External, Flat, Forecast, Internal, Node, Numbered, Shapes,
        TextOrNumber, Untagged,
    },
};

/// How deep values are made.
const MAX_DEPTH: usize = 6;

/// The requirements on every type.
fn holds<T: Serialize + DeserializeOwned + JsonSchema>() {
    let tool = Tool::of::<T>();
    let schema = Schema::compile(&tool.schema_text).expect("a schema");
    let values = near(schema.value(), schema.value(), 0);
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let cases = config.cases;
    let accepted = Cell::new(0);
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(&values, |value| {
        let mut coerced = value.clone();
        let changed = coerce(schema.value(), &mut coerced);
        prop_assert_eq!(changed, coerced != value, "coerced to {}", coerced);

        // Coercion changes nothing that is accepted, but whole floats.
        if schema.accepts(&value) {
            prop_assert!(
                is_same_but_for_whole_floats(&value, &coerced),
                "coerced to {}",
                coerced
            );
            prop_assert!(schema.accepts(&coerced), "coerced to {}", coerced);
        }

        // Once is enough.
        let mut again = coerced.clone();
        prop_assert!(
            !coerce(schema.value(), &mut again),
            "{} coerced to {}",
            coerced,
            again
        );

        // Accepted values are received unchanged; refusals have a message.
        let outcome = tool.call(&value.to_string());
        if schema.accepts(&coerced) {
            accepted.set(accepted.get() + 1);
            prop_assert_eq!(schema.problems(&coerced), []);
            match outcome {
                Ok(text) => receives::<T>(&coerced, &text)?,
                Err(message) => prop_assert!(
                    !schema.decoding_problems(&coerced).is_empty(),
                    "accepted as {}, but refused: {}",
                    coerced,
                    message
                ),
            }
        } else {
            let problems = schema.problems(&coerced);
            prop_assert!(!problems.is_empty());
            for problem in &problems {
                let message = problem.to_string();
                prop_assert!(
                    message.len() > 10 && !message.contains("does not fit"),
                    "{}",
                    message
                );
            }
            if let Err(message) = &outcome {
                prop_assert!(message.contains(&problems[0].to_string()), "{}", message);
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}\nschema: {}", tool.schema_text);
    }
    // Otherwise the above says little.
    let accepted = accepted.get();
    assert!(
        (cases / 20..cases - cases / 20).contains(&accepted),
        "accepted {accepted} of {cases}"
    );
}

/// The type decodes the text to what was sent.
fn receives<T: Serialize + DeserializeOwned>(
    sent: &Value,
    text: &str,
) -> Result<(), TestCaseError> {
    let decoded: T =
        serde_json::from_str(text).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let received =
        serde_json::to_value(decoded).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(
        is_received(sent, &received),
        "sent {}, received {}",
        sent,
        received
    );
    Ok(())
}

fn is_received(sent: &Value, received: &Value) -> bool {
    match (sent, received) {
        (Value::Number(_), Value::Number(_)) => is_same_number(sent, received),
        (Value::Array(sent), Value::Array(received)) => {
            let same =
                |received: &[Value]| sent.iter().zip(received).all(|(a, b)| is_received(a, b));
            // Sets are sorted.
            let mut sorted = sent.clone();
            sorted.sort_by_key(Value::as_i64);
            sent.len() == received.len() && (same(received) || sorted == *received)
        }
        (Value::Object(sent), Value::Object(received)) => {
            sent.iter().all(|(name, sent)| match received.get(name) {
                Some(received) => is_received(sent, received),
                None => name.starts_with('z'),
            })
        }
        _ => sent == received,
    }
}

fn is_same_number(a: &Value, b: &Value) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "what an f32 field does")]
    let f32 = |value: &Value| value.as_f64().map(|float| float as f32);
    match (a.is_f64(), b.is_f64()) {
        (false, false) => a == b,
        _ => a.as_f64() == b.as_f64() || f32(a) == f32(b),
    }
}

fn is_same_but_for_whole_floats(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => {
            a == b || a.is_f64() && b.is_i64() && a.as_f64() == b.as_f64()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| is_same_but_for_whole_floats(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, a)| {
                    b.get(name)
                        .is_some_and(|b| is_same_but_for_whole_floats(a, b))
                })
        }
        _ => a == b,
    }
}

/// Values that a schema accepts, or nearly.
fn near(schema: &Value, root: &Value, depth: usize) -> BoxedStrategy<Value> {
    prop_oneof![
        30 => right(schema, root, depth),
        4 => right(schema, root, depth).prop_map(misspelt),
        1 => right(schema, root, depth).prop_map(|value| misspelt(misspelt(value))),
        1 => junk(),
    ]
    .boxed()
}

/// The same value in the wrong type.
fn misspelt(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => number.to_string().into(),
        Value::Number(number) if number.as_i64().is_some_and(|n| n % 2 == 0) => {
            json!(number.as_f64())
        }
        Value::String(text) => match text.len() % 3 {
            0 => format!("{text} ").into(),
            1 => serde_json::from_str(&text).unwrap_or(Value::Null),
            _ => text.to_uppercase().into(),
        },
        other => other.to_string().into(),
    }
}

fn junk() -> BoxedStrategy<Value> {
    let leaves = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        numbers(),
        texts(),
    ];
    leaves
        .prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("a|zz|zy", inner, 0..3).prop_map(object),
            ]
        })
        .boxed()
}

fn texts() -> BoxedStrategy<Value> {
    prop_oneof![
        "[a-z]{0,5}",
        any::<String>(),
        "-?[0-9]{1,25}",
        "-?[0-9]{1,3}[.][0-9]{1,3}",
        select(vec![
            "true",
            "null",
            "[]",
            "[1]",
            "{}",
            "{\"a\":\"1\"}",
            "1e3",
            "-0",
            "5.0",
            "NaN"
        ])
        .prop_map(str::to_owned),
    ]
    .prop_map(Value::from)
    .boxed()
}

fn numbers() -> BoxedStrategy<Value> {
    let edges = vec![
        json!(0),
        json!(1),
        json!(-1),
        json!(5.0),
        json!(-0.0),
        json!(2.5),
        json!(127),
        json!(128),
        json!(255),
        json!(256),
        json!(-128),
        json!(65535),
        json!(65536),
        json!(i32::MAX),
        json!(i32::MIN),
        json!(u32::MAX),
        json!(4_294_967_296_u64),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(9_223_372_036_854_775_808_u64),
        json!(u64::MAX),
        json!(9_007_199_254_740_991.0),
        json!(9_007_199_254_740_992.0),
        json!(9_007_199_254_740_993_i64),
        json!(1e17),
        json!(1e30),
        json!(-1e30),
        json!(1e-300),
        json!(f64::MAX),
        json!(0.1),
    ];
    prop_oneof![
        3 => select(edges),
        2 => (-300_i64..300).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<i32>().prop_map(|n| json!(f64::from(n))),
    ]
    .boxed()
}

fn object(members: BTreeMap<String, Value>) -> Value {
    Value::Object(members.into_iter().collect())
}

/// Values that the schema accepts, if its inner ones are.
fn right(schema: &Value, root: &Value, depth: usize) -> BoxedStrategy<Value> {
    let Some(keywords) = schema.as_object() else {
        return junk();
    };
    if depth > MAX_DEPTH {
        return Just(Value::Null).boxed();
    }
    if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(&reference[1..]).expect("a definition");
        return right(target, root, depth + 1);
    }
    if let Some(constant) = keywords.get("const") {
        return Just(constant.clone()).boxed();
    }
    if let Some(Value::Array(options)) = keywords.get("enum") {
        return select(options.clone()).boxed();
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(parts)) = keywords.get(keyword) {
            let parts: Vec<_> = parts
                .iter()
                .map(|part| near(part, root, depth + 1))
                .collect();
            let chosen = prop::strategy::Union::new(parts);
            if !keywords.contains_key("properties") {
                return chosen.boxed();
            }
            // From a flattened enum.
            return (members(keywords, root, depth), chosen)
                .prop_map(|(mut members, more)| {
                    members.extend(
                        more.as_object()
                            .into_iter()
                            .flatten()
                            .map(|(name, value)| (name.clone(), value.clone())),
                    );
                    object(members)
                })
                .boxed();
        }
    }
    let names: Vec<_> = match keywords.get("type") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(name)) => vec![name],
        _ => return junk(),
    };
    let kinds: Vec<_> = names
        .iter()
        .map(|name| of_type(name, keywords, root, depth))
        .collect();
    prop::strategy::Union::new(kinds).boxed()
}

fn of_type(
    name: &str,
    keywords: &Map<String, Value>,
    root: &Value,
    depth: usize,
) -> BoxedStrategy<Value> {
    let size = |keyword| {
        keywords
            .get(keyword)
            .and_then(Value::as_u64)
            .map(|size| usize::try_from(size).expect("small"))
    };
    match name {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => {
            let bound = |keyword| keywords.get(keyword).and_then(Value::as_i64);
            let least = bound("minimum").unwrap_or(i64::MIN);
            let most = bound("maximum").unwrap_or(i64::MAX);
            let step = keywords
                .get("multipleOf")
                .and_then(Value::as_i64)
                .unwrap_or(1);
            prop_oneof![
                6 => (least..=most).prop_map(move |n| Value::from(n - n % step)),
                2 => select(vec![least, most]).prop_map(Value::from),
                1 => numbers(),
            ]
            .boxed()
        }
        "number" => numbers(),
        "string" if keywords.contains_key("pattern") => "[a-z]{1,3}".prop_map(Value::from).boxed(),
        "string" if size("maxLength") == Some(1) => any::<char>()
            .prop_map(|c| Value::from(c.to_string()))
            .boxed(),
        "string" if keywords.contains_key("maxLength") => {
            "[a-z0-9]{1,8}".prop_map(Value::from).boxed()
        }
        "string" => texts(),
        "array" => {
            let least = size("minItems").unwrap_or(0);
            let most = size("maxItems").unwrap_or(3);
            match keywords.get("prefixItems").and_then(Value::as_array) {
                Some(prefix) => {
                    let items: Vec<_> = prefix
                        .iter()
                        .map(|part| near(part, root, depth + 1))
                        .collect();
                    items.prop_map(Value::from).boxed()
                }
                None => {
                    let items = keywords
                        .get("items")
                        .map_or_else(junk, |part| near(part, root, depth + 1));
                    prop::collection::vec(items, least..=most)
                        .prop_map(Value::from)
                        .boxed()
                }
            }
        }
        _ => members(keywords, root, depth).prop_map(object).boxed(),
    }
}

fn members(
    keywords: &Map<String, Value>,
    root: &Value,
    depth: usize,
) -> BoxedStrategy<BTreeMap<String, Value>> {
    let required: Vec<_> = keywords
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .collect();
    let mut members = Vec::new();
    for (name, part) in keywords
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let chance = if required.iter().any(|required| *required == name) {
            0.97
        } else {
            0.3
        };
        let name = name.clone();
        members.push(
            prop::option::weighted(
                chance,
                near(part, root, depth + 1).prop_map(move |value| (name.clone(), value)),
            )
            .boxed(),
        );
    }
    let further = match keywords
        .get("patternProperties")
        .and_then(Value::as_object)
        .and_then(|all| all.values().next())
    {
        Some(part) => {
            prop::collection::btree_map("[1-9][0-9]{0,3}", near(part, root, depth + 1), 0..3)
                .boxed()
        }
        None => match keywords.get("additionalProperties") {
            Some(part) if part.is_object() => {
                prop::collection::btree_map("[a-z]{1,3}", near(part, root, depth + 1), 0..3).boxed()
            }
            // schemars does not declare that a `Result` has no further members.
            _ if keywords["properties"]
                .get("Ok")
                .or(keywords["properties"].get("Err"))
                .is_some() =>
            {
                Just(BTreeMap::new()).boxed()
            }
            _ => prop::option::weighted(0.05, junk())
                .prop_map(|junk| {
                    junk.into_iter()
                        .map(|value| ("zz".to_owned(), value))
                        .collect()
                })
                .boxed(),
        },
    };
    (members, further)
        .prop_map(
            |(members, mut further): (Vec<Option<(String, Value)>>, BTreeMap<_, _>)| {
                further.extend(members.into_iter().flatten());
                further
            },
        )
        .boxed()
}

macro_rules! hold {
    ($($name:ident: $type:ty,)*) => {
        $(
            #[test]
            fn $name() {
                holds::<$type>();
            }
        )*
    };
}

hold! {
    simple_arguments: Forecast,
    everything: Everything,
    constraints: Exact,
    external_tags: External,
    internal_tags: Internal,
    adjacent_tags: Adjacent,
    untagged_enums: Untagged,
    text_or_number: TextOrNumber,
    optional_enums: Shapes,
    flattened_structs_and_enums: Flat,
    recursive_types: Node,
    maps_with_numbers_for_names: Numbered,
    lists_of_enums: Vec<Internal>,
    maps_of_enums: BTreeMap<String, External>,
    pairs: (Option<External>, Result<u8, bool>),
}
