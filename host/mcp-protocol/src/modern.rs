//! Revision 2026-07-28: the checks of a request, in the order that the specification and its test suite force.

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    Answer, CacheHints, Headers, Id, LogLevel, Request, Revision, Route, ServerInfo,
    header::{self, trimmed},
    json::raw,
    jsonrpc::{INVALID_PARAMS, METHOD_NOT_FOUND, UNSUPPORTED_PROTOCOL_VERSION},
    meta::is_object,
    meta_keys::{CLIENT_CAPABILITIES, LOG_LEVEL, PROTOCOL_VERSION, SERVER_INFO},
    method::{capabilities, offered},
    params::{self, Members, Params, text},
};

/// A request whose checks are under way.
struct Checked<'r, 'a> {
    /// `None`: over stdio, which has none.
    headers: Option<Headers<'r>>,
    id: &'r Id,
    method: &'r str,
    params: &'r Params<'a>,
    meta: &'r Members<'a>,
    /// The version that `_meta` names, if it is text.
    version: Option<String>,
}

type Check = fn(&Checked<'_, '_>) -> Result<(), Answer>;

/// Where a check belongs.
#[derive(PartialEq, Eq)]
enum Over {
    /// Wherever the request came from.
    Any,
    /// HTTP, which repeats in headers what the body says.
    Http,
}

/// The checks that need no knowledge of the tools, the earliest failure first (step 14, whether `params` fit the method,
/// is the method's own). Every refusal is a JSON-RPC error with the request's id: a client takes a 4xx without one for the
/// answer of a legacy server.
#[rustfmt::skip]
const CHECKS: [(u8, Over, Check); 7] = [
    ( 7, Over::Any,  has_its_envelope),                // 400 -32602
    ( 8, Over::Http, header_names_the_same_version),   // 400 -32020
    ( 9, Over::Any,  version_is_offered),              // 400 -32022
    (10, Over::Http, header_names_the_same_method),    // 400 -32020
    (11, Over::Http, header_names_the_same_target),    // 400 -32020
    (12, Over::Any,  method_is_offered),               // 404 -32601
    (13, Over::Any,  log_level_is_known),              // 400 -32602
];

/// Make all checks.
pub(crate) fn request<'a>(
    headers: Option<Headers<'_>>,
    id: Id,
    method: &str,
    params: &Params<'a>,
) -> Route<'a> {
    let nothing = Members::new();
    let meta = params.meta.as_ref().unwrap_or(&nothing);
    let checked = Checked {
        headers,
        id: &id,
        method,
        params,
        meta,
        version: meta.get(PROTOCOL_VERSION).and_then(|version| text(version)),
    };
    for (_, over, check) in CHECKS {
        if (over == Over::Any || headers.is_some())
            && let Err(answer) = check(&checked)
        {
            return Route::Answered(answer);
        }
    }
    match offered(method, true).map(|read| read(params, true)) {
        Some(Ok(ask)) => Route::Request(Request {
            id,
            revision: Some(Revision::MODERN),
            ask,
        }),
        Some(Err(problem)) => Route::Answered(params::invalid(&id, problem)), // step 14
        None => Route::Answered(not_offered(&id, method)),
    }
}

