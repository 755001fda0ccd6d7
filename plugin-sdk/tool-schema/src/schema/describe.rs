//! Descriptions of schemas and values, for users and models. Their length is limited.

use std::io;

use serde_json::Value;

use super::{
    document::{Document, Keywords, parts, properties, required},
    types::Types,
};

/// The maximum length of a quoted text. Unit: characters.
const MAX_QUOTED: usize = 60;

/// The maximum number of names or values in a list.
const MAX_LISTED: usize = 20;

/// The minimum similarity of a suggestion: between 0 and 1, by Jaro-Winkler. Source: ours; names with one or two typing
/// mistakes reach it, other names do not.
const SIMILARITY_THRESHOLD: f64 = 0.8;

/// The maximum depth of described alternatives.
const MAX_DEPTH: usize = 4;

const NULL: &str = "null";

/// The values that a schema accepts, as phrases for a message.
#[derive(Default)]
struct Expectation {
    phrases: Vec<String>,
    /// The names of the members of objects that have exactly one, as for the tags of a Rust enum.
    names: Vec<String>,
}

impl Expectation {
    fn push(&mut self, phrase: String) {
        if !self.phrases.contains(&phrase) {
            self.phrases.push(phrase);
        }
    }

    fn into_phrase(mut self) -> String {
        let or_null = self.phrases.iter().position(|phrase| phrase == NULL);
        let null = or_null.map(|position| self.phrases.remove(position));
        match &self.names[..] {
            [] => {}
            [name] => self.phrases.push(format!("an object with {name}")),
            names => {
                let names = join_phrases(names, "and");
                self.phrases.push(format!("an object with one of {names}"));
            }
        }
        self.phrases.extend(null);
        join_phrases(&self.phrases, "or")
    }
}

impl<'a> Document<'a> {
    /// Describes the values that the schema accepts, with a phrase that follows "must be". The limits of the integer
    /// type are mentioned only if `value` is a number, and those of 64 bits only with `decoding`.
    pub(crate) fn expected(
        &self,
        schema: &'a Value,
        value: Option<&Value>,
        decoding: bool,
    ) -> String {
        self.expected_of_any(&[schema], value, decoding)
    }

