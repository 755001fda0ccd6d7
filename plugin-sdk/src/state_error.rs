//! Why something cannot be kept between calls.

use std::{error::Error, fmt};

pub use tool_rules::state::StateErrorKind;

/// Why something cannot be kept, or what was kept is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError {
    kind: StateErrorKind,
    message: String,
}

impl StateError {
    /// What kind it is.
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
