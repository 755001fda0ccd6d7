//! A parsed request, as the server receives it.

use serde_json::value::RawValue;

use crate::{CallMeta, Id, LogLevel, Revision, input::InputResume};

/// A request that has passed every check that needs no knowledge of the tools.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The request's id, which the response repeats.
    pub id: Id,
    /// The revision of the response. `None` for a legacy request that names none: then it is the revision negotiated in
    /// the session, or [`Revision::DEFAULT`] without a session.
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
        /// The revision that the server chose.
        negotiated: Revision,
        /// The client's description of itself, as JSON.
        client: Option<&'a RawValue>,
        /// The client's capabilities, a JSON object.
        capabilities: Option<&'a RawValue>,
    },
    /// `ping` (legacy).
    Ping,
    /// `logging/setLevel` (legacy): sets the minimum severity of log notifications for the rest of the session.
    SetLogLevel(LogLevel),
    /// `tools/list`.
    ListTools {
        /// The cursor that an earlier page returned. The server has not checked yet that it issued this cursor.
        cursor: Option<String>,
    },
    /// `tools/call`.
    CallTool {
        /// The tool's name.
        name: String,
        /// The arguments, a JSON object; `None` means an empty one.
        arguments: Option<&'a RawValue>,
        /// The call's `_meta`.
        meta: Box<CallMeta<'a>>,
        /// The client's responses to input requests and the `requestState`, if the client repeats a call (modern).
        resume: Box<InputResume<'a>>,
    },
}
