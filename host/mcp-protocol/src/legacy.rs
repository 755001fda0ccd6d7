//! Revisions up to 2025-11-25: the handshake, and requests within or without a session.

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    Answer, Ask, CallMeta, Id, Request, Revision, Route, ServerInfo,
    jsonrpc::METHOD_NOT_FOUND,
    meta::is_object,
    params::{self, Members, Params, text},
};

/// A request other than `initialize`. Its errors travel with HTTP 200, and only after its session was looked up: to a
/// legacy client 404 means that the session is gone (L:http), and it must learn that whatever it asked for.
pub(crate) fn request<'a>(
    revision: Option<Revision>,
    id: Id,
    method: &str,
    params: &Params<'a>,
    meta: &Members<'a>,
) -> Route<'a> {
    let ask = match method {
        "ping" => Ok(Ask::Ping),
        "tools/list" => params::list_tools(&id, params),
        "tools/call" => params::call_tool(&id, params, CallMeta::legacy(meta)),
        _ => {
            let message = format!("the method {method} is not offered");
            Err(Answer::error(200, Some(&id), METHOD_NOT_FOUND, &message))
        }
    };
    match ask {
        Ok(ask) => Route::Request(Request { id, revision, ask }),
        Err(answer) => Route::InSession {
            id: Some(id),
            answer,
        },
    }
}

/// `initialize`: the server answers with the revision the client asks for, if it has a handshake, else with the newest
/// that has one (L:life, "Version Negotiation"). A client that asks for none gets that as well.
pub(crate) fn initialize_request<'a>(id: Id, params: &Params<'a>) -> Result<Request<'a>, Answer> {
    let asked = || {
        let version = match params.get("protocolVersion")? {
            None => None,
            Some(version) => {
                Some(text(version).ok_or("`params.protocolVersion` must be a string")?)
            }
        };
        let capabilities = params.get("capabilities")?.filter(|raw| is_object(raw));
        Ok((version, params.get("clientInfo")?, capabilities))
    };
    let asked = asked().map_err(|problem| params::invalid(&id, problem));
    let (version, client, capabilities) = asked?;
    let negotiated = version
        .and_then(|version| Revision::parse(&version))
        .filter(|revision| !revision.is_modern())
        .unwrap_or(Revision::LATEST_LEGACY);
    Ok(Request {
        id,
        revision: Some(negotiated),
        ask: Ask::Initialize {
            negotiated,
            client,
            capabilities,
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
