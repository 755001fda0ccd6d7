//! Selects a part of a JSON document by a JSON pointer (RFC 6901).

use std::fmt;

use plugin_sdk::{
    serde::de::{Deserialize, Deserializer, MapAccess, Visitor},
    serde_json::{self, Value, value::RawValue},
};

/// The maximum number of members that a message names.
const MAX_NAMED: usize = 30;

/// The reason why a part was not selected. The message describes what exists in the document, so that the model can
/// correct the pointer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The pointer does not begin with a slash.
    #[error(
        "{0:?} is not a JSON pointer; write for example `/items/0/name`, or leave it out for the whole document"
    )]
    NotAPointer(String),
    /// There is nothing at the pointer.
    #[error("nothing found at `{pointer}`: {at} is {what}")]
    Nothing {
        /// The pointer, as it was given.
        pointer: String,
        /// The deepest place that exists.
        at: String,
        /// A description of the value at `at`.
        what: String,
    },
    /// The value at the pointer is larger than allowed.
    #[error(
        "{at} has {size} bytes, more than the {limit} of `max_bytes`; select a part of it with `pointer`: it is {what}"
    )]
    TooLarge {
        /// The place in the document.
        at: String,
        /// The size. Unit: bytes.
        size: usize,
        /// The limit. Unit: bytes.
        limit: usize,
        /// A description of the value at `at`.
        what: String,
    },
    /// The value at the pointer is JSON that cannot be parsed, for example because it is nested too deeply.
    #[error(
        "{at} cannot be read ({reason}); select a part of it with `pointer`, or see it as text with `fetch`"
    )]
    Part {
        /// The place in the document.
        at: String,
        /// The parser's message, such as "recursion limit exceeded".
        reason: String,
    },
}

/// Selects the part of `document` at `pointer`. The text of the part may have up to `limit` bytes.
///
/// The document is not parsed completely, because that can take a hundred times the memory of its text. Only the
/// members on the path are examined, and only the part itself is parsed.
pub(crate) fn select(
    mut document: &RawValue,
    pointer: &str,
    limit: usize,
) -> Result<Value, SelectError> {
    let mut rest = pointer;
    while !rest.is_empty() {
        let Some(next) = rest.strip_prefix('/') else {
            return Err(SelectError::NotAPointer(pointer.to_owned()));
        };
        let end = next.find('/').unwrap_or(next.len());
        let name = next[..end].replace("~1", "/").replace("~0", "~");
        let Some(member) = member(document, &name) else {
            return Err(SelectError::Nothing {
                pointer: pointer.to_owned(),
                at: quote_pointer(&pointer[..pointer.len() - rest.len()]),
                what: describe(document),
            });
        };
        document = member;
        rest = &next[end..];
    }
    let size = document.get().len();
    if size > limit {
        return Err(SelectError::TooLarge {
            at: quote_pointer(pointer),
            size,
            limit,
            what: describe(document),
        });
    }
    serde_json::from_str(document.get()).map_err(|error| SelectError::Part {
        at: quote_pointer(pointer),
        reason: error.to_string(),
    })
}

fn member<'a>(value: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    match Shape::parse(value) {
        Shape::Object(members) => {
            // If an object has two members of the same name, use the last, as most parsers do.
            let mut members = members.into_iter().rev();
            members.find(|(key, _)| key == name).map(|(_, value)| value)
        }
        Shape::Array(items) => items.get(index(name)?).copied(),
        Shape::Other(_) => None,
    }
}

/// A value, parsed one level deep.
enum Shape<'a> {
    Object(Vec<(String, &'a RawValue)>),
    Array(Vec<&'a RawValue>),
    /// A description of any other value.
    Other(&'static str),
}

impl<'a> Shape<'a> {
    fn parse(value: &'a RawValue) -> Self {
        let text = value.get();
        let unreadable = Self::Other("something that cannot be read");
        match text.as_bytes().first() {
            Some(b'{') => {
                serde_json::from_str(text).map_or(unreadable, |Members(all)| Self::Object(all))
            }
            Some(b'[') => serde_json::from_str(text).map_or(unreadable, Self::Array),
            Some(b'"') => Self::Other("a string"),
            Some(b't' | b'f') => Self::Other("a boolean"),
            Some(b'n') => Self::Other("null"),
            _ => Self::Other("a number"),
        }
    }
}

/// An object's members in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Members<'de> {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Self, A::Error> {
        while let Some(member) = members.next_entry()? {
            self.0.push(member);
        }
        Ok(self)
    }
}

/// Parses an index: digits only, without leading zeros. `+1` and `01` are not valid.
fn index(name: &str) -> Option<usize> {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (name == "0" || !name.starts_with('0')))
        .then(|| name.parse().ok())
        .flatten()
}

