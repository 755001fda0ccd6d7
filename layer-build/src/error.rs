//! The errors of building and inspecting layers. Each message says what the problem is, where it is, and what to do.

use std::path::{Path, PathBuf};

use layer_format::HasErrorCode;

use crate::{
    aws::error::DeployError,
    library::glibc::{AMAZON_LINUX_2023, Glibc},
};

/// An error. Each has a stable code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error("cargo metadata failed: {}{}", .0, manifest_help(.0))]
    Metadata(#[from] cargo_metadata::Error),
    #[error(
        "{0}\n  help: a plugin is a package that depends on plugin-sdk and has crate-type = [\"cdylib\"] under [lib]"
    )]
    NoPlugin(String),
    #[error("there is no package {name} here\n  help: the packages are {}", .known.join(", "))]
    UnknownPackage { name: String, known: Vec<String> },
    #[error("the plugins have different versions: {}\n  help: set the layer's version with --version", .0.join(", "))]
    NoVersion(Vec<String>),
    #[error("{0:?} cannot be a layer's name\n  help: use letters, digits, `-` and `_`")]
    LayerName(String),
    #[error("cargo could not build {package}; cargo's messages are above")]
    Compile { package: String },
    #[error("cargo built {package}, but reported no {artifact}\n  help: {help}")]
    NoArtifact {
        package: String,
        artifact: &'static str,
        help: &'static str,
    },
    #[error("{} needs {found}, but the function's system has {newest}\n  help: run `pip install cargo-zigbuild ziglang` to link against an older one, or build on a system that has no newer one{}", .path.display(), build_system_hint(*.newest))]
    Glibc {
        path: PathBuf,
        found: Glibc,
        newest: Glibc,
    },
    #[error("{}: {problem}", .path.display())]
    Library { path: PathBuf, problem: String },
    #[error("{}: {}\n  help: fix the tool and build again", .path.display(), .problems.join("; "))]
    Declaration {
        path: PathBuf,
        problems: Vec<String>,
    },
    #[error("{} is a folder\n  help: name a file in it with --out", .0.display())]
    OutIsFolder(PathBuf),
    #[error("{} exists and is not an archive; it was not overwritten\n  help: name another file with --out", .0.display())]
    OutNotArchive(PathBuf),
    /// An error with its code that a child process has reported.
    #[error("{message}")]
    Reported { code: String, message: String },
    #[error("{} has no manifest, and a dry run does not run foreign code to read its declaration\n  help: build the layer with `cargo layer build`", .0.display())]
    Undeclared(PathBuf),
    #[error("{} cannot be read: {error}\n  help: {}", .path.display(), if .path.is_dir() { "it is a folder; name a file in it" } else { "check the path, which is relative to the current folder" })]
    Unreadable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{} cannot be written: {error}\n  help: name a file in a writable folder with --out", .path.display())]
    OutUnwritable {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("the host's source is not at {}\n  help: run `cargo layer host` in a clone of the project this program was built from", .0.display())]
    NoHostSource(PathBuf),
    #[error(
        "the arguments are not a JSON object: {0}\n  help: write them like '{{\"text\": \"two words\"}}', in single quotes for the shell"
    )]
    Arguments(serde_json::Error),
    #[error("there is no tool {name}{}", tool_suggestion(.name, .known))]
    UnknownTool { name: String, known: Vec<String> },
    #[error("{}: not an archive that can be unpacked: {error}\n  help: build it again, or copy it again", .path.display())]
    Archive {
        path: PathBuf,
        error: zip::result::ZipError,
    },
    #[error(
        "{url} redirects to {location}, which is not followed: the request's headers are for {url} alone\n  help: pass the new URL if you trust it"
    )]
    Redirected { url: String, location: String },
    #[error("{}: not a baseline: {error}\n  help: make one with `cargo layer bench LAYER --json`", .path.display())]
    Baseline {
        path: PathBuf,
        error: serde_json::Error,
    },
    #[error("{0}")]
    Manifest(layer_format::manifest::ManifestError),
    #[error("{} declares no tools: its folder `lib` has neither a manifest nor a plugin\n  help: name a layer made by `cargo layer build`, or a plugin's library", .0.display())]
    NothingDeclared(PathBuf),
    #[error("cargo could not create {}; cargo's message is above", .0.display())]
    New(PathBuf),
    #[error(
        "a plugin cannot be named plugin-sdk: the crate that it depends on has this name\n  help: give it another name"
    )]
    NewIsSdk,
    #[error("a workflow cannot get plugin-sdk from the local folder {}\n  help: name a repository with --sdk URL#REVISION", .0.display())]
    CiNeedsSdk(PathBuf),
    #[error("there are no symbols in {}\n  help: `cargo layer build` keeps them beside the layer that it writes; name their folder with --symbols", .0.display())]
    NoSymbols(PathBuf),
    #[error(
        "building for {0} requires cargo-zigbuild\n  help: run `pip install cargo-zigbuild ziglang`, or `cargo install cargo-zigbuild` and install zig from your system"
    )]
    NoZig(String),
    #[error(
        "Rust's standard library for {0} is not installed\n  help: run `rustup target add {0}`"
    )]
    NoTarget(String),
    #[error("{0}")]
    Tool(String),
    #[error(
        "the host ended with {how} {doing}; its output is above\n  help: read its last lines; `cargo layer symbolize` turns addresses into functions and lines"
    )]
    HostEndedDuringCall { how: String, doing: String },
    #[error(
        "the call has {size} bytes, but the host accepts at most {}, as Lambda does\n  help: let the tool fetch larger data from another place",
        host::server::request::MAX_BODY
    )]
    CallTooLarge { size: usize },
    #[error("the host {0}")]
    HostEnded(String),
    #[error(
        "{url} cannot be reached: {error}\n  help: check that the server is running, and that its URL is complete, with /mcp at the end"
    )]
    Unreachable { url: String, error: ureq::Error },
    #[error("the server answers with {}", response_text(*.status, *.code, .message))]
    Answered {
        status: u16,
        code: Option<i64>,
        message: String,
    },
    #[error("{0}")]
    Serve(host::transport::serve::ServeError),
    #[error("{} cannot be used: {problem}", .path.display())]
    EnvFile { path: PathBuf, problem: String },
    #[error("a command cannot contain a NUL")]
    NulInCommand,
    #[error(
        "the variable {0} has no token\n  help: set it to the first line that `cargo layer token` printed"
    )]
    NoToken(String),
}

