//! A parsed request, for the server.

use serde_json::value::RawValue;

use crate::{CallMeta, Id, LogLevel, Revision, input::InputResume};

/// A request that passed every check which needs no knowledge of the tools.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The id, which the answer repeats.
    pub id: Id,
    /// The revision to answer in. `None` for a legacy request: the one negotiated in its session, else
    /// [`Revision::DEFAULT`].
    pub revision: Option<Revision>,
    /// The method and its parameters.
    pub method: ClientRequest<'a>,
}

impl Request<'_> {
    pub(crate) fn is_initialize(&self) -> bool {
        matches!(self.method, ClientRequest::Initialize { .. })
    }
}

/// A method with its parameters.
#[derive(Clone, Debug)]
pub enum ClientRequest<'a> {
    /// `server/discover` (modern).
    Discover,
    /// `initialize` (legacy).
    Initialize {
        /// The revision that the server answers with.
        negotiated: Revision,
        /// The client's description of itself, as JSON.
        client: Option<&'a RawValue>,
        /// The client's capabilities, a JSON object.
        capabilities: Option<&'a RawValue>,
    },
    /// `ping` (legacy).
    Ping,
    /// `logging/setLevel` (legacy): the least important level of messages from now on.
    SetLogLevel(LogLevel),
    /// `tools/list`.
    ListTools {
        /// The end of an earlier page. It is not known yet whether this is one of the server's cursors.
        cursor: Option<String>,
    },
    /// `tools/call`.
    CallTool {
        /// The tool's name.
        name: String,
        /// A JSON object; `None` means an empty one.
        arguments: Option<&'a RawValue>,
        /// The call's `_meta`.
        meta: Box<CallMeta<'a>>,
        /// The answers and the state of a repeated call (modern).
        resume: Box<InputResume<'a>>,
    },
}
