//! The notifications that a client receives before the result of a call, and the event stream that carries them.

use serde::{Deserialize, Serialize};
use serde_json::{Number, value::RawValue};

use crate::{Id, LogLevel, Revision, json::to_raw};

/// A notification about a running call.
#[derive(Clone, Debug)]
pub enum Notification {
    /// The progress of the call.
    Progress(Progress),
    /// A log message from the tool.
    Message(LogMessage),
}

/// The progress of a call.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Progress {
    /// The current value. It increases with every notification of a call.
    pub progress: Number,
    /// The final value of `progress`, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Number>,
    /// A description of the current step, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A log message from a tool to the client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LogMessage {
    /// The message's severity.
    pub level: LogLevel,
    /// The name of the component that sent the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// The message's content: any JSON.
    pub data: Box<RawValue>,
}

impl Notification {
    /// Returns the JSON-RPC notification in the form of `revision`. Returns `None` for a progress notification without
    /// `token`: the client has not asked for progress.
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

/// Writes a complete event stream (`text/event-stream`), with one event for each JSON text, in the given order.
///
/// A tool may return JSON with several lines. Each line then follows a `data:` of its own in the same event. A client
/// joins the lines with line feeds. That does not change the JSON, which has line feeds only between tokens: in strings
/// they are escaped (RFC 8259, section 7).
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
