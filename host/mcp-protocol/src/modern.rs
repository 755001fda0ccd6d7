//! Revision 2026-07-28: the checks of a request, in the order that the specification and its test suite force.

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    Answer, Ask, CacheHints, CallMeta, Headers, Id, LogLevel, Request, Revision, ServerInfo,
    jsonrpc::{HEADER_MISMATCH, INVALID_PARAMS, METHOD_NOT_FOUND, UNSUPPORTED_PROTOCOL_VERSION},
    meta::{CLIENT_CAPABILITIES, LOG_LEVEL},
    params::{self, Members, PROTOCOL_VERSION, Params, text},
};

pub(crate) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// The checks, the earliest failure first. Every refusal is a JSON-RPC error with the request's id: a client takes a 4xx
/// without one for the answer of a legacy server.
pub(crate) fn request<'a>(
    headers: Headers<'_>,
    id: Id,
    method: &str,
    params: &Params<'a>,
    meta: &Members<'a>,
) -> Result<Request<'a>, Answer> {
    let version = envelope(&id, headers, meta)?;
    header(
        &id,
        "MCP-Protocol-Version",
        headers.protocol_version,
        &version,
    )?;
    implemented(&id, &version)?;
    header(&id, "Mcp-Method", headers.method, method)?;
    if let Some(name) = routed_name(method, params) {
        name_header(&id, headers.name, &name)?;
    }
    let ask = match method {
        "server/discover" => Ok(Ask::Discover),
        "tools/list" => params::list_tools(&id, params),
        "tools/call" => params::call_tool(&id, params, CallMeta::modern(meta)),
        _ => {
            let message = format!(
                "the method {method} is not offered in revision {}",
                Revision::MODERN
            );
            return Err(Answer::error(404, Some(&id), METHOD_NOT_FOUND, &message));
        }
    };
    log_level(&id, meta)?;
    Ok(Request {
        id,
        revision: Some(Revision::MODERN),
        ask: ask?,
    })
}

/// `_meta` has its two required keys, each of the right type; gives the version.
fn envelope(id: &Id, headers: Headers<'_>, meta: &Members<'_>) -> Result<String, Answer> {
    let refuse = |problem: &str| {
        // A client that names a revision nobody offers had better hear of that, too.
        let unknown = headers
            .protocol_version
            .filter(|version| Revision::parse(version.trim_matches([' ', '\t'])).is_none());
        let unknown = unknown.map_or_else(String::new, |version| {
            let offered = Revision::ALL.map(Revision::as_str).join(", ");
            format!("MCP-Protocol-Version says {version:?}, offered are {offered}; ")
        });
        let message = format!(
            "{unknown}`params._meta` of a request in revision {}: {problem}",
            Revision::MODERN
        );
        Answer::error(400, Some(id), INVALID_PARAMS, &message)
    };
    let missing: Vec<_> = [PROTOCOL_VERSION, CLIENT_CAPABILITIES]
        .into_iter()
        .filter(|key| !meta.contains_key(*key))
        .collect();
    if !missing.is_empty() {
        return Err(refuse(&format!("without {}", missing.join(" and "))));
    }
    if !meta[CLIENT_CAPABILITIES].get().starts_with('{') {
        return Err(refuse(&format!("{CLIENT_CAPABILITIES} must be an object")));
    }
    text(meta[PROTOCOL_VERSION])
        .ok_or_else(|| refuse(&format!("{PROTOCOL_VERSION} must be a string")))
}

/// A header is present and says what the body says (M:http, "Server Validation").
fn header(id: &Id, header: &str, value: Option<&str>, body: &str) -> Result<(), Answer> {
    match value.map(|value| value.trim_matches([' ', '\t'])) {
        Some(value) if value == body => Ok(()),
        Some(value) => Err(mismatch(
            id,
            &format!("the header {header} says {value:?}, the body {body:?}"),
        )),
        None => Err(mismatch(
            id,
            &format!("the header {header} is missing; it must be {body:?}"),
        )),
    }
}

fn mismatch(id: &Id, message: &str) -> Answer {
    Answer::error(400, Some(id), HEADER_MISMATCH, message)
}

fn implemented(id: &Id, version: &str) -> Result<(), Answer> {
    if version == Revision::MODERN.as_str() {
        return Ok(());
    }
    let data = json!({ "supported": [Revision::MODERN.as_str()], "requested": version });
    let message = format!("protocol version {version:?} is not offered without a handshake");
    Err(Answer::error_with(
        400,
        Some(id),
        UNSUPPORTED_PROTOCOL_VERSION,
        &message,
        Some(data),
    ))
}

/// The name that `Mcp-Name` repeats, for methods that have one. One that is missing or no string is found out later.
fn routed_name(method: &str, params: &Params<'_>) -> Option<String> {
    match method {
        "tools/call" | "prompts/get" => params.text("name"),
        "resources/read" => params.text("uri"),
        _ => None,
    }
}

fn name_header(id: &Id, value: Option<&str>, body: &str) -> Result<(), Answer> {
    match value.map(|value| decode_header(value.trim_matches([' ', '\t']))) {
        Some(Some(value)) if value == body => Ok(()),
        Some(Some(value)) => Err(mismatch(
            id,
            &format!("the header Mcp-Name says {value:?}, the body {body:?}"),
        )),
        Some(None) => Err(mismatch(
            id,
            "the header Mcp-Name is not valid base64 between =?base64? and ?=",
        )),
        None => Err(mismatch(
            id,
            &format!("the header Mcp-Name is missing; it must be {body:?}"),
        )),
    }
}

/// The value of a header that may be wrapped as `=?base64?...?=`; `None` when what is wrapped is not base64 of UTF-8.
fn decode_header(value: &str) -> Option<String> {
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

fn log_level(id: &Id, meta: &Members<'_>) -> Result<(), Answer> {
    let Some(level) = meta.get(LOG_LEVEL) else {
        return Ok(());
    };
    if text(level).is_some_and(|level| LogLevel::parse(&level).is_some()) {
        return Ok(());
    }
    let levels = LogLevel::ALL.map(LogLevel::as_str).join(", ");
    let message = format!("{LOG_LEVEL} must be one of {levels}");
    Err(Answer::error(400, Some(id), INVALID_PARAMS, &message))
}

/// The result of `server/discover` (M:disc).
#[must_use]
pub fn discover(
    server: &ServerInfo,
    instructions: Option<&str>,
    cache: CacheHints,
) -> Box<RawValue> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct DiscoverResult<'a> {
        result_type: &'static str,
        supported_versions: [&'static str; 1],
        capabilities: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        instructions: Option<&'a str>,
        #[serde(flatten)]
        cache: CacheHints,
        #[serde(rename = "_meta")]
        meta: Value,
    }
    crate::tools::raw(&DiscoverResult {
        result_type: "complete",
        supported_versions: [Revision::MODERN.as_str()],
        // Tools may send messages to a client that asks for them, and only to a modern one.
        capabilities: json!({ "tools": {}, "logging": {} }),
        instructions,
        cache,
        meta: json!({ SERVER_INFO: server }),
    })
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
            assert_eq!(decode_header(value).as_deref(), decoded, "value: {value}");
        }
    }
}
