//! Errors during startup.

use layer_format::{ErrorCode, HasErrorCode};

use crate::plugin::CatalogError;

/// The reason why startup failed: a complete message, and an error code for programs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Environment variables have invalid values.
    #[error("{}", .0.join("\n"))]
    Config(Vec<String>),
    /// Plugins cannot be served as configured.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl StartError {
    /// Returns the error code. Lambda shows it as the type of the error.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Config(_) => ErrorCode::ConfigInvalid,
            Self::Catalog(error) => error.code(),
        }
    }
}
