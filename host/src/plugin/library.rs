//! A plugin's library. It is opened once, when it is first needed, and never closed.

#![expect(unsafe_code, reason = "opening a library and reading a symbol of it")]

use std::{
    error::Error,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use layer_format::{Declaration, ErrorCode, HasErrorCode};
use libloading::os::unix::{Library as OsLibrary, RTLD_LOCAL, RTLD_NOW};
use plugin_abi::{
    Host, PAYLOAD_VERSION, PluginRef, ROOT_SYMBOL,
    abi_stable::{
        library::{AbiHeaderRef, LibraryError, RootModuleError},
        std_types::{RResult, RSlice, RStr},
    },
    op,
};

use crate::{
    plugin::{
        folder::{
            file_check::{self, FileProblem, LibraryKind},
            integrity::ExpectedLibrary,
        },
        invocation::{
            host_api,
            quarantine::{Quarantine, QuarantineGuard},
        },
        requirements::{ABI_VERSION, PANIC_STRATEGY, check_release},
        wire::{self, InitRequest, PluginFailure},
    },
    process::{
        crash_handler::{self, LibraryImage},
        log,
    },
};

/// A plugin. Its library is opened when it is first needed.
#[derive(Debug)]
pub struct Plugin {
    path: PathBuf,
    /// The facts from the plugin's manifest that must match when the library is opened.
    expected: Option<ExpectedLibrary>,
    library: OnceLock<Result<OpenLibrary, Arc<OpenError>>>,
    quarantine: Quarantine,
}

/// An open library whose `init` has succeeded.
pub(crate) struct OpenLibrary {
    module: PluginRef,
}

impl std::fmt::Debug for OpenLibrary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenLibrary").finish_non_exhaustive()
    }
}

/// The declaration that an opened library returned.
#[derive(Clone, Debug)]
pub struct OpenedDeclaration {
    /// The parsed declaration.
    pub declaration: Declaration,
    /// The declaration's bytes, as `init` returned them.
    pub bytes: Vec<u8>,
}

/// The reason why a library cannot be used as a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file itself is unusable.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// The loader rejected the library.
    #[error("{}: cannot be opened: {reason}; {}", .path.display(), loader_remedy(.reason))]
    Loader {
        /// The library.
        path: PathBuf,
        /// The loader's message.
        reason: String,
    },
    /// The file is a library, but not a plugin.
    #[error("{}: exports no plugin root module; export at least one #[tool] with export_tools!, and set crate-type = [\"cdylib\"]", .path.display())]
    NotAPlugin {
        /// The library.
        path: PathBuf,
    },
    /// The library was built for another version of the ABI.
    #[error("{}: built for plugin ABI {found}, this host speaks {ABI_VERSION}; rebuild it with the plugin-sdk of this host's release", .path.display())]
    AbiVersion {
        /// The library.
        path: PathBuf,
        /// The ABI version for which it was built.
        found: String,
    },
    /// The library was built for the same version of the ABI, but its types have another layout.
    #[error("{}: its layout does not agree with plugin ABI {ABI_VERSION}; rebuild it with the plugin-sdk of this host's release", .path.display())]
    AbiLayout {
        /// The library.
        path: PathBuf,
    },
    /// The library uses another version of the payload format.
    #[error("{}: speaks payload version {found}, this host {PAYLOAD_VERSION}; rebuild it with the plugin-sdk of this host's release", .path.display())]
    PayloadVersion {
        /// The library.
        path: PathBuf,
        /// The version that it uses.
        found: u32,
    },
    /// `init` failed.
    #[error("{}: initialization failed: {reason}", .path.display())]
    Init {
        /// The library.
        path: PathBuf,
        /// The plugin's error message.
        reason: String,
    },
    /// The library needs a newer host.
    #[error("{}: {problem}", .path.display())]
    NeedsNewerHost {
        /// The library.
        path: PathBuf,
        /// The release that it needs, and the remedy.
        problem: String,
    },
    /// The library was built with a panic strategy that makes it impossible to catch panics.
    #[error("{}: built with panic = \"{found}\", so that one panic would end the host; remove `panic` from its profile and rebuild it", .path.display())]
    PanicStrategy {
        /// The library.
        path: PathBuf,
        /// The library's panic strategy.
        found: String,
    },
    /// The file is not the one that the manifest describes.
    #[error("{}: its content differs from its manifest, so it was damaged or replaced; copy it again, or rebuild the layer with `cargo layer build`", .path.display())]
    Content {
        /// The library.
        path: PathBuf,
    },
    /// The library declares tools other than those in the manifest.
    #[error("{}: declares other tools than its manifest says; rebuild the layer with `cargo layer build`", .path.display())]
    Drift {
        /// The library.
        path: PathBuf,
    },
}