/// `_meta` has its two required keys, each of the right type.
fn has_its_envelope(checked: &Checked<'_, '_>) -> Result<(), Answer> {
    let Checked { headers, meta, .. } = checked;
    let refuse = |problem: &str| {
        // A client that names a revision nobody offers had better hear of that, too.
        let unknown = headers
            .and_then(|headers| headers.protocol_version)
            .filter(|version| Revision::parse(trimmed(version)).is_none());
        let unknown = unknown.map_or_else(String::new, |version| {
            let offered = Revision::ALL.map(Revision::as_str).join(", ");
            format!("MCP-Protocol-Version says {version:?}, offered are {offered}; ")
        });
        let message = format!(
            "{unknown}`params._meta` of a request in revision {}: {problem}",
            Revision::MODERN
        );
        Err(Answer::error(
            400,
            Some(checked.id),
            INVALID_PARAMS,
            &message,
        ))
    };
    let missing: Vec<_> = [PROTOCOL_VERSION, CLIENT_CAPABILITIES]
        .into_iter()
        .filter(|key| !meta.contains_key(*key))
        .collect();
    if !missing.is_empty() {
        return refuse(&format!("without {}", missing.join(" and ")));
    }
    if !is_object(meta[CLIENT_CAPABILITIES]) {
        return refuse(&format!("{CLIENT_CAPABILITIES} must be an object"));
    }
    if checked.version.is_none() {
        return refuse(&format!("{PROTOCOL_VERSION} must be a string"));
    }
    Ok(())
}

fn header_names_the_same_version(checked: &Checked<'_, '_>) -> Result<(), Answer> {
    let header = checked.headers.and_then(|headers| headers.protocol_version);
    let version = checked.version.as_deref().unwrap_or_default();
    checked.agrees(header::plain("MCP-Protocol-Version", header, version))
}

fn version_is_offered(checked: &Checked<'_, '_>) -> Result<(), Answer> {
    let version = checked.version.as_deref().unwrap_or_default();
    if version == Revision::MODERN.as_str() {
        return Ok(());
    }
    let data = json!({ "supported": [Revision::MODERN.as_str()], "requested": version });
    let message = format!("protocol version {version:?} is not offered without a handshake");
    let code = UNSUPPORTED_PROTOCOL_VERSION;
    let id = Some(checked.id);
    Err(Answer::error_with(400, id, code, &message, Some(data)))
}

fn header_names_the_same_method(checked: &Checked<'_, '_>) -> Result<(), Answer> {
    let header = checked.headers.and_then(|headers| headers.method);
    checked.agrees(header::plain("Mcp-Method", header, checked.method))
}

/// For methods that have a target. One that is missing or no string is found out later.
fn header_names_the_same_target(checked: &Checked<'_, '_>) -> Result<(), Answer> {
    let target = match checked.method {
        "tools/call" | "prompts/get" => checked.params.text("name"),
        "resources/read" => checked.params.text("uri"),
        _ => None,
    };
    let Some(target) = target else {
        return Ok(());
    };
    let header = checked.headers.and_then(|headers| headers.name);
    checked.agrees(header::wrapped("Mcp-Name", header, &target))
}

fn method_is_offered(checked: &Checked<'_, '_>) -> Result<(), Answer> {
    match offered(checked.method, true) {
        Some(_) => Ok(()),
        None => Err(not_offered(checked.id, checked.method)),
    }
}

fn not_offered(id: &Id, method: &str) -> Answer {
    let message = format!(
        "the method {method} is not offered in revision {}",
        Revision::MODERN
    );
    Answer::error(404, Some(id), METHOD_NOT_FOUND, &message)
}

fn log_level_is_known(checked: &Checked<'_, '_>) -> Result<(), Answer> {
    let Some(level) = checked.meta.get(LOG_LEVEL) else {
        return Ok(());
    };
    if text(level).is_some_and(|level| LogLevel::parse(&level).is_some()) {
        return Ok(());
    }
    let levels = LogLevel::ALL.map(LogLevel::as_str).join(", ");
    let message = format!("{LOG_LEVEL} must be one of {levels}");
    Err(Answer::error(
        400,
        Some(checked.id),
        INVALID_PARAMS,
        &message,
    ))
}

impl Checked<'_, '_> {
    fn agrees(&self, agreement: Result<(), String>) -> Result<(), Answer> {
        agreement.map_err(|problem| header::mismatch(self.id, &problem))
    }
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
    raw(&DiscoverResult {
        result_type: "complete",
        supported_versions: [Revision::MODERN.as_str()],
        capabilities: capabilities(),
        instructions,
        cache,
        meta: json!({ SERVER_INFO: server }),
    })
}
