//! Revision 2026-07-28: the checks of a request, in the order that the specification and its test suite require.

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    Answer, CacheHints, Headers, Id, LogLevel, Request, Revision, Route, ServerInfo,
    header::{self, trim_blanks},
    json::to_raw,
    jsonrpc::{INVALID_PARAMS, METHOD_NOT_FOUND, UNSUPPORTED_PROTOCOL_VERSION},
    meta::is_object,
    meta_keys::{CLIENT_CAPABILITIES, LOG_LEVEL, PROTOCOL_VERSION, SERVER_INFO},
    method::{lookup, server_capabilities},
    params::{self, Members, Params, text},
};

/// The request to check.
struct CheckContext<'r, 'a> {
    /// `None` over stdio, which has no headers.
    headers: Option<Headers<'r>>,
    id: &'r Id,
    method: &'r str,
    params: &'r Params<'a>,
    meta: &'r Members<'a>,
    /// The version that `_meta` names, if it is a string.
    version: Option<String>,
}

type Check = fn(&CheckContext<'_, '_>) -> Result<(), Answer>;

/// The transports to which a check applies.
#[derive(PartialEq, Eq)]
enum CheckScope {
    /// Every transport.
    Any,
    /// HTTP, where headers repeat parts of the body.
    Http,
}

/// The checks that need no knowledge of the tools, each with its step in the order of all checks. The first check that
/// fails determines the error. (Step 14, whether `params` fit the method, is up to the method's parser.) Every
/// rejection is a JSON-RPC error with the request's id, because a client takes a 4xx response without one for the
/// response of a legacy server.
#[rustfmt::skip]
const CHECKS: [(u8, CheckScope, Check); 7] = [
    ( 7, CheckScope::Any,  check_envelope),       // 400 -32602
    ( 8, CheckScope::Http, check_version_header), // 400 -32020
    ( 9, CheckScope::Any,  check_version),        // 400 -32022
    (10, CheckScope::Http, check_method_header),  // 400 -32020
    (11, CheckScope::Http, check_name_header),    // 400 -32020
    (12, CheckScope::Any,  check_method),         // 404 -32601
    (13, CheckScope::Any,  check_log_level),      // 400 -32602
];

/// Runs all checks, then routes the request.
pub(crate) fn request<'a>(
    headers: Option<Headers<'_>>,
    id: Id,
    method: &str,
    params: &Params<'a>,
) -> Route<'a> {
    let empty = Members::new();
    let meta = params.meta.as_ref().unwrap_or(&empty);
    let context = CheckContext {
        headers,
        id: &id,
        method,
        params,
        meta,
        version: meta.get(PROTOCOL_VERSION).and_then(|version| text(version)),
    };
    for (_, scope, check) in CHECKS {
        if (scope == CheckScope::Any || headers.is_some())
            && let Err(answer) = check(&context)
        {
            return Route::Reply(answer);
        }
    }
    match lookup(method, true).map(|read| read(params, true)) {
        Some(Ok(method)) => Route::Request(Request {
            id,
            revision: Some(Revision::MODERN),
            method,
        }),
        Some(Err(problem)) => Route::Reply(params::invalid_params(&id, problem)), // step 14
        None => Route::Reply(method_not_found(&id, method)),
    }
}

/// Checks that `_meta` has both required keys, with values of the right types.
fn check_envelope(context: &CheckContext<'_, '_>) -> Result<(), Answer> {
    let CheckContext { headers, meta, .. } = context;
    let refuse = |problem: &str| {
        // If the header names an unknown revision, the message mentions that problem as well.
        let unknown = headers
            .and_then(|headers| headers.protocol_version)
            .filter(|version| Revision::parse(trim_blanks(version)).is_none());
        let unknown = unknown.map_or_else(String::new, |version| {
            let offered = Revision::ALL.map(Revision::as_str).join(", ");
            format!("MCP-Protocol-Version {version:?} is not supported, only {offered}; ")
        });
        let message = format!(
            "{unknown}`params._meta` of a request in revision {}: {problem}",
            Revision::MODERN
        );
        Err(Answer::error(
            400,
            Some(context.id),
            INVALID_PARAMS,
            &message,
        ))
    };
    let missing: Vec<_> = [PROTOCOL_VERSION, CLIENT_CAPABILITIES]
        .into_iter()
        .filter(|key| !meta.contains_key(*key))
        .collect();
    if !missing.is_empty() {
        return refuse(&format!("missing {}", missing.join(" and ")));
    }
    if !is_object(meta[CLIENT_CAPABILITIES]) {
        return refuse(&format!("{CLIENT_CAPABILITIES} must be an object"));
    }
    if context.version.is_none() {
        return refuse(&format!("{PROTOCOL_VERSION} must be a string"));
    }
    Ok(())
}

