//! What schemas want and values are, in words for people and models. Everything is bounded in length.

use std::io;

use serde_json::Value;

use super::{
    document::{Document, Keywords, parts, properties, required},
    types::Types,
};

/// The longest text that is quoted. Unit: characters.
const MAX_QUOTED: usize = 60;

/// The most names or values in a list of them.
const MAX_LISTED: usize = 20;

/// How alike two names must be to be taken for each other: between 0 and 1, by Jaro-Winkler.
/// Source: ours; it finds one or two slips in short names and leaves out the rest.
const ALIKE: f64 = 0.8;

/// How deep alternatives within alternatives are described.
const MAX_DEPTH: usize = 4;

const NULL: &str = "null";

/// What alternatives want.
#[derive(Default)]
struct Wanted {
    phrases: Vec<String>,
    /// Of the one member that an object must have: the tags of a Rust enum.
    names: Vec<String>,
}

impl Wanted {
    fn push(&mut self, phrase: String) {
        if !self.phrases.contains(&phrase) {
            self.phrases.push(phrase);
        }
    }

    fn in_words(mut self) -> String {
        let or_null = self.phrases.iter().position(|phrase| phrase == NULL);
        let null = or_null.map(|position| self.phrases.remove(position));
        match &self.names[..] {
            [] => {}
            [name] => self.phrases.push(format!("an object with {name}")),
            names => {
                let names = either(names, "and");
                self.phrases.push(format!("an object with one of {names}"));
            }
        }
        self.phrases.extend(null);
        either(&self.phrases, "or")
    }
}

impl<'a> Document<'a> {
    /// What the schema wants, as it would follow "must be". Bounds that an integer's type alone implies are only told
    /// to a `value` that is a number, and those of 64 bits only if `decoding`.
    pub(crate) fn expected(
        &self,
        schema: &'a Value,
        value: Option<&Value>,
        decoding: bool,
    ) -> String {
        self.expected_of(&[schema], value, decoding)
    }

