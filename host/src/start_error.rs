//! Errors of the start.

use layer_format::{ErrorCode, HasErrorCode};

use crate::plugin::CatalogError;

/// The reason why startup failed: a complete message, and a code for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Environment variables with invalid values.
    #[error("{}", .0.join("\n"))]
    Config(Vec<String>),
    /// Plugins that cannot be served as configured.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl StartError {
    /// Returns a stable code. Lambda shows it as the type of the error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Config(_) => ErrorCode::ConfigInvalid,
            Self::Catalog(error) => error.code(),
        }
    }
}
