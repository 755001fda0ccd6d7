//! Checks of the headers that repeat parts of the body. With them, a gateway can act on a request without parsing its
//! body (M:http, "Server Validation").

use std::borrow::Cow;

use serde_json::{Number, value::RawValue};

use crate::{Answer, Id, jsonrpc::HEADER_MISMATCH, params::members};

/// The prefix of the headers that repeat arguments of a tool call (M:http, "Custom Headers from Tool Parameters").
pub const ARGUMENT_HEADER_PREFIX: &str = "mcp-param-";

/// 2^53 - 1. Up to this integer, a client that stores all numbers as 64-bit floats can distinguish all integers.
const MAX_SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// Removes the spaces and tabs around a header's value (RFC 9110, section 5.5).
pub(crate) fn trim_blanks(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// Returns the error response that rejects a request because its headers disagree with its body.
pub(crate) fn mismatch(id: &Id, problem: &str) -> Answer {
    Answer::error(400, Some(id), HEADER_MISMATCH, problem)
}

/// Checks that a header is present and equals `body`, the value in the body.
///
/// # Errors
/// A description of the problem with the header.
pub(crate) fn check_plain(header: &str, value: Option<&str>, body: &str) -> Result<(), String> {
    let value = value
        .map(trim_blanks)
        .ok_or_else(|| missing_header(header, &format!("{body:?}")))?;
    compare(header, value, body)
}

/// Does the check of [`check_plain`] for a header whose value may be encoded in base64.
///
/// # Errors
/// A description of the problem with the header.
pub(crate) fn check_encoded(header: &str, value: Option<&str>, body: &str) -> Result<(), String> {
    let value = value.ok_or_else(|| missing_header(header, &format!("{body:?}")))?;
    compare(header, &decode_value(header, value)?, body)
}

fn compare(header: &str, value: &str, body: &str) -> Result<(), String> {
    if value == body {
        return Ok(());
    }
    Err(format!(
        "the header {header} is {value:?}, but the body has {body:?}"
    ))
}

/// Checks the headers in which a tool requires some of its arguments to be repeated. Each must agree with `arguments`,
/// the arguments as the client sent them.
///
/// `declared` holds the names from the `x-mcp-header` members of the tool's schema, each with a JSON pointer to its
/// argument. `value` returns the value of the header with a given name.
///
/// | argument | header | |
/// |---|---|---|
/// | present, not null | present, and equal to the argument | accepted |
/// | present, not null | missing, different or malformed | rejected |
/// | null or absent | missing | accepted |
/// | null or absent | present | rejected: a gateway would act on a value that the tool does not receive |
///
/// # Errors
/// The error response that rejects the request: 400, -32020.
pub fn check_argument_headers<'d, 'v>(
    id: &Id,
    declared: impl IntoIterator<Item = (&'d str, &'d str)>,
    value: impl Fn(&str) -> Option<Cow<'v, str>>,
    arguments: Option<&RawValue>,
) -> Result<(), Answer> {
    for (name, pointer) in declared {
        let header = format!("Mcp-Param-{name}");
        let value = value(&format!("{ARGUMENT_HEADER_PREFIX}{name}"));
        find_argument(arguments, pointer)
            .and_then(|argument| check_argument(&header, value.as_deref(), argument))
            .map_err(|problem| mismatch(id, &format!("{problem} (argument {pointer})")))?;
    }
    Ok(())
}

fn check_argument(
    header: &str,
    value: Option<&str>,
    argument: Option<&RawValue>,
) -> Result<(), String> {
    let argument = argument.map(RawValue::get);
    let (argument, value) = match (argument.filter(|argument| *argument != "null"), value) {
        (None, None) => return Ok(()),
        (None, Some(_)) => {
            return Err(format!(
                "the header {header} is set, but its argument is missing; send both or neither"
            ));
        }
        (Some(argument), None) => return Err(missing_header(header, argument)),
        (Some(argument), Some(value)) => (argument, decode_value(header, value)?),
    };
    let agrees = match argument.as_bytes() {
        [b'"', ..] => serde_json::from_str::<String>(argument).is_ok_and(|text| text == value),
        [b'{' | b'[', ..] => false,
        _ => argument == value || integer(argument).is_some_and(|x| Some(x) == integer(&value)),
    };
    if agrees {
        return Ok(());
    }
    Err(format!(
        "the header {header} is {value:?}, but the body has {argument}"
    ))
}

/// Returns the value of a JSON number if it is an integer, in any notation (`5`, `5.0` or `5e0`).
fn integer(text: &str) -> Option<i128> {
    let number: Number = serde_json::from_str(text).ok()?;
    let float = || {
        number
            .as_f64()
            .filter(|float| float.fract() == 0.0 && float.abs() <= MAX_SAFE_INTEGER)
    };
    number
        .as_i128()
        .or_else(|| float().map(|float| float as i128))
}

/// Returns the argument to which this JSON pointer leads, as the client sent it.
fn find_argument<'a>(
    arguments: Option<&'a RawValue>,
    pointer: &str,
) -> Result<Option<&'a RawValue>, String> {
    let mut found = arguments;
    for name in pointer.split('/').skip(1) {
        let name = name.replace("~1", "/").replace("~0", "~");
        let Some(object) = found else {
            return Ok(None);
        };
        let object = members(object).map_err(|duplicate| {
            format!(
                "an object has {duplicate:?} twice, but a header can repeat only one; send it once"
            )
        })?;
        found = object.and_then(|object| object.get(&name).copied());
    }
    Ok(found)
}