    /// The same of alternatives.
    pub(crate) fn expected_of(
        &self,
        alternatives: &[&'a Value],
        value: Option<&Value>,
        decoding: bool,
    ) -> String {
        let mut wanted = Wanted::default();
        let numeric = value.is_some_and(Value::is_number);
        for schema in alternatives {
            self.describe(schema, numeric, decoding, 0, &mut wanted);
        }
        wanted.in_words()
    }

    fn describe(
        &self,
        schema: &'a Value,
        numeric: bool,
        decoding: bool,
        depth: usize,
        wanted: &mut Wanted,
    ) {
        let Some(keywords) = schema.as_object() else {
            wanted.push("another value".to_owned());
            return;
        };
        if let Some(constant) = keywords.get("const") {
            wanted.push(quoted(constant));
            return;
        }
        if let Some(Value::Array(options)) = keywords.get("enum") {
            options
                .iter()
                .for_each(|option| wanted.push(quoted(option)));
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
        // Without `type` the other keywords say which values they are about.
        let types = if types == Types::ALL {
            about(keywords)
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
            let length = counted(keywords, ["minLength", "maxLength"], "character");
            wanted.push(format!("a string{length}{pattern}"));
        }
        if types.has(Types::BOOLEAN) {
            wanted.push("true or false".to_owned());
        }
        if types.has(Types::ARRAY) {
            let length = counted(keywords, ["minItems", "maxItems"], "item");
            wanted.push(format!("an array{length}"));
        }
        if types.has(Types::OBJECT) {
            match lone_name(keywords) {
                Some(name) => wanted.names.push(name_of(name)),
                None => wanted.push(object(keywords)),
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

fn about(keywords: &Keywords) -> Types {
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

fn lone_name(keywords: &Keywords) -> Option<&str> {
    let mut names = required(keywords);
    let closed = keywords.get("additionalProperties") == Some(&Value::Bool(false));
    match (names.next(), names.next()) {
        (Some(name), None) if closed && properties(keywords)?.len() == 1 => Some(name),
        _ => None,
    }
}

fn object(keywords: &Keywords) -> String {
    let names: Vec<_> = required(keywords).collect();
    if names.is_empty() {
        let count = counted(keywords, ["minProperties", "maxProperties"], "member");
        return format!("an object{count}");
    }
    // A tag says more than its name.
    let constants: Vec<_> = names
        .iter()
        .map(|name| {
            let constant = properties(keywords)
                .and_then(|all| all.get(*name))
                .and_then(|part| part.get("const"));
            match constant {
                Some(constant) => format!("{} {}", name_of(name), quoted(constant)),
                None => name_of(name),
            }
        })
        .collect();
    format!("an object with {}", either(&constants, "and"))
}

/// " of 2 to 5 items", or nothing.
fn counted(keywords: &Keywords, [least, most]: [&str; 2], noun: &str) -> String {
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
    Some(format!(" that matches the pattern {}", shortened(pattern)))
}

/// " from 1 to 10", or nothing.
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
        // Those of 8 and 16 bits are short enough to be told always.
        let implied = natural.as_ref() == Some(&bound) && bound.len() > 6;
        (!implied || numeric).then_some(bound)
    };
    let least = bound("minimum", lowest);
    let most = bound("maximum", highest);
    let mut words = match (least, most) {
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
            words.push_str(&format!(" {relation} {bound}"));
        }
    }
    words
}

/// The integers of a `format` as schemars writes it; those beyond 64 bits cannot be told from a JSON value.
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

/// A value that was given, in the light of what was wanted.
pub(crate) fn given(value: &Value, wanted: Types) -> String {
    match value {
        Value::String(_) if !wanted.has(Types::STRING) => format!("the string {}", quoted(value)),
        Value::String(text) if text.chars().nth(MAX_QUOTED).is_some() => {
            format!("{} ({} characters)", quoted(value), text.chars().count())
        }
        Value::Array(items) if !fits_a_quotation(value) => {
            format!("an array of {} items", items.len())
        }
        Value::Object(members) if !fits_a_quotation(value) => {
            let names = members.keys().take(MAX_LISTED).map(|name| name_of(name));
            let names: Vec<_> = names.collect();
            let left = members.len() - names.len();
            format!("an object with {}", joined(&names, left, "and"))
        }
        value => quoted(value),
    }
}

/// Is the text of the value short? Found out without writing all of it.
fn fits_a_quotation(value: &Value) -> bool {
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

/// A value as JSON.
pub(crate) fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => {
            // What JSON escapes makes it longer, what is cut off must not end within an escape.
            let end = text.char_indices().nth(MAX_QUOTED).map(|(end, _)| end);
            let short = Value::from(&text[..end.unwrap_or(text.len())]).to_string();
            match end {
                Some(_) => format!("{}…\"", &short[..short.len() - 1]),
                None => short,
            }
        }
        value if fits_a_quotation(value) => value.to_string(),
        Value::Array(items) => format!("an array of {} items", items.len()),
        _ => "another object".to_owned(),
    }
}

/// The name of a member.
pub(crate) fn name_of(name: &str) -> String {
    format!("`{}`", shortened(name))
}

/// A text on one line, and no longer than is read.
pub(crate) fn shortened(text: &str) -> String {
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

/// "a, b or c".
pub(crate) fn either(phrases: &[String], joint: &str) -> String {
    let listed = &phrases[..phrases.len().min(MAX_LISTED)];
    joined(listed, phrases.len() - listed.len(), joint)
}

fn joined(phrases: &[String], left: usize, joint: &str) -> String {
    match phrases {
        [] => "another value".to_owned(),
        _ if left > 0 => format!("{} {joint} {left} more", phrases.join(", ")),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {joint} {last}", first.join(", ")),
    }
}

/// The one of the known that is much like the given, if any.
pub(crate) fn near_miss<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if given.len() > MAX_QUOTED {
        return None;
    }
    let near = known
        .into_iter()
        .filter_map(|known| Some((likeness(given, known)?, known)));
    near.max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

/// How alike two names are, up to 1, if they are alike enough to be taken for each other. Case and `_` do not tell names
/// apart.
#[must_use]
pub fn likeness(given: &str, known: &str) -> Option<f64> {
    let (given, known) = (plain(given), plain(known));
    if given.is_empty() {
        return None;
    }
    // Jaro sees no two swapped letters in names of up to three.
    let swapped =
        strsim::osa_distance(&given, &known) == 1 && strsim::levenshtein(&given, &known) == 2;
    let likeness = strsim::jaro_winkler(&given, &known);
    let likeness = if swapped {
        likeness.max(ALIKE)
    } else {
        likeness
    };
    (likeness >= ALIKE).then_some(likeness)
}

/// `word_count`, `wordCount` and `word-count` are alike.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The strings among the constants that a schema names.
pub(crate) fn strings_of<'a>(document: &Document<'a>, schema: &'a Value) -> Vec<&'a str> {
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

/// The names that the objects among alternatives must have.
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
    fn slips_are_taken_for_the_name_that_was_meant() {
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
            assert_eq!(near_miss(given, known), meant, "given: {given}");
        }
    }
}
