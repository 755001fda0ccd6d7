//! Why the host does not start.

use layer_format::{ErrorCode, HasErrorCode};

use crate::plugin::CatalogError;

/// What stops the start: the whole story in one message, and a code for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Environment variables that cannot be understood.
    #[error("{}", .0.join("\n"))]
    Config(Vec<String>),
    /// Plugins that cannot be served as asked.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl StartError {
    /// A stable code: Lambda shows it as the type of the error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Config(_) => ErrorCode::ConfigInvalid,
            Self::Catalog(error) => error.code(),
        }
    }
}
