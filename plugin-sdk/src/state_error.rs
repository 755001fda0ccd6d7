//! Errors of stored state.

use std::{error::Error, fmt};

pub use tool_rules::state::StateErrorKind;

/// The error of an operation on stored state, such as a value that cannot be stored or a handle that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError {
    kind: StateErrorKind,
    message: String,
}

impl StateError {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> StateErrorKind {
        self.kind
    }

    pub(crate) fn new(kind: StateErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StateError {}
