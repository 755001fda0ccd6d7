//! Files that are not served, with the reasons.

use std::fmt;

use crate::{Code, ErrorCode};

/// A file that is not served, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The name of the library or manifest.
    pub file: String,
    /// The code of the problem.
    pub code: ErrorCode,
    /// What is wrong, and the remedy.
    pub problem: String,
}

impl LeftOut {
    /// A file that this error keeps from being served.
    #[must_use]
    pub fn new(file: &str, error: &(impl Code + fmt::Display)) -> Self {
        Self {
            file: file.to_owned(),
            code: error.code(),
            problem: error.to_string(),
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.file, self.code)
    }
}
