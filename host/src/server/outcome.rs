//! The reply to a message, and the outcome of a request.

use futures_util::stream::{StreamExt, iter};
use mcp_protocol::Answer;
use serde_json::value::RawValue;

use crate::store::session::SessionId;

/// The maximum number of messages of one batch that are handled concurrently.
/// Source: ours. A batch of six megabytes can contain tens of thousands of calls. This number leaves threads for calls
/// of other clients, and it keeps a batch of any size within the limit of concurrent calls (unless
/// `MCP_MAX_CONCURRENT_CALLS` is lower).
const BATCH_CONCURRENCY: usize = 16;

/// The reply to a message: notifications, then the response. Each front door writes it in its own way.
#[derive(Debug)]
pub(crate) struct McpReply {
    /// JSON-RPC notifications, in the order in which they are sent.
    pub(crate) notifications: Vec<Box<RawValue>>,
    /// The response.
    pub(crate) answer: Answer,
    /// The session that the message started, if a store holds it.
    pub(crate) new_session: Option<SessionId>,
}

impl From<Answer> for McpReply {
    fn from(answer: Answer) -> Self {
        Self {
            notifications: Vec::new(),
            answer,
            new_session: None,
        }
    }
}

impl McpReply {
    /// Handles the messages of a batch concurrently, within the limit, and joins their replies.
    pub(crate) async fn join_all<F: Future<Output = Self>>(outcomes: Vec<F>) -> Self {
        Self::from_batch(iter(outcomes).buffered(BATCH_CONCURRENCY).collect().await)
    }

    /// Returns the body of each notification and of the response.
    pub(crate) fn bodies(&self) -> Vec<&[u8]> {
        let notifications = self.notifications.iter();
        let notifications = notifications.map(|notification| notification.get().as_bytes());
        notifications.chain(self.answer.body.as_deref()).collect()
    }

    /// Joins the replies to the messages of a batch. Their responses become one array.
    pub(crate) fn from_batch(outcomes: Vec<Self>) -> Self {
        let mut notifications = Vec::new();
        let mut answers = Vec::new();
        let is_error = outcomes.iter().any(|outcome| outcome.answer.is_error);
        for outcome in outcomes {
            notifications.extend(outcome.notifications);
            answers.extend(outcome.answer.body);
        }
        let answer = if answers.is_empty() {
            Answer::ACCEPTED
        } else {
            Answer {
                status: 200,
                body: Some([&b"["[..], &answers.join(&b','), b"]"].concat()),
                is_error,
            }
        };
        Self {
            notifications,
            answer,
            new_session: None,
        }
    }
}

/// The outcome of a request. The order is from best to worst. The outcome of a batch is the worst one of its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RequestOutcome {
    Ok,
    /// The tool sends input requests to its client.
    InputRequired,
    /// The tool reports a failure or invalid arguments.
    ToolError,
    /// The response is a JSON-RPC error, or has the HTTP status of an error.
    Refused,
    /// The client disconnected before the response was ready.
    Abandoned,
    /// The call timed out.
    TimedOut,
    /// The tool panicked, or violated the protocol between host and plugin.
    Failed,
    /// Something that the request needs is temporarily unavailable.
    Unavailable,
}

impl RequestOutcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::InputRequired => "input_required",
            Self::TimedOut => "given_up",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Abandoned => "abandoned",
        }
    }

    /// Returns the outcome of a request of which only the response is known.
    pub(crate) fn from_status(status: u16, is_error: bool) -> Self {
        match status {
            503 => Self::Unavailable,
            400.. => Self::Refused,
            _ if is_error => Self::Refused,
            _ => Self::Ok,
        }
    }
}

#[cfg(test)]
mod tests {
    use mcp_protocol::{Id, jsonrpc::INVALID_PARAMS};
    use serde_json::Map;

    use super::*;

    #[test]
    fn an_unset_outcome_follows_from_the_answer() {
        let (id, code) = (Id::Number(1.into()), INVALID_PARAMS);
        for (answer, expected) in [
            (Answer::success(&id, &Map::new()), RequestOutcome::Ok),
            (Answer::ACCEPTED, RequestOutcome::Ok),
            (
                Answer::error(200, Some(&id), code, "no"),
                RequestOutcome::Refused,
            ),
            (
                Answer::error(404, None, code, "no"),
                RequestOutcome::Refused,
            ),
            (
                Answer::error(503, Some(&id), code, "no"),
                RequestOutcome::Unavailable,
            ),
        ] {
            let end = RequestOutcome::from_status(answer.status, answer.is_error);
            assert_eq!(end, expected, "{answer:?}");
        }
        // A status without an MCP answer.
        assert_eq!(
            RequestOutcome::from_status(404, false),
            RequestOutcome::Refused
        );
        assert_eq!(
            RequestOutcome::from_status(503, false),
            RequestOutcome::Unavailable
        );
    }
}
