//! Archives and digests.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::folders::target;

/// Unpacks a zip over the content of a folder.
///
/// # Panics
/// When it is no archive, or cannot be written.
pub fn unzip(zip: &Path, folder: &Path) {
    let file = fs_err::File::open(zip).expect("the archive was built");
    let mut archive = zip::ZipArchive::new(file).expect("an archive");
    archive
        .extract(folder)
        .expect("the archive can be unpacked");
}

/// Packs files, given by their paths and contents, into an archive of this name, and returns its path.
///
/// # Panics
/// When it cannot be written.
pub fn packed(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let path = target().join(name);
    let mut zip = zip::ZipWriter::new(fs_err::File::create(&path).expect("a file"));
    for (file, content) in files {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(*file, options).expect("a file to pack");
        zip.write_all(content).expect("a file to pack");
    }
    zip.finish().expect("an archive");
    path
}

/// Returns the SHA-256 of a file, in hex.
///
/// # Panics
/// When it cannot be read.
pub fn sha256(path: &Path) -> String {
    sha256_of(&fs_err::read(path).expect("the file can be read"))
}

/// Returns the SHA-256 in hex.
pub fn sha256_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
