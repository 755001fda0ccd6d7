//! What a client hears of a call before its result: notifications, and the event stream that carries them.

use serde::{Deserialize, Serialize};
use serde_json::{Number, value::RawValue};

use crate::{Id, LogLevel, Revision, json::to_raw};

/// Something to tell the client while a call runs.
#[derive(Clone, Debug)]
pub enum Notification {
    /// How far the call has come.
    Progress(Progress),
    /// A message of the tool.
    Message(LogMessage),
}

/// How far a call has come.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Progress {
    /// Grows with every notification of a call.
    pub progress: Number,
    /// What it grows up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<Number>,
    /// What is being done, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A message of a tool for the client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LogMessage {
    /// How important it is.
    pub level: LogLevel,
    /// Who says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logger: Option<String>,
    /// What it says: any JSON.
    pub data: Box<RawValue>,
}

impl Notification {
    /// The notification in the words of `revision`; `None` for progress of a call whose client gave no `token` for it.
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

/// A whole event stream (`text/event-stream`) of JSON texts: one event each, in their order.
///
/// A tool's own JSON may stand in several lines. An event's data may as well, each behind a `data:`, and a client joins
/// them by line feeds, which is the same JSON: only between its tokens can JSON have them (RFC 8259, section 7).
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