fn missing_header(header: &str, body: &str) -> String {
    format!("the header {header} is missing; it must be {body}")
}

fn decode_value(header: &str, value: &str) -> Result<String, String> {
    decode(trim_blanks(value)).ok_or_else(|| {
        format!("the header {header} is not valid base64 of UTF-8 between =?base64? and ?=")
    })
}

/// Decodes a header's value that may have the form `=?base64?...?=`. Returns `None` if the encoded part is not valid
/// base64, or does not decode to UTF-8.
fn decode(value: &str) -> Option<String> {
    match value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
    {
        Some(payload) => String::from_utf8(decode_base64(payload)?).ok(),
        None => Some(value.to_owned()),
    }
}

/// Encodes a value for a header. A value that a header cannot contain unchanged becomes `=?base64?...?=` (M:http,
/// "Custom Headers from Tool Parameters").
#[must_use]
pub fn encode_header(value: &str) -> Cow<'_, str> {
    let is_plain = value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && trim_blanks(value) == value
        && !value.starts_with("=?base64?");
    if is_plain {
        return value.into();
    }
    format!("=?base64?{}?=", encode_base64(value.as_bytes())).into()
}

fn encode_base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            text.push(if place <= chunk.len() {
                char::from(DIGITS[(bits >> (18 - 6 * place) & 63) as usize])
            } else {
                '='
            });
        }
    }
    text
}

