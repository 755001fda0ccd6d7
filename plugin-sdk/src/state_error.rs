//! Why something cannot be kept between calls.

use std::{error::Error, fmt};

/// Why something cannot be kept, or what was kept is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError {
    kind: StateErrorKind,
    words: String,
}

/// The kinds of [`StateError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateErrorKind {
    /// The call is in no session: use a [`Handle`](crate::Handle).
    NoSession,
    /// The session has ended.
    SessionEnded,
    /// Nothing is kept under the handle: it may have expired, or is somebody else's.
    UnknownHandle,
    /// The value has more than 350 KB.
    TooLarge,
    /// What is kept is not of the type that it is read as; or what is to be kept has no form in JSON, as infinite numbers.
    Unreadable,
    /// What is kept cannot be reached, or this host keeps nothing. Of a change it is not known whether it was written.
    Unavailable,
    /// Another call has changed meanwhile what this one has [`set`](crate::ToolState::set): nothing of it will be written, and the
    /// call fails whatever the tool gives back.
    Overtaken,
    /// The call is over: nothing is kept any more on its behalf.
    CallEnded,
}

impl StateErrorKind {
    /// The kinds, by their names in `PAYLOADS.md` of plugin-abi; but for one that no host knows.
    const NAMES: [(Self, &str); 8] = [
        (Self::NoSession, "no_session"),
        (Self::SessionEnded, "session_ended"),
        (Self::UnknownHandle, "unknown_handle"),
        (Self::TooLarge, "too_large"),
        (Self::Unreadable, "unreadable"),
        (Self::Unavailable, "unavailable"),
        (Self::Overtaken, "overtaken"),
        (Self::CallEnded, "call_ended"),
    ];

    pub(crate) fn name(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(kind, _)| *kind == self);
        named.map_or("unavailable", |(_, name)| name)
    }

    /// What a later host may say besides is no kind of this SDK.
    pub(crate) fn named(name: &str) -> Self {
        let named = Self::NAMES.iter().find(|(_, known)| *known == name);
        named.map_or(Self::Unavailable, |(kind, _)| *kind)
    }
}

impl StateError {
    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> StateErrorKind {
        self.kind
    }

    pub(crate) fn new(kind: StateErrorKind, words: impl Into<String>) -> Self {
        Self {
            kind,
            words: words.into(),
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for StateError {}
