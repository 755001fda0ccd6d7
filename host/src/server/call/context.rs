//! A tool call, and the facts about its request that the plugin is allowed to know.

use std::sync::Arc;

use http::HeaderName;
use mcp_protocol::{CallMeta, Id, Revision, Trace, input::InputResume};
use serde_json::value::RawValue;

use crate::{
    plugin::{CallContext, CatalogTool},
    server::{
        http::headers::{accepts_events, header, plugin_headers},
        request::IncomingRequest,
        session::SessionContext,
    },
};

/// A client's call of a tool that exists.
pub(crate) struct ToolCall<'a> {
    pub(crate) id: Id,
    pub(crate) revision: Revision,
    /// The session of a legacy client.
    pub(crate) session: &'a SessionContext,
    pub(crate) tool: &'a Arc<CatalogTool>,
    pub(crate) arguments: Option<&'a RawValue>,
    pub(crate) meta: CallMeta<'a>,
    pub(crate) resume: InputResume<'a>,
}

/// Returns the facts about the request that the plugin is allowed to know. `more` names further headers to include.
pub(crate) fn context(
    incoming: &IncomingRequest<'_>,
    tool_call: &ToolCall<'_>,
    more: &[HeaderName],
) -> CallContext {
    let ToolCall { meta, session, .. } = tool_call;
    let session = session.get();
    let said = |now: Option<&RawValue>, earlier: Option<&String>| {
        now.map(RawValue::to_owned)
            .or_else(|| RawValue::from_string(earlier?.clone()).ok())
    };
    let hears = accepts_events(incoming.headers);
    let in_headers = |name: &str| Some(header(incoming.headers, name)?.into_owned());
    CallContext {
        request_id: incoming.request_id.to_owned(),
        protocol_version: tool_call.revision.as_str(),
        client: said(
            meta.client,
            session.and_then(|session| session.client.as_ref()),
        ),
        capabilities: said(
            meta.capabilities,
            session.and_then(|session| session.capabilities.as_ref()),
        ),
        principal: incoming.caller.principal.clone(),
        claims: incoming.caller.claims.clone(),
        headers: plugin_headers(incoming.headers, more),
        trace: meta.trace.clone().or(|| Trace::from_fields(in_headers)),
        progress: hears && meta.progress_token.is_some(),
        log_level: meta
            .log_level
            .or(session.and_then(|session| session.log_level))
            .filter(|_| hears),
    }
}