/// Returns the remedy for an error of the system's loader.
/// Source: the messages of glibc's `elf/dl-*.c`.
fn loader_remedy(reason: &str) -> &'static str {
    if reason.contains("static TLS") {
        "a library that is linked into the plugin uses the static TLS model, usually a memory allocator; build that library without static TLS (for tikv-jemallocator: the feature `disable_initial_exec_tls`), or remove it"
    } else if reason.contains("GLIBC_") {
        "build it for an older glibc: `cargo layer build --glibc 2.34`"
    } else if reason.contains("executable stack") {
        "link it with `-z noexecstack`"
    } else if reason.contains("failed to map segment") {
        "give the function more memory, or mount the folder without `noexec`"
    } else {
        "link what is missing, or put it into the layer"
    }
}

impl HasErrorCode for OpenError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::File(problem) => problem.code(),
            Self::Loader { .. } => ErrorCode::PluginLoadFailed,
            Self::NotAPlugin { .. } => ErrorCode::PluginNoRootModule,
            Self::AbiVersion { .. } | Self::AbiLayout { .. } | Self::PayloadVersion { .. } => {
                ErrorCode::PluginAbiMismatch
            }
            Self::Init { .. } => ErrorCode::PluginInitFailed,
            Self::NeedsNewerHost { .. } => ErrorCode::PluginNeedsNewerHost,
            Self::PanicStrategy { .. } => ErrorCode::PluginPanicAbort,
            Self::Content { .. } | Self::Drift { .. } => ErrorCode::ManifestDrift,
        }
    }
}

/// Opens a library without ever closing it, and returns its declaration. The library's code runs in this process.
///
/// # Errors
/// [`OpenError`], whose message names the file.
pub fn describe(path: &Path) -> Result<OpenedDeclaration, OpenError> {
    open(path).map(|(_, declared)| declared)
}

impl Plugin {
    /// Returns a plugin whose library is opened when it is first needed, and must then match `expected`.
    pub(crate) fn new(path: PathBuf, expected: ExpectedLibrary) -> Self {
        Self {
            path,
            expected: Some(expected),
            library: OnceLock::new(),
            quarantine: Quarantine::default(),
        }
    }

    /// Opens a plugin's library. Returns the plugin and its declaration.
    pub(crate) fn open(path: PathBuf) -> Result<(Self, OpenedDeclaration), OpenError> {
        let (opened, declared) = open(&path)?;
        Ok((
            Self {
                path,
                expected: None,
                library: Ok(opened).into(),
                quarantine: Quarantine::default(),
            },
            declared,
        ))
    }

    /// Returns a plugin that is linked into the test binary, and its declaration.
    #[cfg(test)]
    pub(crate) fn linked(module: PluginRef) -> Result<(Self, OpenedDeclaration), OpenError> {
        let path = PathBuf::from("liblinked.so");
        let (opened, declared) = init(&path, module, true)?;
        let library = Ok(opened).into();
        Ok((
            Self {
                path,
                expected: None,
                library,
                quarantine: Quarantine::default(),
            },
            declared,
        ))
    }

    /// Returns the library's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the library's file name.
    #[must_use]
    pub fn file(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Returns the error with which opening the library failed, if it did.
    pub(crate) fn open_error(&self) -> Option<Arc<OpenError>> {
        self.library.get()?.as_ref().err().cloned()
    }

    /// Records that a tool of the plugin is still running after its call timed out. Dropping the returned guard means
    /// that the tool has returned.
    pub(crate) fn quarantine(&self) -> QuarantineGuard {
        self.quarantine.enter()
    }

    /// Reports whether a tool of the plugin is still running after its call timed out.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.quarantine.is_active()
    }

    /// Opens the library now, and lets the plugin build what its first calls would otherwise wait for. A plugin that
    /// fails to do so, or does not support it, builds these things during its first call.
    pub(crate) fn preload(&self) -> Result<(), Arc<OpenError>> {
        let module = self.open_once()?.module;
        let preloaded = invoke(module, op::PREPARE, "", b"{}", host_api::process_host());
        if let Err(failure) = preloaded
            && failure.kind != "unknown_op"
        {
            let library = self.path.display();
            tracing::warn!(%library, detail = failure.detail, "a plugin could not be opened early; its first call tries again");
        }
        Ok(())
    }