fn check_version_header(context: &CheckContext<'_, '_>) -> Result<(), Answer> {
    let header = context.headers.and_then(|headers| headers.protocol_version);
    let version = context.version.as_deref().unwrap_or_default();
    context.or_mismatch(header::check_plain("MCP-Protocol-Version", header, version))
}

fn check_version(context: &CheckContext<'_, '_>) -> Result<(), Answer> {
    let version = context.version.as_deref().unwrap_or_default();
    if version == Revision::MODERN.as_str() {
        return Ok(());
    }
    let data = json!({ "supported": [Revision::MODERN.as_str()], "requested": version });
    let message = format!("protocol version {version:?} is not supported without a handshake");
    let code = UNSUPPORTED_PROTOCOL_VERSION;
    let id = Some(context.id);
    Err(Answer::error_with(400, id, code, &message, Some(data)))
}

fn check_method_header(context: &CheckContext<'_, '_>) -> Result<(), Answer> {
    let header = context.headers.and_then(|headers| headers.method);
    context.or_mismatch(header::check_plain("Mcp-Method", header, context.method))
}

/// Checks that `Mcp-Name` equals the name or URI in `params`, for the methods that have one. A later step rejects a
/// name or URI that is missing or not a string.
fn check_name_header(context: &CheckContext<'_, '_>) -> Result<(), Answer> {
    let target = match context.method {
        "tools/call" | "prompts/get" => context.params.text("name"),
        "resources/read" => context.params.text("uri"),
        _ => None,
    };
    let Some(target) = target else {
        return Ok(());
    };
    let header = context.headers.and_then(|headers| headers.name);
    context.or_mismatch(header::check_encoded("Mcp-Name", header, &target))
}

fn check_method(context: &CheckContext<'_, '_>) -> Result<(), Answer> {
    match lookup(context.method, true) {
        Some(_) => Ok(()),
        None => Err(method_not_found(context.id, context.method)),
    }
}

fn method_not_found(id: &Id, method: &str) -> Answer {
    let message = format!(
        "the method {method} is not supported in revision {}",
        Revision::MODERN
    );
    Answer::error(404, Some(id), METHOD_NOT_FOUND, &message)
}

fn check_log_level(context: &CheckContext<'_, '_>) -> Result<(), Answer> {
    let Some(level) = context.meta.get(LOG_LEVEL) else {
        return Ok(());
    };
    if text(level).is_some_and(|level| LogLevel::parse(&level).is_some()) {
        return Ok(());
    }
    let levels = LogLevel::ALL.map(LogLevel::as_str).join(", ");
    let message = format!("{LOG_LEVEL} must be one of {levels}");
    Err(Answer::error(
        400,
        Some(context.id),
        INVALID_PARAMS,
        &message,
    ))
}

impl CheckContext<'_, '_> {
    fn or_mismatch(&self, agreement: Result<(), String>) -> Result<(), Answer> {
        agreement.map_err(|problem| header::mismatch(self.id, &problem))
    }
}

/// Returns the result of `server/discover` (M:disc).
#[must_use]
pub fn discover_result(
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
    to_raw(&DiscoverResult {
        result_type: "complete",
        supported_versions: [Revision::MODERN.as_str()],
        capabilities: server_capabilities(),
        instructions,
        cache,
        meta: json!({ SERVER_INFO: server }),
    })
}
