//! Collects facts for the log while a request is handled.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_protocol::{Answer, ClientRequest, Revision};
use serde::Deserialize;

use crate::{
    plugin::{CallContext, CatalogTool},
    server::outcome::RequestOutcome,
};

/// The maximum length of a logged text that comes from a client. Unit: characters. Source: ours.
pub(crate) const MAX_CLIENT_TEXT: usize = 100;

/// The facts about a request. Every part of the host that handles the request can add to them.
#[derive(Clone, Debug, Default)]
pub struct RequestRecord(Arc<Mutex<Fields>>);

#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) method: Option<&'static str>,
    pub(crate) revision: Option<Revision>,
    pub(crate) tool: Option<String>,
    pub(crate) plugin: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) outcome: Option<RequestOutcome>,
    /// The total size of the notifications that were sent before the response. Unit: bytes.
    pub(crate) streamed_bytes: usize,
}

impl RequestRecord {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Fields> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the method of a request.
    pub(crate) fn set_method(&self, request: &ClientRequest<'_>, revision: Option<Revision>) {
        let mut fields = self.lock();
        let method = match request {
            ClientRequest::Discover => "server/discover",
            ClientRequest::Initialize {
                negotiated, client, ..
            } => {
                fields.revision = Some(*negotiated);
                fields.client = client.and_then(|client| client_label(client.get()));
                "initialize"
            }
            ClientRequest::Ping => "ping",
            ClientRequest::SetLogLevel(_) => "logging/setLevel",
            ClientRequest::ListTools { .. } => "tools/list",
            ClientRequest::CallTool { .. } => "tools/call",
        };
        fields.method = fields.method.or(Some(method));
        fields.revision = fields.revision.or(revision);
    }

    /// Records that the request is a batch.
    pub(crate) fn mark_batch(&self) {
        self.lock().method = Some("batch");
    }

    /// Records the outcome of one message of a batch, if it is worse than the outcome so far.
    pub(crate) fn merge(&self, answer: &Answer) {
        self.set_outcome(RequestOutcome::from_status(answer.status, answer.is_error));
    }

    /// Adds the size of a notification that was sent before the response.
    pub(crate) fn add_bytes(&self, bytes: usize) {
        self.lock().streamed_bytes += bytes;
    }

    pub(crate) fn set_principal(&self, principal: &str) {
        self.lock().principal = Some(principal.to_owned());
    }

    /// Records the call in the request. For a batch, the last call is recorded.
    pub(crate) fn set_call(&self, tool: &CatalogTool, revision: Revision, context: &CallContext) {
        let mut fields = self.lock();
        fields.tool = Some(tool.mcp.name.clone());
        fields.plugin = Some(tool.plugin.file());
        fields.revision = Some(revision);
        let client = context.client.as_deref();
        fields.client = client.and_then(|client| client_label(client.get()));
    }

    pub(crate) fn set_outcome(&self, outcome: RequestOutcome) {
        let mut fields = self.lock();
        fields.outcome = fields.outcome.max(Some(outcome));
    }
}

/// Returns a client's name and version as `name/version`.
fn client_label(client: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Client {
        name: String,
        #[serde(default)]
        version: String,
    }
    let Client { name, version } = serde_json::from_str(client).ok()?;
    let label = format!("{name}/{version}");
    let label = label.trim_end_matches('/').chars();
    Some(
        label
            .filter(|c| !is_invisible(*c))
            .take(MAX_CLIENT_TEXT)
            .collect(),
    )
}

/// Reports whether a character could make one log line look like another line, or like two lines.
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_logged_by_name_and_version_within_bounds() {
        let long = format!(r#"{{"name":"{}","version":"1"}}"#, "x".repeat(500));
        for (client, expected) in [
            (
                r#"{"name":"claude","version":"2"}"#,
                Some("claude/2".to_owned()),
            ),
            (r#"{"name":"claude"}"#, Some("claude".to_owned())),
            (r#"{"version":"2"}"#, None),
            ("[]", None),
            (&long, Some("x".repeat(MAX_CLIENT_TEXT))),
            (
                r#"{"name":"a\u2028b\u202ec\u001b[1m"}"#,
                Some("abc[1m".to_owned()),
            ),
        ] {
            assert_eq!(client_label(client), expected, "{client}");
        }
    }
}
