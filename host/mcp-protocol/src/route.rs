//! Where a message leads.

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

/// Where a message leads.
#[derive(Clone, Debug)]
pub enum Route<'a> {
    /// To this answer, whatever the tools are.
    Reply(Answer),
    /// To this answer, if the legacy session it may name is alive: that a session is gone comes before anything else
    /// that there is to say.
    ReplyIfSessionAlive {
        /// The request's id; `None` for a notification or response.
        id: Option<Id>,
        /// The answer.
        answer: Answer,
    },
    /// To work.
    Request(Request<'a>),
    /// To an earlier request, which its client takes back; it is not answered itself. Of a legacy session, or of the one
    /// connection that stdio is. (A modern client over HTTP hangs up instead.)
    Cancel {
        /// The id of the earlier request.
        id: Id,
    },
    /// To several ends at once, if the session it may name is alive and [`Revision::has_batches`]; else to
    /// [`Batch::refusal`].
    Batch(Batch<'a>),
}

/// Several legacy messages in one. Their answers belong into one array, in any order; if there are none, it is accepted
/// like a notification.
#[derive(Clone, Debug)]
pub struct Batch<'a> {
    /// The revision that the header names. `None`: as negotiated in the session, else [`Revision::DEFAULT`].
    pub revision: Option<Revision>,
    /// Where each message leads: never to another batch.
    pub routes: Vec<Route<'a>>,
}

impl Batch<'_> {
    /// The answer where there are no batches.
    #[must_use]
    pub fn refusal() -> Answer {
        let message = "send one message at a time, not a batch";
        Answer::error(400, None, INVALID_REQUEST, message)
    }
}