    /// Describes the values that any of the alternatives accepts.
    pub(crate) fn expected_of_any(
        &self,
        alternatives: &[&'a Value],
        value: Option<&Value>,
        decoding: bool,
    ) -> String {
        let mut wanted = Expectation::default();
        let numeric = value.is_some_and(Value::is_number);
        for schema in alternatives {
            self.describe(schema, numeric, decoding, 0, &mut wanted);
        }
        wanted.into_phrase()
    }

    fn describe(
        &self,
        schema: &'a Value,
        numeric: bool,
        decoding: bool,
        depth: usize,
        wanted: &mut Expectation,
    ) {
        let Some(keywords) = schema.as_object() else {
            wanted.push("another value".to_owned());
            return;
        };
        if let Some(constant) = keywords.get("const") {
            wanted.push(quote(constant));
            return;
        }
        if let Some(Value::Array(options)) = keywords.get("enum") {
            options.iter().for_each(|option| wanted.push(quote(option)));
            return;
        }
        if let (Some(target), true) = (self.referenced(keywords), depth < MAX_DEPTH) {
            return self.describe(target, numeric, decoding, depth + 1, wanted);
        }
        let typed = keywords.contains_key("type") || properties(keywords).is_some();
        for keyword in ["anyOf", "oneOf"] {
            if !typed && keywords.contains_key(keyword) && depth < MAX_DEPTH {
                for part in self.alternatives(keywords, keyword) {
                    self.describe(part, numeric, decoding, depth + 1, wanted);
                }
                return;
            }
        }
        let types = match keywords.get("type") {
            None if properties(keywords).is_some() => Types::OBJECT,
            _ => self.types(schema),
        };
        // If there is no `type`, the other keywords tell which types are meant.
        let types = if types == Types::ALL {
            constrained_types(keywords)
        } else {
            types
        };
        let number = |noun: &str| format!("{noun}{}", range(keywords, numeric, decoding));
        if types.has(Types::FRACTION) {
            wanted.push(number("a number"));
        } else if types.has(Types::INTEGER) {
            wanted.push(number("an integer"));
        }
        if types.has(Types::STRING) {
            let pattern = pattern(keywords).unwrap_or_default();
            let length = count_phrase(keywords, ["minLength", "maxLength"], "character");
            wanted.push(format!("a string{length}{pattern}"));
        }
        if types.has(Types::BOOLEAN) {
            wanted.push("true or false".to_owned());
        }
        if types.has(Types::ARRAY) {
            let length = count_phrase(keywords, ["minItems", "maxItems"], "item");
            wanted.push(format!("an array{length}"));
        }
        if types.has(Types::OBJECT) {
            match only_member(keywords) {
                Some(name) => wanted.names.push(quote_name(name)),
                None => wanted.push(describe_object(keywords)),
            }
        }
        if types.has(Types::NULL) {
            wanted.push(NULL.to_owned());
        }
        if types == Types::NONE {
            wanted.push("another value".to_owned());
        }
    }
}

/// Returns the types to which the keywords apply.
fn constrained_types(keywords: &Keywords) -> Types {
    let has = |names: &[&str]| names.iter().any(|name| keywords.contains_key(*name));
    let numbers = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
    ];
    let kinds: [(&[&str], Types); 4] = [
        (&numbers, Types::INTEGER.or(Types::FRACTION)),
        (&["pattern", "minLength", "maxLength"], Types::STRING),
        (&["minItems", "maxItems", "items"], Types::ARRAY),
        (
            &["minProperties", "maxProperties", "required"],
            Types::OBJECT,
        ),
    ];
    let kinds = kinds.into_iter().filter(|(names, _)| has(names));
    kinds.fold(Types::NONE, |types, (_, kind)| types.or(kind))
}

/// Returns the name of the only member, if the schema lists exactly one member and requires it.
fn only_member(keywords: &Keywords) -> Option<&str> {
    let mut names = required(keywords);
    let closed = keywords.get("additionalProperties") == Some(&Value::Bool(false));
    match (names.next(), names.next()) {
        (Some(name), None) if closed && properties(keywords)?.len() == 1 => Some(name),
        _ => None,
    }
}

fn describe_object(keywords: &Keywords) -> String {
    let names: Vec<_> = required(keywords).collect();
    if names.is_empty() {
        let count = count_phrase(keywords, ["minProperties", "maxProperties"], "member");
        return format!("an object{count}");
    }
    // If the member is a constant, name its value too.
    let constants: Vec<_> = names
        .iter()
        .map(|name| {
            let constant = properties(keywords)
                .and_then(|all| all.get(*name))
                .and_then(|part| part.get("const"));
            match constant {
                Some(constant) => format!("{} {}", quote_name(name), quote(constant)),
                None => quote_name(name),
            }
        })
        .collect();
    format!("an object with {}", join_phrases(&constants, "and"))
}

/// Returns a phrase such as " of 2 to 5 items", or an empty one.
fn count_phrase(keywords: &Keywords, [least, most]: [&str; 2], noun: &str) -> String {
    let count = |keyword| keywords.get(keyword).and_then(Value::as_u64);
    let s = |count| if count == 1 { "" } else { "s" };
    match (count(least), count(most)) {
        (Some(least), Some(most)) if least == most => format!(" of {least} {noun}{}", s(least)),
        (Some(least), Some(most)) => format!(" of {least} to {most} {noun}s"),
        (Some(least), None) if least > 0 => format!(" of at least {least} {noun}{}", s(least)),
        (None, Some(most)) => format!(" of at most {most} {noun}{}", s(most)),
        _ => String::new(),
    }
}

