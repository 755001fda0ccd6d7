//! The files of the plugin folder.

use std::path::{Path, PathBuf};

use layer_format::manifest;

/// The files of a plugin folder, sorted by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FolderContents {
    /// `*.layer.json`
    pub(crate) manifests: Vec<PathBuf>,
    /// `*.so`
    pub(crate) libraries: Vec<PathBuf>,
}

/// Lists the files directly in a folder, without those in its subfolders.
///
/// # Errors
/// The folder cannot be read. The message names the folder.
pub(crate) fn discover(folder: &Path) -> std::io::Result<FolderContents> {
    let mut contents = FolderContents::default();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.ends_with(manifest::SUFFIX) {
            contents.manifests.push(path);
        } else if name.ends_with(std::env::consts::DLL_SUFFIX) {
            contents.libraries.push(path);
        }
    }
    // The paths are compared as strings: comparing `Path`s would split each into its components every time.
    for paths in [&mut contents.manifests, &mut contents.libraries] {
        paths.sort_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
    }
    Ok(contents)
}
