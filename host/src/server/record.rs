//! What becomes known of a request while it is answered, for the operator.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_protocol::{Answer, ClientRequest, Revision};
use serde::Deserialize;

use crate::{
    plugin::{CallContext, CatalogTool},
    server::outcome::End,
};

/// How much is told of what a client says of itself. Unit: characters. Source: ours.
pub(crate) const LONGEST: usize = 100;

/// What becomes known of a request while it is answered.
#[derive(Clone, Debug, Default)]
pub struct Record(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) method: Option<&'static str>,
    pub(crate) revision: Option<Revision>,
    pub(crate) tool: Option<String>,
    pub(crate) plugin: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) end: Option<End>,
    /// How much was told before the answer. Unit: bytes.
    pub(crate) told: usize,
}

impl Record {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a request asks for.
    pub(crate) fn asks(&self, request: &ClientRequest<'_>, revision: Option<Revision>) {
        let mut known = self.lock();
        let method = match request {
            ClientRequest::Discover => "server/discover",
            ClientRequest::Initialize {
                negotiated, client, ..
            } => {
                known.revision = Some(*negotiated);
                known.client = client.and_then(|client| words_of(client.get()));
                "initialize"
            }
            ClientRequest::Ping => "ping",
            ClientRequest::SetLogLevel(_) => "logging/setLevel",
            ClientRequest::ListTools { .. } => "tools/list",
            ClientRequest::CallTool { .. } => "tools/call",
        };
        known.method = known.method.or(Some(method));
        known.revision = known.revision.or(revision);
    }

    /// It is several messages.
    pub(crate) fn is_batch(&self) {
        self.lock().method = Some("batch");
    }

    /// A message of the batch was answered by this.
    pub(crate) fn is_answered(&self, answer: &Answer) {
        self.ends(End::of(answer.status, answer.is_error));
    }

    /// So many bytes went to the client as they came.
    pub(crate) fn tells(&self, bytes: usize) {
        self.lock().told += bytes;
    }

    pub(crate) fn comes_from(&self, principal: &str) {
        self.lock().principal = Some(principal.to_owned());
    }

    /// The call that it turned out to be. Of a batch, the last.
    pub(crate) fn calls(&self, tool: &CatalogTool, revision: Revision, context: &CallContext) {
        let mut known = self.lock();
        known.tool = Some(tool.mcp.name.clone());
        known.plugin = Some(tool.plugin.file());
        known.revision = Some(revision);
        let client = context.client.as_deref();
        known.client = client.and_then(|client| words_of(client.get()));
    }

    pub(crate) fn ends(&self, end: End) {
        let mut known = self.lock();
        known.end = known.end.max(Some(end));
    }
}

/// `name/version` of a client.
fn words_of(client: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Client {
        name: String,
        #[serde(default)]
        version: String,
    }
    let Client { name, version } = serde_json::from_str(client).ok()?;
    let words = format!("{name}/{version}");
    let words = words.trim_end_matches('/').chars();
    Some(words.filter(|c| !is_invisible(*c)).take(LONGEST).collect())
}

/// Whatever could make a line look like another, or like two.
fn is_invisible(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_by_name_and_version_within_bounds() {
        let long = format!(r#"{{"name":"{}","version":"1"}}"#, "x".repeat(500));
        for (client, expected) in [
            (
                r#"{"name":"claude","version":"2"}"#,
                Some("claude/2".to_owned()),
            ),
            (r#"{"name":"claude"}"#, Some("claude".to_owned())),
            (r#"{"version":"2"}"#, None),
            ("[]", None),
            (&long, Some("x".repeat(LONGEST))),
            (
                r#"{"name":"a\u2028b\u202ec\u001b[1m"}"#,
                Some("abc[1m".to_owned()),
            ),
        ] {
            assert_eq!(words_of(client), expected, "{client}");
        }
    }
}
