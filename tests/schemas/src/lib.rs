//! The official JSON schemas of MCP's revisions, and a validator of answers.
//!
//! Every harness passes each request and its answer to [`Exchange::validate`], so that no test can overlook an answer
//! that the schema of its revision refuses. It panics: that is its way to fail a test. It implements the protocol
//! independently, and shares no code with the servers that it validates.

mod exchange;
mod message;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use serde_json::{Value, json};

pub use exchange::Exchange;
pub use message::{validate_line, validate_notification, validate_result};

/// The revision without handshake.
pub const MODERN: &str = "2026-07-28";

/// Every revision, oldest first.
pub const REVISIONS: [&str; 5] = [
    "2024-11-05",
    "2025-03-26",
    "2025-06-18",
    "2025-11-25",
    MODERN,
];

const TEXTS: [&str; 5] = [
    include_str!("../schema-2024-11-05.json"),
    include_str!("../schema-2025-03-26.json"),
    include_str!("../schema-2025-06-18.json"),
    include_str!("../schema-2025-11-25.json"),
    include_str!("../schema-2026-07-28.json"),
];

static DOCUMENTS: [LazyLock<Value>; 5] = [
    LazyLock::new(|| parsed(0)),
    LazyLock::new(|| parsed(1)),
    LazyLock::new(|| parsed(2)),
    LazyLock::new(|| parsed(3)),
    LazyLock::new(|| parsed(4)),
];

fn parsed(position: usize) -> Value {
    serde_json::from_str(TEXTS[position]).expect("the schema is JSON")
}

/// Returns the problems of a value by a definition of a revision's schema; none, if it is valid.
///
/// # Panics
/// When there is no such revision or definition.
#[must_use]
pub fn problems(revision: &str, definition: &str, value: &Value) -> Vec<String> {
    let validator = validator(revision, definition);
    let errors = validator.iter_errors(value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// Asserts that a value satisfies a definition of a revision's schema.
///
/// # Panics
/// When it does not, or when there is no such revision or definition.
pub fn assert_valid(revision: &str, definition: &str, value: &Value) {
    let problems = problems(revision, definition, value);
    assert!(
        problems.is_empty(),
        "{definition} of {revision}: {problems:#?}\n{value:#}"
    );
}

fn validator(revision: &str, definition: &str) -> Arc<Validator> {
    type Compiled = HashMap<(usize, String), Arc<Validator>>;
    static COMPILED: LazyLock<Mutex<Compiled>> = LazyLock::new(Mutex::default);

    let position = REVISIONS.iter().position(|known| *known == revision);
    let position = position.unwrap_or_else(|| panic!("there is no revision {revision}"));
    let key = (position, definition.to_owned());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = compiled.entry(key).or_insert_with(|| {
        let mut document = DOCUMENTS[position].clone();
        let place = match document.get("$defs") {
            Some(_) => "$defs",
            None => "definitions",
        };
        assert!(
            document[place].get(definition).is_some(),
            "{revision} defines no {definition}"
        );
        document["$ref"] = json!(format!("#/{place}/{definition}"));
        Arc::new(jsonschema::validator_for(&document).expect("the schema is one"))
    });
    Arc::clone(validator)
}
