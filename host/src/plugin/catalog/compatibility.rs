//! Checks that a manifest agrees with the files in its folder and with this host. No library is opened for that.

use std::path::Path;

use layer_format::{ErrorCode, manifest::PluginEntry};
use plugin_abi::PAYLOAD_VERSION;

use crate::plugin::{
    CatalogError, FileProblem,
    folder::file_check,
    requirements::{ABI_VERSION, PANIC_STRATEGY, check_release},
};

/// Checks that the layer was built for this CPU architecture.
pub(crate) fn check_cpu(path: &Path, found: &str) -> Result<(), CatalogError> {
    let needed = std::env::consts::ARCH;
    if found == needed {
        return Ok(());
    }
    let problem = format!(
        "the layer is for {found}, this host for {needed}; attach the layer built for {needed}"
    );
    Err(CatalogError::Mismatch {
        code: ErrorCode::LayerForeign,
        path: path.to_owned(),
        problem,
    })
}

/// Checks a manifest's entry, as far as that is possible without opening the library.
pub(crate) fn check_entry(
    manifest: &Path,
    folder: &Path,
    entry: &PluginEntry,
) -> Result<(), CatalogError> {
    let path = folder.join(&entry.file);
    let mismatch = |code, problem| {
        Err(CatalogError::Mismatch {
            code,
            path: path.clone(),
            problem,
        })
    };
    let size = match file_check::file_metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(FileProblem::Read(error)) => {
            let problem = format!(
                "named by {}, but cannot be read: {error}; rebuild the layer",
                manifest.display()
            );
            return mismatch(ErrorCode::PluginUnreadable, problem);
        }
        Err(problem) => return Err(problem.into()),
    };
    if size != entry.size {
        let problem = format!(
            "has {size} bytes, but {} says {}: another layer may have a file of the same name, or the file was replaced; rebuild the layer",
            manifest.display(),
            entry.size
        );
        return mismatch(ErrorCode::ManifestDrift, problem);
    }
    if !is_same_abi(&entry.abi) {
        let problem = format!(
            "built for plugin ABI {}, this host speaks {ABI_VERSION}; rebuild it with the plugin-sdk of this host's release",
            entry.abi
        );
        return mismatch(ErrorCode::PluginAbiMismatch, problem);
    }
    if entry.panic != PANIC_STRATEGY {
        let problem = format!(
            "built with panic = {:?}, so that one panic would end the host; remove `panic` from its profile and rebuild it",
            entry.panic
        );
        return mismatch(ErrorCode::PluginPanicAbort, problem);
    }
    if entry.payload != PAYLOAD_VERSION {
        let problem = format!(
            "speaks payload version {}, this host {PAYLOAD_VERSION}; rebuild it with the plugin-sdk of this host's release",
            entry.payload
        );
        return mismatch(ErrorCode::PluginAbiMismatch, problem);
    }
    match entry.min_host.as_deref().map(check_release) {
        Some(Err(problem)) => mismatch(ErrorCode::PluginNeedsNewerHost, problem),
        _ => Ok(()),
    }
}

/// Returns the error for two manifests that list different files under the same name.
pub(crate) fn overwritten_error(first: &Path, second: &Path, file: &str) -> CatalogError {
    let problem = format!(
        "{} has another file of this name, so that one layer has overwritten the other's; leave out one layer, or rename a plugin's crate",
        first.display()
    );
    CatalogError::Mismatch {
        code: ErrorCode::PluginOverwritten,
        path: second.with_file_name(file),
        problem,
    }
}

/// Reports whether a plugin's ABI version is compatible: it must have the same major version. From version 1.0.0 on,
/// that is what abi_stable requires.
fn is_same_abi(version: &str) -> bool {
    version.split('.').next() == ABI_VERSION.split('.').next()
}
