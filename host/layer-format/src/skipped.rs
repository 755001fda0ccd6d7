//! Files that are not served, with the reasons.

use std::fmt;

use crate::{ErrorCode, HasErrorCode};

/// A file that is not served, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedPlugin {
    /// The name of the library or manifest.
    pub file: String,
    /// The code of the problem.
    pub code: ErrorCode,
    /// What is wrong, and the remedy.
    pub problem: String,
}

impl SkippedPlugin {
    /// A file that this error keeps from being served.
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
