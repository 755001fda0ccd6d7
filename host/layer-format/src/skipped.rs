//! Files that are not served, with the reasons.

use std::fmt;

use crate::{ErrorCode, HasErrorCode};

/// A file that is not served, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedPlugin {
    /// The name of the library or manifest.
    pub file: String,
    /// The code of the problem.
    pub code: ErrorCode,
    /// The problem, and the remedy.
    pub problem: String,
}

impl SkippedPlugin {
    /// Returns a file that is skipped for this error.
    #[must_use]
    pub fn new(file: &str, error: &(impl HasErrorCode + fmt::Display)) -> Self {
        Self {
            file: file.to_owned(),
            code: error.code(),
            problem: error.to_string(),
        }
    }
}

impl fmt::Display for SkippedPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.file, self.code)
    }
}
