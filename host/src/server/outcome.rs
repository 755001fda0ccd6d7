//! What came of a request: its answer, and how it ended.

use futures_util::stream::{StreamExt, iter};
use mcp_protocol::Answer;
use serde_json::value::RawValue;

use crate::store::session::SessionId;

/// How many messages of one batch are worked on at once.
/// Source: ours. A batch of six megabytes has ten thousands of calls; this many leave room for those of others, and a batch of
/// however many finds room for all of its own (unless `CALLS_AT_ONCE` is less).
const BATCH_CONCURRENCY: usize = 16;

/// What came of a message: its answer, after what the client is to hear before it. Each front door has its own way to
/// write it.
#[derive(Debug)]
pub(crate) struct McpReply {
    /// JSON-RPC notifications, in their order.
    pub(crate) notifications: Vec<Box<RawValue>>,
    /// The answer.
    pub(crate) answer: Answer,
    /// The session that it has begun, which a store keeps.
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
    /// What comes of a batch whose messages are worked on at the same time, but not all of a large one.
    pub(crate) async fn join_all<F: Future<Output = Self>>(outcomes: Vec<F>) -> Self {
        Self::from_batch(iter(outcomes).buffered(BATCH_CONCURRENCY).collect().await)
    }

    /// All that is to be sent.
    pub(crate) fn bodies(&self) -> Vec<&[u8]> {
        let notifications = self.notifications.iter();
        let notifications = notifications.map(|notification| notification.get().as_bytes());
        notifications.chain(self.answer.body.as_deref()).collect()
    }

    /// Outcomes of a batch: their answers in one array.
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

/// How a request ended. Of several messages the worst counts, the last of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RequestOutcome {
    Ok,
    /// The tool asks its client.
    InputRequired,
    /// The tool says that it failed, or that its arguments are wrong.
    ToolError,
    /// A JSON-RPC error, or a status of HTTP that is one.
    Refused,
    /// Nobody waits for an answer any more.
    Abandoned,
    /// Its time was over.
    GivenUp,
    /// The tool panicked, or does not keep to the protocol.
    Failed,
    /// Something that is needed is not there at the moment.
    Unavailable,
}

impl RequestOutcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::InputRequired => "input_required",
            Self::GivenUp => "given_up",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Abandoned => "abandoned",
        }
    }

    /// Of an answer of which nothing else is known.
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
    fn an_outcome_that_nobody_set_follows_from_the_answer() {
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
        // A status of HTTP alone.
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
