//! The route of a message: how the server has to handle it.

use crate::{Answer, Id, Request, Revision, jsonrpc::INVALID_REQUEST};

/// The values of the headers that MCP defines; `None` for an absent one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `MCP-Protocol-Version`
    pub protocol_version: Option<&'a str>,
    /// `Mcp-Method`
    pub method: Option<&'a str>,
    /// `Mcp-Name`
    pub name: Option<&'a str>,
}

/// How the server has to handle a message.
#[derive(Clone, Debug)]
pub enum Route<'a> {
    /// Send this response. It does not depend on the tools.
    Reply(Answer),
    /// Send this response if the message names no legacy session, or one that is alive. (If the session is gone, the
    /// client must learn that, whatever else is wrong.)
    ReplyIfSessionAlive {
        /// The request's id; `None` for a notification or response.
        id: Option<Id>,
        /// The response.
        answer: Answer,
    },
    /// Execute this request.
    Request(Request<'a>),
    /// Cancel an earlier request. The message itself gets no JSON-RPC response. The earlier request belongs to the same
    /// legacy session, or over stdio to the same connection. (A modern client over HTTP closes its connection instead.)
    Cancel {
        /// The id of the earlier request.
        id: Id,
    },
    /// Handle several messages by their routes, if the revision has batches ([`Revision::has_batches`]) and the
    /// session, if the batch names one, is alive. If the revision has no batches, the response is [`Batch::refusal`].
    Batch(Batch<'a>),
}

/// A batch of several legacy messages. Their responses are sent in one array, in any order. A batch that needs no
/// response is accepted in the same way as a notification.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The revision that the header names. `None`: it is the revision negotiated in the session, or
    /// [`Revision::DEFAULT`] without a session.
    pub revision: Option<Revision>,
    /// The routes of the messages. None of them is a batch.
    pub routes: Vec<Route<'a>>,
}

impl Batch<'_> {
    /// Returns the error response that rejects a batch.
    #[must_use]
    pub fn refusal() -> Answer {
        let message = "send one message at a time, not a batch";
        Answer::error(400, None, INVALID_REQUEST, message)
    }
}