    /// Executes an operation of the plugin. The plugin's error payload describes why the operation failed.
    pub(crate) fn invoke(
        &self,
        op: u32,
        target: &str,
        body: &[u8],
        host: Host,
    ) -> Result<Vec<u8>, PluginFailure> {
        invoke(self.ensure_open()?.module, op, target, body, host)
    }

    /// Opens the library if it is not open yet.
    pub(crate) fn ensure_open(&self) -> Result<&OpenLibrary, PluginFailure> {
        self.open_once().map_err(|error| PluginFailure {
            kind: "unavailable".to_owned(),
            detail: Some(format!("[{}] {error}", error.code())),
            ..PluginFailure::default()
        })
    }

    /// Notifies the plugin that a call was cancelled. If the plugin's library is not open, it has no calls. A plugin
    /// that does not support cancellation replies with a failure. Neither is an error here.
    pub(crate) fn cancel(&self, call: u64) {
        let Some(Ok(opened)) = self.library.get() else {
            return;
        };
        let body = format!(r#"{{"call":{call}}}"#);
        let host = host_api::process_host();
        if let Err(failure) = invoke(opened.module, op::CANCEL, "", body.as_bytes(), host) {
            tracing::debug!(library = %self.path.display(), kind = failure.kind, "the plugin cannot cancel calls");
        }
    }

    /// Opens the library once. If several threads call this at the same time, they wait for the first one.
    fn open_once(&self) -> Result<&OpenLibrary, Arc<OpenError>> {
        let opened = self
            .library
            .get_or_init(|| self.open_verified().map_err(Arc::new));
        opened.as_ref().map_err(Arc::clone)
    }

    fn open_verified(&self) -> Result<OpenLibrary, OpenError> {
        let Some(expected) = &self.expected else {
            return open(&self.path).map(|(opened, _)| opened);
        };
        if !expected
            .matches_file(&self.path)
            .map_err(FileProblem::Read)?
        {
            return Err(OpenError::Content {
                path: self.path.clone(),
            });
        }
        let (opened, declared) = if expected.has_trusted_declaration() {
            let image = file_check::read_image(&self.path)?;
            let (opened, declared) = init(&self.path, root_module(&self.path, image)?, false)?;
            // Older SDKs return the tools even if the host does not ask for them.
            if declared.declaration.tools.is_empty() {
                return Ok(opened);
            }
            (opened, declared)
        } else {
            open(&self.path)?
        };
        if expected.matches_declaration(&declared.bytes) {
            Ok(opened)
        } else {
            Err(OpenError::Drift {
                path: self.path.clone(),
            })
        }
    }
}

fn open(path: &Path) -> Result<(OpenLibrary, OpenedDeclaration), OpenError> {
    let LibraryKind::Plugin(image) = file_check::check(path)? else {
        // The library is not opened, because that would already run its constructors.
        return Err(OpenError::NotAPlugin {
            path: path.to_owned(),
        });
    };
    let module = root_module(path, image)?;
    init(path, module, true)
}

/// Executes the handshake: sends facts about the host and receives the plugin's declaration. If `with_tools` is false,
/// the host already knows the tools, and the plugin may leave them out.
fn init(
    path: &Path,
    module: PluginRef,
    with_tools: bool,
) -> Result<(OpenLibrary, OpenedDeclaration), OpenError> {
    let init = InitRequest {
        payloads: [PAYLOAD_VERSION],
        host: wire::HostInfo {
            name: "mcp-layer-host",
            version: env!("CARGO_PKG_VERSION"),
        },
        log: log::least_level(),
        tools: with_tools,
    };
    let failed = |reason: String| OpenError::Init {
        path: path.to_owned(),
        reason,
    };
    let init = serde_json::to_vec(&init).map_err(|error| failed(error.to_string()))?;
    let bytes = invoke(module, op::INIT, "", &init, host_api::process_host())
        .map_err(|failure| {
            let kind = failure.kind;
            failed(failure.detail.unwrap_or_else(|| {
                format!("it answered with an error of kind {kind}; rebuild it with this release's plugin-sdk")
            }))
        })?;
    let declaration: Declaration = serde_json::from_slice(&bytes).map_err(|error| {
        failed(format!(
            "its declaration cannot be read: {error}; rebuild it with this release's plugin-sdk"
        ))
    })?;
    if declaration.payload != PAYLOAD_VERSION {
        return Err(OpenError::PayloadVersion {
            path: path.to_owned(),
            found: declaration.payload,
        });
    }
    if let Some(Err(problem)) = declaration.min_host.as_deref().map(check_release) {
        return Err(OpenError::NeedsNewerHost {
            path: path.to_owned(),
            problem,
        });
    }
    if declaration.panic != PANIC_STRATEGY {
        return Err(OpenError::PanicStrategy {
            path: path.to_owned(),
            found: declaration.panic,
        });
    }
    Ok((
        OpenLibrary { module },
        OpenedDeclaration { declaration, bytes },
    ))
}

fn root_module(path: &Path, image: LibraryImage) -> Result<PluginRef, OpenError> {
    // SAFETY: the file passed the check, or has the checksum of a file that passed it when its layer was built, so
    // mapping it cannot fault. Its constructors are trusted code, like all code of a plugin. The library is never
    // closed, so no symbol outlives its code (ABI rule 1).
    let library = unsafe { OsLibrary::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| OpenError::Loader {
        path: path.to_owned(),
        reason: error_chain(&error),
    })?;
    let library = ManuallyDrop::new(library);
    // SAFETY: the symbol with this name is an `AbiHeader` that abi_stable has put there. `upgrade` checks its first
    // bytes before any other part of it is used.
    let header = unsafe { library.get::<AbiHeaderRef>(ROOT_SYMBOL.as_bytes()) };
    let header = header.map_err(|_| OpenError::NotAPlugin {
        path: path.to_owned(),
    })?;
    crash_handler::register_library(path, header.clone().as_raw_ptr(), image);
    let header: AbiHeaderRef = *header;
    let module = header
        .upgrade()
        .and_then(|header| header.init_root_module::<PluginRef>());
    module.map_err(|error| abi_error(path, &error))
}

fn abi_error(path: &Path, error: &LibraryError) -> OpenError {
    // abi_stable's report about a different layout has hundreds of lines, so it is logged only at the debug level.
    tracing::debug!(library = %path.display(), "abi_stable: {error}");
    match error {
        LibraryError::IncompatibleVersionNumber { actual_version, .. } => OpenError::AbiVersion {
            path: path.to_owned(),
            found: actual_version.to_string(),
        },
        LibraryError::RootModule { err, .. } => OpenError::Init {
            path: path.to_owned(),
            reason: match err {
                RootModuleError::Unwound => {
                    "it panicked before it returned its declaration; the panic's message is in the log"
                        .to_owned()
                }
                RootModuleError::Returned(error) => error.to_string(),
            },
        },
        _ => OpenError::AbiLayout {
            path: path.to_owned(),
        },
    }
}

/// Returns the messages of an error and of all its causes. The message of libloading's own error says only "dlopen
/// failed".
fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn invoke(
    module: PluginRef,
    op: u32,
    target: &str,
    body: &[u8],
    host: Host,
) -> Result<Vec<u8>, PluginFailure> {
    let invoke = module.invoke();
    // The SDK already catches panics inside the plugin. This is for plugins that do not use the SDK (ABI rule 3).
    let answer = catch_unwind(AssertUnwindSafe(|| {
        invoke(op, RStr::from_str(target), RSlice::from_slice(body), host)
    }));
    match answer {
        Ok(RResult::ROk(bytes)) => Ok(bytes.into_vec()),
        Ok(RResult::RErr(bytes)) => {
            Err(
                serde_json::from_slice(&bytes).unwrap_or_else(|error| PluginFailure {
                    kind: "unavailable".to_owned(),
                    detail: Some(format!(
                        "the plugin's error payload cannot be read: {error}"
                    )),
                    ..PluginFailure::default()
                }),
            )
        }
        Err(_) => Err(PluginFailure {
            kind: "panic".to_owned(),
            detail: Some("a panic escaped from the plugin".to_owned()),
            ..PluginFailure::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::loader_remedy;

    #[test]
    fn each_error_of_the_loader_has_its_own_remedy() {
        for (reason, remedy) in [
            (
                "libx.so: cannot allocate memory in static TLS block",
                "disable_initial_exec_tls",
            ),
            (
                "libc.so.6: version `GLIBC_2.38' not found (required by libx.so)",
                "--glibc 2.34",
            ),
            (
                "libx.so: cannot enable executable stack as shared object requires: Permission denied",
                "noexecstack",
            ),
            (
                "libx.so: failed to map segment from shared object: Operation not permitted",
                "noexec",
            ),
            ("libx.so: undefined symbol: nemcpy", "link what is missing"),
            (
                "liby.so.1: cannot open shared object file: No such file or directory",
                "put it into the layer",
            ),
        ] {
            let found = loader_remedy(reason);
            assert!(found.contains(remedy), "{reason}: {found}");
        }
    }
}