fn pattern(keywords: &Keywords) -> Option<String> {
    let pattern = keywords.get("pattern")?.as_str()?;
    Some(format!(" that matches the pattern {}", shorten(pattern)))
}

/// Returns a phrase such as " from 1 to 10", or an empty one.
fn range(keywords: &Keywords, numeric: bool, decoding: bool) -> String {
    let format = keywords.get("format").and_then(Value::as_str);
    let natural = match format {
        Some("float") => Some([format!("{:e}", f32::MIN), format!("{:e}", f32::MAX)]),
        format => {
            let bounds = format.and_then(integer_range);
            bounds.map(|bounds| bounds.map(|bound| bound.to_string()))
        }
    };
    let [lowest, highest] = natural.map_or([None, None], |bounds| bounds.map(Some));
    let bound = |keyword: &str, natural: Option<String>| {
        let Some(bound) = keywords.get(keyword) else {
            return natural.filter(|_| decoding && numeric);
        };
        let bound = bound.to_string();
        // The limits of 8 and 16 bits are short, so they are always mentioned.
        let implied = natural.as_ref() == Some(&bound) && bound.len() > 6;
        (!implied || numeric).then_some(bound)
    };
    let least = bound("minimum", lowest);
    let most = bound("maximum", highest);
    let mut phrase = match (least, most) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" of at least {least}"),
        (None, Some(most)) => format!(" of at most {most}"),
        (None, None) => String::new(),
    };
    for (keyword, relation) in [
        ("exclusiveMinimum", "greater than"),
        ("exclusiveMaximum", "less than"),
        ("multipleOf", "that is a multiple of"),
    ] {
        if let Some(bound) = keywords.get(keyword) {
            phrase.push_str(&format!(" {relation} {bound}"));
        }
    }
    phrase
}

/// Returns the range of the Rust integer type that schemars names in `format`. Types of more than 64 bits have no range
/// here, because parsed JSON has no integers beyond 64 bits.
pub(crate) fn integer_range(format: &str) -> Option<[i128; 2]> {
    Some(match format {
        "int8" => [i8::MIN.into(), i8::MAX.into()],
        "int16" => [i16::MIN.into(), i16::MAX.into()],
        "int32" => [i32::MIN.into(), i32::MAX.into()],
        "int64" | "int" => [i64::MIN.into(), i64::MAX.into()],
        "uint8" => [0, u8::MAX.into()],
        "uint16" => [0, u16::MAX.into()],
        "uint32" => [0, u32::MAX.into()],
        "uint64" | "uint" => [0, u64::MAX.into()],
        _ => return None,
    })
}

/// Describes the actual value. `wanted` are the types that were expected.
pub(crate) fn describe_value(value: &Value, wanted: Types) -> String {
    match value {
        Value::String(_) if !wanted.has(Types::STRING) => format!("the string {}", quote(value)),
        Value::String(text) if text.chars().nth(MAX_QUOTED).is_some() => {
            format!("{} ({} characters)", quote(value), text.chars().count())
        }
        Value::Array(items) if !is_short(value) => {
            format!("an array of {} items", items.len())
        }
        Value::Object(members) if !is_short(value) => {
            let names = members.keys().take(MAX_LISTED).map(|name| quote_name(name));
            let names: Vec<_> = names.collect();
            let left = members.len() - names.len();
            format!("an object with {}", join_first(&names, left, "and"))
        }
        value => quote(value),
    }
}

/// Reports whether the JSON of the value is short, without serializing all of it.
fn is_short(value: &Value) -> bool {
    struct Bounded(usize);
    impl io::Write for Bounded {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self
                .0
                .checked_sub(bytes.len())
                .ok_or_else(|| io::Error::other("too long"))?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Bounded(MAX_QUOTED), value).is_ok()
}