impl CliError {
    /// Returns the code, for scripts.
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
            Self::OutNotArchive(_) => "OUT_NOT_ARCHIVE",
            Self::Reported { code, .. } => code,
            Self::Unreadable { .. } => "FILE_UNREADABLE",
            Self::OutUnwritable { .. } => "OUT_UNWRITABLE",
            Self::NoHostSource(_) => "NO_HOST_SOURCE",
            Self::Arguments(_) => "ARGUMENTS",
            Self::UnknownTool { .. } => "UNKNOWN_TOOL",
            Self::Archive { .. } => "ARCHIVE_INVALID",
            Self::Redirected { .. } => "REDIRECTED",
            Self::Baseline { .. } => "BASELINE_INVALID",
            Self::Manifest(error) => error.code().as_str(),
            Self::Undeclared(_) => "PLUGIN_UNDECLARED",
            Self::NothingDeclared(_) => "NOTHING_DECLARED",
            Self::New(_) => "NEW_FAILED",
            Self::NewIsSdk => "NEW_IS_SDK",
            Self::CiNeedsSdk(_) => "CI_NEEDS_SDK",
            Self::NoSymbols(_) => "NO_SYMBOLS",
            Self::NoZig(_) => "NO_ZIG",
            Self::NoTarget(_) => "NO_TARGET",
            Self::Tool(_) => "TOOL_FAILED",
            Self::HostEndedDuringCall { .. } | Self::HostEnded(_) => "HOST_ENDED",
            Self::CallTooLarge { .. } => "CALL_TOO_LARGE",
            Self::Unreachable { .. } => "UNREACHABLE",
            Self::Answered { .. } => "REFUSED",
            Self::Serve(error) => error.code().as_str(),
            Self::EnvFile { .. } => "ENV_FILE",
            Self::NulInCommand => "NUL_IN_COMMAND",
            Self::NoToken(_) => "NO_TOKEN",
        }
    }
}

impl CliError {
    pub(crate) fn unreadable(path: &Path, error: std::io::Error) -> Self {
        let path = path.to_owned();
        Self::Unreadable { path, error }
    }

    /// Returns the same error with another message.
    pub(crate) fn map_message(&self, map: impl FnOnce(String) -> String) -> Self {
        Self::Reported {
            code: self.code().to_owned(),
            message: map(self.to_string()),
        }
    }
}

/// Returns the help for a missing manifest.
fn manifest_help(error: &cargo_metadata::Error) -> &'static str {
    let error = error.to_string();
    let is_missing = ["could not find `Cargo.toml`", "manifest path `"];
    if is_missing.iter().any(|text| error.contains(text)) {
        "\n  help: name a crate or workspace of plugins with --manifest-path; `tools` and `call` also take a layer with --layer"
    } else {
        ""
    }
}

/// Returns the names of common systems whose glibc is not newer than this version.
fn build_system_hint(glibc: Glibc) -> &'static str {
    if glibc >= AMAZON_LINUX_2023 {
        ", such as Amazon Linux 2023"
    } else {
        ""
    }
}

/// Prints an error on stderr.
pub(crate) fn print(error: &anyhow::Error) {
    match error.downcast_ref::<CliError>() {
        Some(failure) => message!("error[{}]: {failure}", failure.code()),
        None => match error.downcast_ref::<DeployError>() {
            Some(failure) => message!("error[{}]: {failure}", failure.code()),
            None => message!("error: {error:#}"),
        },
    }
}

fn response_text(status: u16, code: Option<i64>, message: &str) -> String {
    match code {
        Some(code) => format!("error {code}: {message}"),
        None => format!("HTTP status {status}: {message}"),
    }
}

/// Returns a suggestion: the most similar name; if none is similar, all names.
fn tool_suggestion(name: &str, known: &[String]) -> String {
    let similarity = |known: &&String| tool_schema::similarity(name, known);
    let near = known.iter().filter(|known| similarity(known).is_some());
    let nearest = near.max_by(|a, b| {
        let (a, b) = (similarity(a), similarity(b));
        a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
    });
    match nearest {
        Some(nearest) => format!("\n  help: did you mean {nearest}?"),
        None => format!("\n  help: the tools are {}", known.join(", ")),
    }
}
