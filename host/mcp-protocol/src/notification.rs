//! Notifications that a client gets before the result of a call, and the event stream that carries them.

use serde::{Deserialize, Serialize};
use serde_json::{Number, value::RawValue};

use crate::{Id, LogLevel, Revision, json::to_raw};

/// A notification about a call that runs.
#[derive(Clone, Debug)]
pub enum Notification {
    /// The progress of the call.
    Progress(Progress),
    /// A log message of the tool.
    Message(LogMessage),
}

/// The progress of a call.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Progress {
    /// A number that grows with every notification of a call.
    pub progress: Number,
    /// The number that `progress` grows up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Number>,
    /// A description of the current step, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A log message of a tool for the client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LogMessage {
    /// The message's level.
    pub level: LogLevel,
    /// The name of its sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// Its content: any JSON.
    pub data: Box<RawValue>,
}

impl Notification {
    /// Returns the JSON-RPC notification for `revision`. Returns `None` for progress if the client gave no `token` for
    /// it.
    #[must_use]
    pub fn for_revision(&self, revision: Revision, token: Option<&Id>) -> Option<Box<RawValue>> {
        match self {
            Self::Progress(progress) => {
                #[derive(Serialize)]
                #[serde(rename_all = "camelCase")]
                struct ProgressParams<'a> {
                    progress_token: &'a Id,
                    #[serde(flatten)]
                    progress: Progress,
                }
                let mut progress = progress.clone();
                progress.message = progress
                    .message
                    .filter(|_| revision.has_progress_messages());
                Some(notification(
                    "notifications/progress",
                    &ProgressParams {
                        progress_token: token?,
                        progress,
                    },
                ))
            }
            Self::Message(message) => Some(notification("notifications/message", message)),
        }
    }
}

fn notification(method: &'static str, params: &impl Serialize) -> Box<RawValue> {
    #[derive(Serialize)]
    struct Envelope<'a, T: Serialize> {
        jsonrpc: &'static str,
        method: &'static str,
        params: &'a T,
    }
    to_raw(&Envelope {
        jsonrpc: "2.0",
        method,
        params,
    })
}

/// Writes a whole event stream (`text/event-stream`): one event for each JSON text, in their order.
///
/// A tool's own JSON may have several lines. The data of an event may as well, each line after a `data:`. A client
/// joins them by line feeds, which is the same JSON: JSON has line feeds only between its tokens (RFC 8259, section 7).
#[must_use]
pub fn event_stream<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut stream = String::new();
    for text in texts {
        stream.push_str("event: message\n");
        for line in text.split(['\n', '\r']) {
            stream.push_str("data: ");
            stream.push_str(line);
            stream.push('\n');
        }
        stream.push('\n');
    }
    stream.into()
}
