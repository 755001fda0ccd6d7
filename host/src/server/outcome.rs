//! The reply to a message, and the outcome of a request.

use futures_util::stream::{StreamExt, iter};
use mcp_protocol::Answer;
use serde_json::value::RawValue;

use crate::store::session::SessionId;

/// The maximum number of messages of one batch that run at once.
/// Source: ours. A batch of six megabytes has ten thousands of calls. This number leaves room for the calls of others,
/// and a batch of any size stays within the limit for calls (unless `MCP_MAX_CONCURRENT_CALLS` is less).
const BATCH_CONCURRENCY: usize = 16;

/// The reply to a message: notifications and the answer. Each front door has its own way to write it.
#[derive(Debug)]
pub(crate) struct McpReply {
    /// JSON-RPC notifications, in their order.
    pub(crate) notifications: Vec<Box<RawValue>>,
    /// The answer.
    pub(crate) answer: Answer,
    /// The session that the message has begun, if a store keeps it.
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
    /// Runs the messages of a batch concurrently, within the limit, and joins their replies.
    pub(crate) async fn join_all<F: Future<Output = Self>>(outcomes: Vec<F>) -> Self {
        Self::from_batch(iter(outcomes).buffered(BATCH_CONCURRENCY).collect().await)
    }

    /// Returns all texts that are sent.
    pub(crate) fn bodies(&self) -> Vec<&[u8]> {
        let notifications = self.notifications.iter();
        let notifications = notifications.map(|notification| notification.get().as_bytes());
        notifications.chain(self.answer.body.as_deref()).collect()
    }

    /// Joins the replies of a batch: their answers become one array.
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

/// The outcome of a request. The worst outcome of several messages counts, which is the last of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RequestOutcome {
    Ok,
    /// The tool asks its client.
    InputRequired,
    /// The tool reports a failure or wrong arguments.
    ToolError,
    /// The answer is a JSON-RPC error, or has an HTTP status of one.
    Refused,
    /// The client has left before the answer.
    Abandoned,
    /// The call has timed out.
    TimedOut,
    /// The tool panicked, or violated the protocol.
    Failed,
    /// Something that the request needs is not available at the moment.
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

    /// Returns the outcome of an answer about which nothing else is known.
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
