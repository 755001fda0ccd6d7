//! Revisions up to 2025-11-25: the handshake, and requests within or without a session.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::{
    Answer, Ask, Id, Request, Revision, ServerInfo,
    jsonrpc::{INVALID_PARAMS, METHOD_NOT_FOUND},
    params,
};

/// A request other than `initialize`. Its errors travel with HTTP 200: to a legacy client 404 means that its session is
/// gone (L:http).
pub(crate) fn request<'a>(
    revision: Option<Revision>,
    id: Id,
    method: &str,
    params: Option<&'a RawValue>,
) -> Result<Request<'a>, Answer> {
    let ask = match method {
        "ping" => Ask::Ping,
        "tools/list" => params::list_tools(&id, params)?,
        "tools/call" => params::call_tool(&id, params)?,
        _ => {
            let message = format!("the method {method} is not offered");
            return Err(Answer::error(200, Some(&id), METHOD_NOT_FOUND, &message));
        }
    };
    Ok(Request { id, revision, ask })
}

/// `initialize`: the server answers with the revision the client asks for, if it has a handshake, else with the newest
/// that has one (L:life, "Version Negotiation"). A client that asks for none gets that as well.
pub(crate) fn initialize_request(id: Id, params: Option<&RawValue>) -> Result<Request<'_>, Answer> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Initialize<'a> {
        protocol_version: Option<String>,
        #[serde(borrow)]
        client_info: Option<&'a RawValue>,
    }
    let asked: Initialize<'_> = match params.map(|params| serde_json::from_str(params.get())) {
        None => Initialize::default(),
        Some(Ok(asked)) => asked,
        Some(Err(error)) => {
            let message = format!("`params` of initialize: {error}");
            return Err(Answer::error(200, Some(&id), INVALID_PARAMS, &message));
        }
    };
    let negotiated = asked
        .protocol_version
        .and_then(|version| Revision::parse(&version))
        .filter(|revision| !revision.is_modern())
        .unwrap_or(Revision::LATEST_LEGACY);
    Ok(Request {
        id,
        revision: Some(negotiated),
        ask: Ask::Initialize {
            negotiated,
            client: asked.client_info,
        },
    })
}

/// The result of `initialize`.
#[must_use]
pub fn initialize(
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
    crate::tools::raw(&InitializeResult {
        protocol_version: negotiated.as_str(),
        capabilities: json!({ "tools": {} }),
        server_info: server,
        instructions,
    })
}
