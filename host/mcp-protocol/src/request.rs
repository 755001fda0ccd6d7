//! A request as it is handed to the server.

use serde_json::value::RawValue;

use crate::{CallMeta, Id, LogLevel, Revision, input::InputResume};

/// A request that passed every check which needs no knowledge of the tools.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// To be repeated in the answer.
    pub id: Id,
    /// The revision to answer in. `None`: legacy, as negotiated in the session, else [`Revision::DEFAULT`].
    pub revision: Option<Revision>,
    /// What is asked for.
    pub method: ClientRequest<'a>,
}

impl Request<'_> {
    pub(crate) fn is_initialize(&self) -> bool {
        matches!(self.method, ClientRequest::Initialize { .. })
    }
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub enum ClientRequest<'a> {
    /// `server/discover` (modern).
    Discover,
    /// `initialize` (legacy).
    Initialize {
        /// The revision that the server answers with.
        negotiated: Revision,
        /// What the client says of itself, as JSON.
        client: Option<&'a RawValue>,
        /// What the client can do, a JSON object.
        capabilities: Option<&'a RawValue>,
    },
    /// `ping` (legacy).
    Ping,
    /// `logging/setLevel` (legacy): from now on, messages from this level on.
    SetLogLevel(LogLevel),
    /// `tools/list`.
    ListTools {
        /// Where an earlier page ended; whether it is one of the server's cursors is not known yet.
        cursor: Option<String>,
    },
    /// `tools/call`.
    CallTool {
        /// The tool's name.
        name: String,
        /// A JSON object; `None` means an empty one.
        arguments: Option<&'a RawValue>,
        /// What the call's `_meta` says.
        meta: Box<CallMeta<'a>>,
        /// What comes with a call that is made again (modern).
        resume: Box<InputResume<'a>>,
    },
}
