//! The failures of stored state, with their messages and kinds.

use std::{error::Error, fmt};

use super::MAX_VALUE;

/// The kind of an error of stored state, as a tool sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateErrorKind {
    /// The call has no session. Use a handle instead.
    NoSession,
    /// The session has ended.
    SessionEnded,
    /// No state of this caller exists under the handle: it may have expired, or may belong to another caller.
    UnknownHandle,
    /// The value has more than 350 KB.
    TooLarge,
    /// The stored value cannot be decoded as the requested type, or the value to store cannot be written as JSON
    /// because it contains, for example, an infinite number.
    Unreadable,
    /// The store cannot be reached, or this host does not store state. A write may have been applied nevertheless.
    Unavailable,
    /// Another call has changed a state that this call has set. Nothing more is written, and the call fails even if the
    /// tool returns a result.
    Conflict,
    /// The call has ended, so it can no longer store state.
    CallEnded,
}

impl StateErrorKind {
    /// The kinds by their names in `PAYLOADS.md` of plugin-abi.
    const NAMES: [(Self, &str); 8] = [
        (Self::NoSession, "no_session"),
        (Self::SessionEnded, "session_ended"),
        (Self::UnknownHandle, "unknown_handle"),
        (Self::TooLarge, "too_large"),
        (Self::Unreadable, "unreadable"),
        (Self::Unavailable, "unavailable"),
        (Self::Conflict, "overtaken"),
        (Self::CallEnded, "call_ended"),
    ];

    /// Returns the kind's name in payloads.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(kind, _)| *kind == self);
        named.map_or("unavailable", |(_, name)| name)
    }

    /// Parses a kind's name. A name that this version does not know becomes [`StateErrorKind::Unavailable`].
    #[must_use]
    pub fn parse(name: &str) -> Self {
        let named = Self::NAMES.iter().find(|(_, known)| *known == name);
        named.map_or(Self::Unavailable, |(kind, _)| *kind)
    }
}

/// A failure to read or write state. Its message is written for the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateFailure {
    /// The call has no session.
    NoSession,
    /// The session has ended, or belongs to another caller.
    SessionEnded,
    /// No state of this caller exists under the handle.
    UnknownHandle,
    /// The value has this many bytes of JSON, more than [`MAX_VALUE`].
    TooLarge(usize),
    /// The store cannot be reached.
    Unavailable,
    /// This host does not store state between calls.
    NotKept,
    /// Another call wrote first to a state that a call of this tool has set. The call has written nothing.
    Conflict(String),
    /// Another call wrote first to a state that a call of this tool has set. The call had already written some of its
    /// states.
    PartialConflict(String),
}

impl StateFailure {
    /// Returns the kind of error that the tool sees.
    #[must_use]
    pub fn kind(&self) -> StateErrorKind {
        match self {
            Self::NoSession => StateErrorKind::NoSession,
            Self::SessionEnded => StateErrorKind::SessionEnded,
            Self::UnknownHandle => StateErrorKind::UnknownHandle,
            Self::TooLarge(_) => StateErrorKind::TooLarge,
            Self::Unavailable | Self::NotKept => StateErrorKind::Unavailable,
            Self::Conflict(_) | Self::PartialConflict(_) => StateErrorKind::Conflict,
        }
    }
}

impl fmt::Display for StateFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSession => f.write_str(
                "this call has no session to store state for; for such clients a tool stores state under a handle",
            ),
            Self::SessionEnded => {
                f.write_str("the session has ended, and its state with it")
            }
            Self::UnknownHandle => {
                f.write_str("no state is stored under this handle; it may have expired")
            }
            Self::TooLarge(bytes) => write!(
                f,
                "the new state has {bytes} bytes of JSON, more than {MAX_VALUE}"
            ),
            Self::Unavailable => {
                f.write_str("the stored state is not available at the moment; try again later")
            }
            Self::NotKept => f.write_str(
                "this server stores no state between calls: its operator has to set MCP_SESSION_TABLE",
            ),
            Self::Conflict(tool) => write!(
                f,
                "another call has changed the state of tool {tool} meanwhile, so this call's changes are lost; call it again"
            ),
            Self::PartialConflict(tool) => write!(
                f,
                "another call has changed the state of tool {tool} meanwhile: part of this call's changes was written, the rest is lost; check the state before you call it again"
            ),
        }
    }
}

impl Error for StateFailure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        for (kind, name) in StateErrorKind::NAMES {
            assert_eq!(kind.as_str(), name);
            assert_eq!(StateErrorKind::parse(name), kind);
        }
        assert_eq!(
            StateErrorKind::parse("new_kind"),
            StateErrorKind::Unavailable
        );
    }
}
