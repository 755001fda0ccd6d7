//! Plugin files and manifests that are not served, with the reasons.

use std::fmt;

use crate::{ErrorCode, HasErrorCode};

/// A plugin file or manifest that is not served, with the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedPlugin {
    /// The file name of the library or manifest.
    pub file: String,
    /// The error code of the problem.
    pub code: ErrorCode,
    /// The problem and its remedy.
    pub problem: String,
}

impl SkippedPlugin {
    /// Returns the record of a file that is skipped because of `error`.
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
