//! Validates one message of the server, by the schema of its revision.

use serde_json::{Value, json};

use crate::{MODERN, assert_valid};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// The first revision in which an error has no id when none could be read. Before it, schemas demand an id that is not
/// null, so that such an error has no valid form in them; without an id it at least matches no waiting request.
const FIRST_WITHOUT_ID: &str = "2025-11-25";

/// The oldest revision. Its form of a response is the one that all revisions share.
const OLDEST_REVISION: &str = "2024-11-05";

/// Validates a message that the server wrote over stdio, after this request if it is a response, in the negotiated
/// revision.
///
/// # Panics
/// When it does not satisfy the schema.
pub fn validate_line(agreed: Option<&str>, request: Option<&Value>, message: &Value) {
    if message.get("method").is_some() {
        let revision = request.map_or(agreed, |request| revision_of(request, agreed));
        validate_notification(revision.unwrap_or(MODERN), message);
        return;
    }
    let revision = request.and_then(|request| revision_of(request, agreed));
    validate_response(revision.or(agreed), request, message);
}

/// Returns the revision of a request; `agreed` is that of requests without `_meta`.
pub(crate) fn revision_of<'a>(request: &Value, agreed: Option<&'a str>) -> Option<&'a str> {
    let claim = request["params"]["_meta"].get(VERSION);
    match claim {
        Some(claim) if request["method"] == "initialize" && claim != MODERN => agreed,
        Some(_) => Some(MODERN),
        None => agreed,
    }
}

/// Validates the response to a request. A request that Rust's numbers and strings cannot hold limits the check to the
/// form of the response. Without a known revision, the form is the one that all revisions share.
pub(crate) fn validate_response(revision: Option<&str>, request: Option<&Value>, message: &Value) {
    assert_eq!(message["jsonrpc"], "2.0", "{message}");
    let id = message.get("id");
    let code = message["error"]["code"].as_i64();
    if let Some(request) = request {
        let asked = request.get("id");
        let asked = asked.filter(|id| id.is_string() || id.is_i64() || id.is_u64());
        // Later errors have a request to answer.
        let is_early = matches!(code, Some(-32700 | -32600));
        assert!(
            id == asked || (id.is_none() && is_early),
            "the id of {message}\nto {request}"
        );
    }
    match (message.get("error"), code, request) {
        (Some(_), Some(code), _) => validate_error(revision.unwrap_or(MODERN), code, message),
        (Some(_), None, _) => panic!("no code in {message}"),
        (None, _, Some(request)) => validate_success(revision, request, message),
        (None, _, None) => assert_valid(
            revision.unwrap_or(OLDEST_REVISION),
            "JSONRPCResponse",
            message,
        ),
    }
}

fn validate_success(revision: Option<&str>, request: &Value, message: &Value) {
    let method = request["method"].as_str();
    let method = method.unwrap_or_else(|| panic!("nobody asked for {message}"));
    let result = &message["result"];
    let negotiated = result["protocolVersion"].as_str();
    let revision = revision.or(negotiated).unwrap_or(MODERN);
    assert_valid(revision, "JSONRPCResponse", message);
    validate_result(revision, method, result);
}

/// Validates the result of a method.
///
/// # Panics
/// When it does not satisfy the schema.
pub fn validate_result(revision: &str, method: &str, result: &Value) {
    let definition = match method {
        "server/discover" => "DiscoverResult",
        "initialize" => "InitializeResult",
        "ping" | "logging/setLevel" => "EmptyResult",
        "tools/list" => "ListToolsResult",
        "tools/call" if result["resultType"] == "input_required" => "InputRequiredResult",
        "tools/call" => "CallToolResult",
        _ => panic!("{method} succeeds, but nothing is known of it: {result}"),
    };
    assert_valid(revision, definition, result);
    if definition == "EmptyResult" {
        assert_eq!(*result, json!({}), "the result of {method}");
    }
    let is_modern = revision == MODERN;
    for member in ["resultType", "ttlMs", "cacheScope"] {
        assert!(
            is_modern || result.get(member).is_none(),
            "{member} in {revision}: {result}"
        );
    }
    let server = result["_meta"].get("io.modelcontextprotocol/serverInfo");
    assert_eq!(
        server.is_some(),
        is_modern,
        "serverInfo in {revision}: {result}"
    );
}

fn validate_error(revision: &str, code: i64, message: &Value) {
    if revision >= FIRST_WITHOUT_ID {
        assert_valid(revision, "JSONRPCErrorResponse", message);
    } else if message.get("id").is_some() {
        assert_valid(revision, "JSONRPCError", message);
    } else {
        let mut message = message.clone();
        message["id"] = json!(0);
        assert_valid(revision, "JSONRPCError", &message);
    }
    let is_modern = revision == MODERN;
    match code {
        -32700 if is_modern => assert_valid(revision, "ParseError", &message["error"]),
        -32600 if is_modern => assert_valid(revision, "InvalidRequestError", &message["error"]),
        -32601 if is_modern => assert_valid(revision, "MethodNotFoundError", &message["error"]),
        -32602 if is_modern => assert_valid(revision, "InvalidParamsError", &message["error"]),
        -32603 if is_modern => assert_valid(revision, "InternalError", &message["error"]),
        -32020 if is_modern => assert_valid(revision, "HeaderMismatchError", message),
        -32021 if is_modern => {
            assert_valid(revision, "MissingRequiredClientCapabilityError", message)
        }
        -32022 if is_modern => assert_valid(revision, "UnsupportedProtocolVersionError", message),
        // A handshake with a header that names another era.
        -32700 | -32603..=-32600 | -32020 => {}
        -32768..=-32000 => panic!("{code} is a reserved code: {message}"),
        _ => {}
    }
}

/// Validates a notification of the server.
///
/// # Panics
/// When it does not satisfy the schema.
pub fn validate_notification(revision: &str, message: &Value) {
    let definition = match message["method"].as_str() {
        Some("notifications/progress") => "ProgressNotification",
        Some("notifications/message") => "LoggingMessageNotification",
        _ => panic!("the server says {message}"),
    };
    assert_valid(revision, "JSONRPCNotification", message);
    assert_valid(revision, definition, message);
}
