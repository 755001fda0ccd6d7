//! Errors of building the catalogue.

use std::{path::PathBuf, sync::Arc};

use layer_format::{
    ErrorCode, HasErrorCode, SelectionError, SkippedPlugin, manifest::ManifestError,
};

use crate::plugin::{FileProblem, OpenError};

/// The reason why the configured tools cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The plugin folder cannot be read.
    #[error(
        "MCP_PLUGIN_DIR: {0}; attach a layer made by `cargo layer build`, or set MCP_PLUGIN_DIR to the folder of the plugins"
    )]
    Folder(std::io::Error),
    /// The folder contains no plugin.
    #[error("MCP_PLUGIN_DIR: {} has no plugin{}; attach a layer made by `cargo layer build`", .folder.display(), unusable_message(.skipped))]
    Empty {
        /// The folder.
        folder: PathBuf,
        /// The files that were skipped, with the reasons.
        skipped: Vec<SkippedPlugin>,
    },
    /// A manifest is unusable.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A manifest disagrees with the files in its folder, or with this host.
    #[error("{}: {problem}", .path.display())]
    Mismatch {
        /// The error code of the disagreement.
        code: ErrorCode,
        /// The manifest or the library.
        path: PathBuf,
        /// The disagreement and its remedy.
        problem: String,
    },
    /// A file without a manifest is not a library that this host can open.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// A plugin cannot be opened.
    #[error(transparent)]
    Open(#[from] Arc<OpenError>),
    /// A plugin declares tools that no client would accept.
    #[error("{}: {}; fix it and rebuild the plugin", .path.display(), .problems.join("; "))]
    Declaration {
        /// The library.
        path: PathBuf,
        /// The problems with the declaration.
        problems: Vec<String>,
    },
    /// `ENTRY_FILE` or `TOOLS_LIST` names something unknown or ambiguous.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// Two tools have the same name.
    #[error(
        "two tools are named {name}: in {} and in {}; exclude one with TOOLS_LIST or ENTRY_FILE, or rename one with export_tools!(prefix = \"...\", ...) or #[tool(name = \"...\")]",
        .first.display(), .second.display()
    )]
    Duplicate {
        /// The name.
        name: String,
        /// The first library that contains a tool of this name.
        first: PathBuf,
        /// The second library that contains a tool of this name.
        second: PathBuf,
    },
    /// A tool of the plugin is still running after its call timed out.
    #[error("{}: one of its tools still runs after its call timed out; it serves calls again when that tool returns", .path.display())]
    Quarantined {
        /// The library.
        path: PathBuf,
    },
    /// Several of the errors above.
    #[error("{}", several_message(.0))]
    Several(Vec<CatalogError>),
}

impl HasErrorCode for CatalogError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Folder(_) => ErrorCode::PluginDirUnreadable,
            Self::Empty { .. } => ErrorCode::PluginDirEmpty,
            Self::Manifest(error) => error.code(),
            Self::Mismatch { code, .. } => *code,
            Self::File(problem) => problem.code(),
            Self::Open(error) => error.code(),
            Self::Declaration { .. } => ErrorCode::PluginDeclarationInvalid,
            Self::Selection(error) => error.code(),
            Self::Duplicate { .. } => ErrorCode::ToolDuplicate,
            Self::Quarantined { .. } => ErrorCode::PluginQuarantined,
            // The code of the first error is returned, because a program can act on only one code.
            Self::Several(errors) => errors.first().map_or(ErrorCode::PluginDirEmpty, Self::code),
        }
    }
}

fn several_message(errors: &[CatalogError]) -> String {
    let lines = errors
        .iter()
        .map(|error| format!("\n[{}] {error}", error.code()));
    format!("{} errors:{}", errors.len(), lines.collect::<String>())
}

fn unusable_message(skipped: &[SkippedPlugin]) -> String {
    if skipped.is_empty() {
        return String::new();
    }
    let all: Vec<_> = skipped.iter().map(|left| left.problem.as_str()).collect();
    format!(" that can be served ({})", all.join("; "))
}
