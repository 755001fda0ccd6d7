//! Headers that repeat what the body says, so that gateways can act on it (M:http, "Server Validation").

use crate::{Answer, Id, jsonrpc::HEADER_MISMATCH};

/// The value of a header without the blanks around it (RFC 9110, section 5.5).
pub(crate) fn trimmed(value: &str) -> &str {
    value.trim_matches([' ', '\t'])
}

/// The refusal of a request whose headers and body disagree.
pub(crate) fn mismatch(id: &Id, problem: &str) -> Answer {
    Answer::error(400, Some(id), HEADER_MISMATCH, problem)
}

/// A header is there and says what the body says.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn plain(header: &str, value: Option<&str>, body: &str) -> Result<(), String> {
    let value = value.map(trimmed).ok_or_else(|| missing(header, body))?;
    if value == body {
        return Ok(());
    }
    Err(format!(
        "the header {header} says {value:?}, the body {body:?}"
    ))
}

/// The same of a header whose value may be wrapped in base64.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn wrapped(header: &str, value: Option<&str>, body: &str) -> Result<(), String> {
    let value = value.ok_or_else(|| missing(header, body))?;
    let value = unwrapped(header, value)?;
    if value == body {
        return Ok(());
    }
    Err(format!(
        "the header {header} says {value:?}, the body {body:?}"
    ))
}

fn missing(header: &str, body: &str) -> String {
    format!("the header {header} is missing; it must be {body:?}")
}

fn unwrapped(header: &str, value: &str) -> Result<String, String> {
    decode(trimmed(value)).ok_or_else(|| {
        format!("the header {header} is not valid base64 of UTF-8 between =?base64? and ?=")
    })
}

/// The value of a header that may be wrapped as `=?base64?...?=`; `None` when what is wrapped is not base64 of UTF-8.
fn decode(value: &str) -> Option<String> {
    match value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
    {
        Some(payload) => String::from_utf8(decode_base64(payload)?).ok(),
        None => Some(value.to_owned()),
    }
}

/// Canonical base64 (RFC 4648, section 4): padding required, no stray bits. Written here because this crate promises to
/// depend on serde alone.
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
    fn wrapped_headers_are_decoded_strictly() {
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
}
