//! Revisions up to 2025-11-25: the handshake, and requests with and without a session.

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::{
    Answer, Id, Request, Revision, Route, ServerInfo,
    json::to_raw,
    jsonrpc::METHOD_NOT_FOUND,
    method::{lookup, server_capabilities},
    params::{self, Params},
};

/// Routes a request. Errors have HTTP status 200, and are sent only after the session was looked up: a legacy client
/// must learn from a 404 that its session is gone (L:http), whatever is wrong with the request itself. The exception is
/// `initialize`, which is never part of a session.
pub(crate) fn request<'a>(
    revision: Option<Revision>,
    id: Id,
    method: &str,
    params: &Params<'a>,
) -> Route<'a> {
    let request = match lookup(method, false) {
        Some(read) => read(params, false).map_err(|problem| params::invalid_params(&id, problem)),
        None => {
            let message = format!("the method {method} is not supported");
            Err(Answer::error(200, Some(&id), METHOD_NOT_FOUND, &message))
        }
    };
    match request {
        Ok(method) => Route::Request(Request {
            id,
            revision,
            method,
        }),
        Err(answer) if method == INITIALIZE => Route::Reply(answer),
        Err(answer) => Route::ReplyIfSessionAlive {
            id: Some(id),
            answer,
        },
    }
}

/// The method that starts a session.
pub(crate) const INITIALIZE: &str = "initialize";

/// Returns the result of `initialize`.
#[must_use]
pub fn initialize_result(
    negotiated: Revision,
    server: &ServerInfo,
    instructions: Option<&str>,
) -> Box<RawValue> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct InitializeResult<'a> {
        protocol_version: &'static str,
        capabilities: Value,
        server_info: &'a ServerInfo,
        #[serde(skip_serializing_if = "Option::is_none")]
        instructions: Option<&'a str>,
    }
    to_raw(&InitializeResult {
        protocol_version: negotiated.as_str(),
        capabilities: server_capabilities(),
        server_info: server,
        instructions,
    })
}
