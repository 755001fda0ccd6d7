//! The route of a message: how the server has to answer it.

use crate::{Answer, Id, Request, Revision, jsonrpc::INVALID_REQUEST};

/// The headers that matter to the protocol, as received; `None` where absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `MCP-Protocol-Version`
    pub protocol_version: Option<&'a str>,
    /// `Mcp-Method`
    pub method: Option<&'a str>,
    /// `Mcp-Name`
    pub name: Option<&'a str>,
}

/// The way to answer a message.
#[derive(Clone, Debug)]
pub enum Route<'a> {
    /// An answer that does not depend on the tools.
    Reply(Answer),
    /// An answer that holds if the legacy session of the message, if it names one, is alive. (That a session is gone
    /// takes precedence over every other error.)
    ReplyIfSessionAlive {
        /// The request's id; `None` for a notification or response.
        id: Option<Id>,
        /// The answer.
        answer: Answer,
    },
    /// A request to execute.
    Request(Request<'a>),
    /// The cancellation of an earlier request; the message itself has no answer. The request is one of the legacy
    /// session, or of the connection over stdio. (A modern client over HTTP hangs up instead.)
    Cancel {
        /// The id of the earlier request.
        id: Id,
    },
    /// Several messages with a route each, if the session that they may name is alive and [`Revision::has_batches`].
    /// Otherwise the answer is [`Batch::refusal`].
    Batch(Batch<'a>),
}

/// Several legacy messages in one. Their answers belong into one array, in any order. A batch without answers is
/// accepted like a notification.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The revision that the header names. `None`: the one negotiated in the session, else [`Revision::DEFAULT`].
    pub revision: Option<Revision>,
    /// The routes of the messages. None of them is another batch.
    pub routes: Vec<Route<'a>>,
}

impl Batch<'_> {
    /// Returns the answer of a server that accepts no batches.
    #[must_use]
    pub fn refusal() -> Answer {
        let message = "send one message at a time, not a batch";
        Answer::error(400, None, INVALID_REQUEST, message)
    }
}
