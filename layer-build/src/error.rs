//! What can go wrong on the way to a layer: what, where, and what to do.

use std::path::PathBuf;

/// A failure with a stable code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cargo metadata failed: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    #[error(
        "{0}\n  help: a plugin is a package that depends on plugin-sdk and has crate-type = [\"cdylib\"] under [lib]"
    )]
    NoPlugin(String),
    #[error("no package is named {name} here\n  help: there are {}", .known.join(", "))]
    UnknownPackage { name: String, known: Vec<String> },
    #[error("the plugins have different versions: {}\n  help: say which the layer has by --version", .0.join(", "))]
    NoVersion(Vec<String>),
    #[error("{0:?} cannot be a layer's name\n  help: use letters, digits, `-` and `_`")]
    LayerName(String),
    #[error("cargo could not build {package}; its messages stand above")]
    Compile { package: String },
    #[error("cargo built {package}, but told of no {artifact}\n  help: {help}")]
    NoArtifact {
        package: String,
        artifact: &'static str,
        help: &'static str,
    },
    #[error("{} needs {found}, Amazon Linux 2023 has GLIBC_{}.{}\n  help: build on a system with an older glibc, such as Debian 12 or Amazon Linux 2023", .path.display(), .ceiling.0, .ceiling.1)]
    Glibc {
        path: PathBuf,
        found: String,
        ceiling: (u32, u32),
    },
    #[error("{}: {problem}", .path.display())]
    Library { path: PathBuf, problem: String },
    #[error("{}: {}\n  help: mend the tool and build again", .path.display(), .problems.join("; "))]
    Declaration {
        path: PathBuf,
        problems: Vec<String>,
    },
    #[error("{} is a folder\n  help: name a file in it by --out", .0.display())]
    OutIsFolder(PathBuf),
    /// A child process has said why, with the code of what it found.
    #[error("{message}")]
    Described { code: String, message: String },
    #[error("{0}\n  help: build fewer plugins by -p, or rename a tool by #[tool(name = \"...\")]")]
    Unservable(host::StartError),
    #[error("the host's source is not at {}\n  help: run `cargo layer host` in a clone of the project this program was built from", .0.display())]
    NoHostSource(PathBuf),
    #[error("{0}")]
    Serve(host::front::serve::ServeError),
}

impl Failure {
    /// The code, for scripts.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Metadata(_) => "CARGO_METADATA",
            Self::NoPlugin(_) => "NO_PLUGIN",
            Self::UnknownPackage { .. } => "UNKNOWN_PACKAGE",
            Self::NoVersion(_) => "NO_VERSION",
            Self::LayerName(_) => "LAYER_NAME",
            Self::Compile { .. } => "COMPILE_FAILED",
            Self::NoArtifact { .. } => "NO_ARTIFACT",
            Self::Glibc { .. } => "GLIBC_TOO_NEW",
            Self::Library { .. } => "LIBRARY_UNREADABLE",
            Self::Declaration { .. } => "PLUGIN_DECLARATION_INVALID",
            Self::OutIsFolder(_) => "OUT_IS_FOLDER",
            Self::Described { code, .. } => code,
            Self::Unservable(error) => error.code().as_str(),
            Self::NoHostSource(_) => "NO_HOST_SOURCE",
            Self::Serve(error) => error.code().as_str(),
        }
    }
}