fn quote_pointer(pointer: &str) -> String {
    match pointer {
        "" => "the document".to_owned(),
        _ => format!("`{pointer}`"),
    }
}

fn describe(value: &RawValue) -> String {
    match Shape::parse(value) {
        Shape::Other(description) => description.to_owned(),
        Shape::Array(items) => match items.len() {
            0 => "an empty array".to_owned(),
            1 => "an array of one item, `/0`".to_owned(),
            length => format!("an array of {length} items, `/0` to `/{}`", length - 1),
        },
        Shape::Object(members) if members.is_empty() => "an empty object".to_owned(),
        Shape::Object(members) => {
            let names: Vec<_> = members
                .iter()
                .take(MAX_NAMED)
                .map(|(name, _)| shorten_name(name))
                .collect();
            let more = match members.len() - names.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("an object with {}{more}", names.join(", "))
        }
    }
}

fn shorten_name(name: &str) -> String {
    match name.char_indices().nth(40) {
        None => format!("{name:?}"),
        Some((end, _)) => format!("{:?}...", &name[..end]),
    }
}

#[cfg(test)]
mod tests {
    use plugin_sdk::serde_json::{json, value::to_raw_value};

    use super::*;

    fn select(document: &Value, pointer: &str, limit: usize) -> Result<Value, SelectError> {
        super::select(&to_raw_value(document).unwrap(), pointer, limit)
    }

    #[test]
    fn pointers_lead_where_rfc_6901_says() {
        let document = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8, "~1": 9
        });
        for (pointer, expected) in [
            ("", document.clone()),
            ("/foo", json!(["bar", "baz"])),
            ("/foo/0", json!("bar")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/c%d", json!(2)),
            ("/i\\j", json!(5)),
            ("/k\"l", json!(6)),
            ("/ ", json!(7)),
            ("/m~0n", json!(8)),
            ("/~01", json!(9)),
        ] {
            let part = select(&document, pointer, 1000).unwrap();
            assert_eq!(part, expected, "{pointer}");
        }
    }

    #[test]
    fn a_dangling_pointer_says_which_members_exist() {
        let document = json!({ "items": [{ "name": "a" }], "none": null, "no": [], "nothing": {} });
        for (pointer, message) in [
            (
                "items",
                r#""items" is not a JSON pointer; write for example `/items/0/name`, or leave it out for the whole document"#,
            ),
            (
                "/itmes",
                r#"nothing found at `/itmes`: the document is an object with "items", "none", "no", "nothing""#,
            ),
            (
                "/items/1",
                "nothing found at `/items/1`: `/items` is an array of one item, `/0`",
            ),
            (
                "/items/00",
                "nothing found at `/items/00`: `/items` is an array of one item, `/0`",
            ),
            (
                "/items/-",
                "nothing found at `/items/-`: `/items` is an array of one item, `/0`",
            ),
            (
                "/items/",
                "nothing found at `/items/`: `/items` is an array of one item, `/0`",
            ),
            (
                "/items/0/name/x",
                "nothing found at `/items/0/name/x`: `/items/0/name` is a string",
            ),
            ("/none/x", "nothing found at `/none/x`: `/none` is null"),
            ("/no/0", "nothing found at `/no/0`: `/no` is an empty array"),
            (
                "/nothing/x",
                "nothing found at `/nothing/x`: `/nothing` is an empty object",
            ),
        ] {
            let error = select(&document, pointer, 1000).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn a_large_value_is_summarised() {
        let document = json!({ "items": [1, 2, 3, 4, 5, 6] });
        assert!(select(&document, "/items", 13).is_ok());
        let error = select(&document, "/items", 12).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"`/items` has 13 bytes, more than the 12 of `max_bytes`; select a part of it with `pointer`: it is an array of 6 items, `/0` to `/5`");
    }

    #[test]
    fn a_document_is_read_as_it_was_sent() {
        let raw = |text: &'static str| serde_json::from_str::<&RawValue>(text).unwrap();
        let twice = raw(r#"{"a":1,"\u0061":2}"#);
        assert_eq!(super::select(twice, "/a", 10).unwrap(), json!(2));
        let spaced = raw(" { \"a\" : [ 1 , 2 ] } ");
        assert_eq!(super::select(spaced, "/a", 9).unwrap(), json!([1, 2]));
        assert!(super::select(spaced, "/a", 8).is_err());
    }
}
