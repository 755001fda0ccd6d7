//! Stores the symbols of packed libraries, by their build ids, next to the archive:
//! `layer.symbols/.build-id/5f/3c...debug`.
//!
//! The layout is that of GDB, which finds them too after `set debug-file-directory layer.symbols`.

use std::path::{Path, PathBuf};

use crate::library::debug_info::SplitLibrary;

/// Returns the folder of the symbols of an archive.
pub(crate) fn folder(archive: &Path) -> PathBuf {
    archive.with_extension("symbols")
}

/// Stores the symbols of a library.
pub(crate) fn store(folder: &Path, split: &SplitLibrary) -> anyhow::Result<()> {
    let path = path(folder, &split.build_id);
    if let Some(parent) = path.parent() {
        fs_err::create_dir_all(parent)?;
    }
    fs_err::write(path, &split.symbols)?;
    Ok(())
}

/// Returns the path of the symbols of a build.
pub(crate) fn path(folder: &Path, build_id: &str) -> PathBuf {
    let (first, rest) = build_id.split_at_checked(2).unwrap_or((build_id, ""));
    folder
        .join(".build-id")
        .join(first)
        .join(format!("{rest}.debug"))
}
