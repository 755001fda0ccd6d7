//! Do a manifest, the files beside it and this host agree? Compared without opening anything.

use std::path::Path;

use plugin_abi::PAYLOAD_VERSION;

use super::{
    ABI_VERSION, CatalogError, PANIC_STRATEGY,
    manifest::{Manifest, PluginEntry},
};

/// Is the layer for this CPU?
pub(super) fn check_cpu(path: &Path, manifest: &Manifest) -> Result<(), CatalogError> {
    let (found, needed) = (&manifest.cpu, std::env::consts::ARCH);
    if found == needed {
        return Ok(());
    }
    let problem = format!(
        "the layer is for {found}, this host for {needed}; attach the layer built for {needed}"
    );
    Err(CatalogError::Mismatch {
        code: "LAYER_FOREIGN",
        path: path.to_owned(),
        problem,
    })
}

/// What can be compared without opening the library.
pub(super) fn check_entry(
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
    let size = match fs_err::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) => {
            let problem = format!(
                "named by {}, but: {error}; rebuild the layer",
                manifest.display()
            );
            return mismatch("PLUGIN_UNREADABLE", problem);
        }
    };
    if size != entry.size {
        let problem = format!(
            "has {size} bytes, but {} says {}: another layer may have a file of the same name, or the file was replaced; rebuild the layer",
            manifest.display(),
            entry.size
        );
        return mismatch("MANIFEST_DRIFT", problem);
    }
    if !same_abi(&entry.abi) {
        let problem = format!(
            "built for plugin ABI {}, this host speaks {ABI_VERSION}; rebuild it with the plugin-sdk of this host's release",
            entry.abi
        );
        return mismatch("PLUGIN_ABI_MISMATCH", problem);
    }
    if entry.panic != PANIC_STRATEGY {
        let problem = format!(
            "built with panic = {:?}, so that one panic would end the host; remove `panic` from its profile and rebuild it",
            entry.panic
        );
        return mismatch("PLUGIN_PANIC_ABORT", problem);
    }
    if entry.payload != PAYLOAD_VERSION {
        let problem = format!(
            "speaks payload version {}, this host {PAYLOAD_VERSION}; rebuild it with the plugin-sdk of this host's release",
            entry.payload
        );
        return mismatch("PLUGIN_ABI_MISMATCH", problem);
    }
    Ok(())
}

/// Two manifests tell of different files under one name.
pub(super) fn overwritten(first: &Path, second: &Path, file: String) -> CatalogError {
    let problem = format!(
        "{} has another file of this name, so that one layer has overwritten the other's; leave out one layer, or rename a plugin's crate",
        first.display()
    );
    CatalogError::Mismatch {
        code: "PLUGIN_OVERWRITTEN",
        path: second.with_file_name(file),
        problem,
    }
}

/// The same major version: what abi_stable demands of versions from 1.0.0 on.
fn same_abi(version: &str) -> bool {
    version.split('.').next() == ABI_VERSION.split('.').next()
}
