//! Symbols of what was packed, by build id, beside the archive: `layer.symbols/.build-id/5f/3c...debug`.
//!
//! The form is GDB's: `set debug-file-directory layer.symbols` lets it find them as well.

use std::path::{Path, PathBuf};

use crate::library::debug_info::SplitLibrary;

/// The folder of the symbols of an archive.
pub(crate) fn folder(archive: &Path) -> PathBuf {
    archive.with_extension("symbols")
}

/// Keep the symbols of a library.
pub(crate) fn store(folder: &Path, split: &SplitLibrary) -> anyhow::Result<()> {
    let path = path(folder, &split.build_id);
    if let Some(parent) = path.parent() {
        fs_err::create_dir_all(parent)?;
    }
    fs_err::write(path, &split.symbols)?;
    Ok(())
}

/// Where the symbols of a build are.
pub(crate) fn path(folder: &Path, build_id: &str) -> PathBuf {
    let (first, rest) = build_id.split_at_checked(2).unwrap_or((build_id, ""));
    folder
        .join(".build-id")
        .join(first)
        .join(format!("{rest}.debug"))
}