/// Decodes canonical base64 (RFC 4648, section 4): padding is required, and unused bits must be zero. This crate has
/// its own decoder because it depends only on serde, serde_json and `tool-rules`.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if !text.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xFF) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_headers_are_decoded_strictly() {
        for (value, decoded) in [
            ("greet", Some("greet")),
            ("=?base64?Z3JlZXQ=?=", Some("greet")),
            ("=?base64?w7xiZXI=?=", Some("über")),
            ("=?BASE64?Z3JlZXQ=?=", Some("=?BASE64?Z3JlZXQ=?=")),
            ("=?base64?Z3JlZXQ=", Some("=?base64?Z3JlZXQ=")),
            ("=?base64??=", Some("")),
            ("=?base64?Z3JlZXQ?=", None),
            ("=?base64?Z3JlZXR=?=", None),
            ("=?base64?Z3Jl ZXQ?=", None),
            ("=?base64?/w==?=", None),
        ] {
            assert_eq!(decode(value).as_deref(), decoded, "value: {value}");
        }
    }

    #[test]
    fn decoding_undoes_encoding() {
        let all: String = ('\0'..='\u{2ff}').collect();
        let mut values = vec![
            "",
            "eu",
            "a b",
            " a",
            "a ",
            "\t",
            "=?base64?",
            "=?base64?ZXU=?=",
            "é",
            "a\nb",
        ];
        // Every length of what is left of three bytes, with bytes of all kinds.
        values.extend((0..all.len()).filter_map(|end| all.get(..end)));
        for value in values {
            let encoded = encode_header(value);
            assert_eq!(decode(&encoded).as_deref(), Some(value), "{encoded}");
            assert_eq!(trim_blanks(&encoded), encoded);
            assert!(encoded.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
        for (value, encoded) in [
            ("eu", "eu"),
            ("Zürich", "=?base64?WsO8cmljaA==?="),
            (" eu", "=?base64?IGV1?="),
            ("=?base64?", "=?base64?PT9iYXNlNjQ/?="),
        ] {
            assert_eq!(encode_header(value), encoded);
        }
    }

    /// The outcome for one header `Mcp-Param-Days` of the argument `/trip/days`.
    fn outcome(arguments: &str, value: Option<&str>) -> Option<String> {
        let arguments: &RawValue = serde_json::from_str(arguments).expect("JSON");
        let refused = check_argument_headers(
            &Id::Number(1.into()),
            [("Days", "/trip/days")],
            |name| {
                assert_eq!(name, "mcp-param-Days");
                value.map(Cow::from)
            },
            Some(arguments),
        );
        let answer = refused.err()?;
        assert_eq!(answer.status, 400);
        let body: serde_json::Value =
            serde_json::from_slice(&answer.body.expect("a body")).expect("JSON");
        assert_eq!(body["error"]["code"], -32020);
        assert_eq!(body["id"], 1);
        body["error"]["message"].as_str().map(str::to_owned)
    }

    #[test]
    fn a_header_says_what_its_argument_says_as_it_was_sent() {
        for (argument, value, agrees) in [
            // Strings as they are.
            (r#""eu""#, Some("eu"), true),
            (r#""eu""#, Some(" \teu\t "), true),
            (r#""eu""#, Some("EU"), false),
            (r#""eu""#, Some("us"), false),
            (r#""eu""#, Some(r#""eu""#), false),
            (r#""eu""#, Some(""), false),
            (r#""eu""#, None, false),
            (r#""""#, Some(""), true),
            (r#""""#, None, false),
            (r#""\u0065u""#, Some("eu"), true),
            (r#""null""#, Some("null"), true),
            (r#""5""#, Some("5"), true),
            (r#""5""#, Some("5.0"), false),
            (r#""true""#, Some("true"), true),
            // In base64.
            (r#""eu""#, Some("=?base64?ZXU=?="), true),
            (r#""eu""#, Some("=?base64?ZXU?="), false),
            (r#""eu""#, Some("=?base64?ZXV=?="), false),
            (r#""eu""#, Some("=?base64?Z!U=?="), false),
            (r#""eu""#, Some("=?base64?ZXU="), false),
            (r#""=?base64?ZXU=""#, Some("=?base64?ZXU="), true),
            (r#""ZXU=?=""#, Some("ZXU=?="), true),
            (r#"" eu""#, Some("=?base64?IGV1?="), true),
            (r#""\u00fc""#, Some("=?base64?w7w=?="), true),
            (r#""\u00fc""#, Some("\u{fffd}"), false),
            (r#""\ud800""#, Some("\u{fffd}"), false),
            // Integers by their numbers.
            ("42", Some("42"), true),
            ("42", Some("42.0"), true),
            ("42.0", Some("42"), true),
            ("42", Some("4.2e1"), true),
            ("42", Some("=?base64?NDI=?="), true),
            ("-0", Some("0"), true),
            ("42", Some("43"), false),
            ("42", Some("042"), false),
            ("42", Some("+42"), false),
            ("42", Some("0x2a"), false),
            ("42", Some("42 "), true),
            ("42", Some("42,42"), false),
            ("42", Some("42, 42"), false),
            ("42", Some(""), false),
            ("42", None, false),
            ("9007199254740993", Some("9007199254740993"), true),
            ("9007199254740993", Some("9007199254740992"), false),
            ("9007199254740993", Some("9007199254740992.0"), false),
            ("1e400", Some("1e400"), true),
            ("1.5", Some("1.5"), true),
            ("1.5", Some("1.50"), false),
            // Booleans.
            ("true", Some("true"), true),
            ("true", Some("True"), false),
            ("true", Some("1"), false),
            ("false", Some("false"), true),
            ("false", Some("true"), false),
            ("false", None, false),
            // Nothing there.
            ("null", None, true),
            ("null", Some("null"), false),
            ("null", Some(""), false),
            // Nothing that a header could repeat.
            ("[]", Some("[]"), false),
            ("{}", Some("{}"), false),
            ("[]", None, false),
        ] {
            let arguments = format!(r#"{{"trip":{{"days":{argument}}}}}"#);
            let refused = outcome(&arguments, value);
            assert_eq!(
                refused.is_none(),
                agrees,
                "{argument}, {value:?}: {refused:?}"
            );
        }
        for arguments in [
            "{}",
            r#"{"days":1}"#,
            r#"{"trip":null}"#,
            r#"{"trip":[1]}"#,
            r#"{"trip":{}}"#,
        ] {
            assert_eq!(outcome(arguments, None), None, "{arguments}");
            assert!(outcome(arguments, Some("1")).is_some(), "{arguments}");
        }
        for arguments in [
            r#"{"trip":{"days":1,"days":1}}"#,
            r#"{"trip":{"days":1},"trip":{"days":2}}"#,
        ] {
            assert!(outcome(arguments, Some("1")).is_some(), "{arguments}");
        }
    }

    #[test]
    fn a_pointer_leads_to_names_of_any_kind() {
        let arguments: &RawValue = serde_json::from_str(r#"{"a/b":{"~":{"":1}}}"#).expect("JSON");
        let found = find_argument(Some(arguments), "/a~1b/~0/").expect("nothing twice");
        assert_eq!(found.map(RawValue::get), Some("1"));
        assert!(find_argument(None, "/x").expect("nothing twice").is_none());
    }

    #[test]
    fn a_refusal_names_the_header_what_both_say_and_the_argument() {
        for (arguments, value, words) in [
            (
                r#"{"trip":{"days":2}}"#,
                None,
                "the header Mcp-Param-Days is missing; it must be 2 (argument /trip/days)",
            ),
            (
                r#"{"trip":{"days":2}}"#,
                Some("3"),
                "the header Mcp-Param-Days is \"3\", but the body has 2 (argument /trip/days)",
            ),
            (
                "{}",
                Some("3"),
                "the header Mcp-Param-Days is set, but its argument is missing; send both or neither (argument /trip/days)",
            ),
            (
                r#"{"trip":{"days":2}}"#,
                Some("=?base64?!?="),
                "the header Mcp-Param-Days is not valid base64 of UTF-8 between =?base64? and ?= (argument /trip/days)",
            ),
        ] {
            assert_eq!(outcome(arguments, value).as_deref(), Some(words));
        }
    }
}
