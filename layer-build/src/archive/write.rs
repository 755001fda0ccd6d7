//! Writes archives (zip) reproducibly: the same files always give the same bytes.

use std::{
    io::{Cursor, Read as _, Write as _},
    path::Path,
};

use crate::{error::CliError, terminal::progress::spinner};
use anyhow::Context;
use layer_format::sha256;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

/// A file in the archive.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its path in the archive, with `/`.
    pub(crate) path: String,
    pub(crate) content: Vec<u8>,
    pub(crate) executable: bool,
}

/// The size and the hash of an archive that was written.
#[derive(Debug)]
pub(crate) struct WrittenArchive {
    /// Unit: bytes.
    pub(crate) size: u64,
    /// The SHA-256, in hex.
    pub(crate) sha256: String,
}

/// Writes an archive.
pub(crate) fn write(entries: Vec<Entry>, out: &Path) -> anyhow::Result<WrittenArchive> {
    write_atomically(&pack(entries)?, out)
}

/// Returns the bytes of an archive. Entries are sorted by path, and have a fixed time and fixed permissions.
pub(crate) fn pack(mut entries: Vec<Entry>) -> anyhow::Result<Vec<u8>> {
    let _spinner = spinner("packing");
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for entry in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(9))
            .last_modified_time(DateTime::default())
            .unix_permissions(if entry.executable { 0o755 } else { 0o644 });
        zip.start_file(&entry.path, options)
            .with_context(|| format!("{} cannot be packed", entry.path))?;
        zip.write_all(&entry.content)?;
    }
    let zip = zip.finish().context("the archive cannot be completed")?;
    Ok(zip.into_inner())
}

/// Writes the bytes of an archive. The file gets its final name only when it is complete.
pub(crate) fn write_atomically(bytes: &[u8], out: &Path) -> anyhow::Result<WrittenArchive> {
    let folder = out
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    fs_err::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new()
        .permissions(permissions())
        .tempfile_in(folder)
        .with_context(|| format!("the folder {} is not writable", folder.display()))?;
    file.write_all(bytes)?;
    file.persist(out)
        .with_context(|| format!("{} cannot be written", out.display()))?;
    Ok(WrittenArchive {
        size: bytes.len() as u64,
        sha256: sha256(bytes),
    })
}

/// Checks, before a build, that a file can be written to this path.
pub(crate) fn check_writable(out: &Path) -> Result<(), CliError> {
    if out.is_dir() || out.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(CliError::OutIsFolder(out.to_owned()));
    }
    if is_other_file(out) {
        return Err(CliError::OutNotArchive(out.to_owned()));
    }
    let unwritable = |error| {
        let path = out.to_owned();
        CliError::OutUnwritable { path, error }
    };
    let out = std::path::absolute(out).map_err(unwritable)?;
    let existing = out.ancestors().skip(1).find(|folder| folder.exists());
    match existing {
        Some(folder) => tempfile::tempfile_in(folder).map(drop).map_err(unwritable),
        None => Ok(()),
    }
}

/// Reports whether there is a file that is not a zip archive, such as a manifest that the user named by mistake.
fn is_other_file(path: &Path) -> bool {
    let mut begin = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(2).read_to_end(&mut begin));
    // An empty file has nothing to lose.
    read.is_ok() && !begin.is_empty() && begin != *b"PK"
}

/// Returns the permissions of ordinary files. (Those of temporary files allow access to their owner only.)
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_an_archive_is_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out");
        assert!(check_writable(&path).is_ok());
        for (content, is_refused) in [
            ("", false),
            ("PK\u{3}\u{4}", false),
            ("[package]", true),
            ("P", true),
        ] {
            fs_err::write(&path, content).expect("a file");
            let refused = matches!(check_writable(&path), Err(CliError::OutNotArchive(_)));
            assert_eq!(refused, is_refused, "{content:?}");
        }
    }
    use crate::archive::read::unpack;

    #[test]
    fn same_inputs_give_the_same_bytes_in_any_order_anywhere() {
        let entry = |path: &str, executable| Entry {
            path: path.to_owned(),
            content: path.repeat(100).into_bytes(),
            executable,
        };
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = write(
            vec![entry("lib/a.so", false), entry("bootstrap", true)],
            &one.path().join("a.zip"),
        )
        .unwrap();
        let second = write(
            vec![entry("bootstrap", true), entry("lib/a.so", false)],
            &two.path().join("deep/b.zip"),
        )
        .unwrap();
        assert_eq!(first.sha256, second.sha256);
        // The bytes are the same on every machine at any time; another release of the packer may give others.
        assert_eq!(
            first.sha256,
            "c13e00c5220d83e507375e15735cae581e992552cd73e610dc57090e06a4efc8"
        );
        let unpacked = one.path().join("unpacked");
        unpack(&one.path().join("a.zip"), &unpacked).unwrap();
        assert_eq!(
            fs_err::read_to_string(unpacked.join("lib/a.so")).unwrap(),
            "lib/a.so".repeat(100)
        );
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs_err::metadata(unpacked.join("bootstrap"))
                .unwrap()
                .permissions(),
        );
        assert_eq!(mode & 0o777, 0o755);
    }
}
