//! A problem of a value, with a JSON pointer to the place.

use std::{
    fmt::{self, Write},
    str::CharIndices,
};

use serde_json::{Map, Value};

use super::{
    describe::{join_phrases, quote_name, shorten, suggestion},
    document::Keywords,
};

/// A problem of a value at one place. Its message is a sentence without the full stop, such as `/celsius must be a
/// number, not null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A JSON pointer to the place in the value; empty for the value as a whole. For a missing member, it points to the
    /// place where the member should be.
    pub pointer: String,
    /// The problem, worded so that it can follow the pointer: `must be an integer, not 2.5`.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The length of the beginning and of the end that the message shows of a long pointer. Unit: characters.
        const END: usize = 80;
        let pointer = self.pointer.as_str();
        let nth = |mut indices: CharIndices<'_>| indices.nth(END).map(|(index, _)| index);
        let start = nth(pointer.char_indices()).unwrap_or(pointer.len());
        let end = pointer.char_indices().rev().nth(END - 1);
        let (start, gap, end) = match end {
            Some((end, _)) if start < end => (&pointer[..start], "…", &pointer[end..]),
            _ => (pointer, "", ""),
        };
        for c in [start, gap, end].into_iter().flat_map(str::chars) {
            f.write_char(if c.is_control() { ' ' } else { c })?;
        }
        let gap = if pointer.is_empty() { "" } else { " " };
        write!(f, "{gap}{}", self.message)
    }
}

/// A place in the value. It is formatted as a JSON pointer only when a message needs it.
pub(crate) enum Pointer<'p> {
    Root,
    Member(&'p Pointer<'p>, &'p str),
    Item(&'p Pointer<'p>, usize),
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pointer::Root => Ok(()),
            Pointer::Member(parent, name) => {
                write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
            }
            Pointer::Item(parent, position) => write!(f, "{parent}/{position}"),
        }
    }
}

/// Returns a message such as "is unknown (did you mean `city`? There are `city` and `days`)".
pub(crate) fn unknown_member<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    given: &Map<String, Value>,
    patterns: Option<&Keywords>,
) -> String {
    let others = known.clone().filter(|known| !given.contains_key(*known));
    let near = suggestion(name, others).map(|near| format!("did you mean {}? ", quote_name(near)));
    let names: Vec<_> = known.map(quote_name).collect();
    let patterns: Vec<_> = patterns.into_iter().flat_map(Map::keys).collect();
    let accepted = match (&names[..], &patterns[..]) {
        ([], []) => "no members are allowed".to_owned(),
        ([], [pattern, ..]) => format!("names must match the pattern {}", shorten(pattern)),
        ([only], _) => format!("there is only {only}"),
        _ => format!("there are {}", join_phrases(&names, "and")),
    };
    format!("is unknown ({}{accepted})", near.unwrap_or_default())
}