/// Quotes a value as JSON.
pub(crate) fn quote(value: &Value) -> String {
    match value {
        Value::String(text) => {
            // Cut before escaping: the cut must not split an escape sequence.
            let end = text.char_indices().nth(MAX_QUOTED).map(|(end, _)| end);
            let short = Value::from(&text[..end.unwrap_or(text.len())]).to_string();
            match end {
                Some(_) => format!("{}…\"", &short[..short.len() - 1]),
                None => short,
            }
        }
        value if is_short(value) => value.to_string(),
        Value::Array(items) => format!("an array of {} items", items.len()),
        _ => "another object".to_owned(),
    }
}

/// Quotes the name of a member.
pub(crate) fn quote_name(name: &str) -> String {
    format!("`{}`", shorten(name))
}

/// Shortens a text to one line of limited length.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(MAX_QUOTED)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Joins phrases to "a, b or c".
pub(crate) fn join_phrases(phrases: &[String], joint: &str) -> String {
    let listed = &phrases[..phrases.len().min(MAX_LISTED)];
    join_first(listed, phrases.len() - listed.len(), joint)
}

/// Joins these phrases, and says that `left` more exist.
fn join_first(phrases: &[String], left: usize, joint: &str) -> String {
    match phrases {
        [] => "another value".to_owned(),
        _ if left > 0 => format!("{} {joint} {left} more", phrases.join(", ")),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}

/// Returns the known name that is most similar to the given one, if any is similar enough.
pub(crate) fn suggestion<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if given.len() > MAX_QUOTED {
        return None;
    }
    let near = known
        .into_iter()
        .filter_map(|known| Some((similarity(given, known)?, known)));
    near.max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// Returns the similarity of two names, up to 1; `None` if they are too different for a suggestion. Case, `_` and `-`
/// do not matter: `word_count` and `wordCount` have the similarity 1.
#[must_use]
pub fn similarity(given: &str, known: &str) -> Option<f64> {
    let (given, known) = (normalize_name(given), normalize_name(known));
    if given.is_empty() {
        return None;
    }
    // Jaro-Winkler does not detect two swapped letters in names of up to three letters.
    let swapped =
        strsim::osa_distance(&given, &known) == 1 && strsim::levenshtein(&given, &known) == 2;
    let similarity = strsim::jaro_winkler(&given, &known);
    let similarity = if swapped {
        similarity.max(SIMILARITY_THRESHOLD)
    } else {
        similarity
    };
    (similarity >= SIMILARITY_THRESHOLD).then_some(similarity)
}

/// Converts a name to lower case without punctuation: `word_count`, `wordCount` and `word-count` become equal.
fn normalize_name(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Returns those constants of a schema that are strings.
pub(crate) fn string_constants<'a>(document: &Document<'a>, schema: &'a Value) -> Vec<&'a str> {
    let mut schemas = vec![schema];
    if let Some(keywords) = schema.as_object() {
        for keyword in ["anyOf", "oneOf"] {
            schemas.extend(document.alternatives(keywords, keyword));
        }
    }
    let constants = schemas
        .into_iter()
        .filter_map(|schema| document.constants(schema));
    constants.flatten().filter_map(Value::as_str).collect()
}

/// Returns the names of the members that the object schemas among the alternatives require.
pub(crate) fn required_names<'a>(alternatives: &[&'a Value]) -> Vec<&'a str> {
    let objects = alternatives.iter().filter_map(|part| part.as_object());
    objects
        .flat_map(|part| parts(part, "required").filter_map(Value::as_str))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_suggests_the_nearest_known_one() {
        let known = ["name", "days", "url", "wordCount", "to"];
        for (given, meant) in [
            ("nmae", Some("name")),
            ("anme", Some("name")),
            ("naem", Some("name")),
            ("dyas", Some("days")),
            ("ulr", Some("url")),
            ("rul", Some("url")),
            ("ot", Some("to")),
            ("names", Some("name")),
            ("word_cuont", Some("wordCount")),
            ("", None),
            ("_", None),
            ("lru", None),
            ("city", None),
        ] {
            assert_eq!(suggestion(given, known), meant, "given: {given}");
        }
    }
}
