//! What is in an archive: read whole, unpacked nowhere.

use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use zip::{ZipArchive, result::ZipError};

/// The most that is read of an archive. Unit: bytes.
/// Source: ours; four times what a function and its layers may have on Lambda.
const MAX_SIZE: u128 = 1_000 << 20;

/// An archive.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) path: PathBuf,
    /// The size of the archive itself. Unit: bytes.
    pub(crate) size: u64,
    pub(crate) files: Vec<Packed>,
}

/// A file or folder in an archive.
#[derive(Debug)]
pub(crate) struct Packed {
    /// As the archive has it.
    pub(crate) path: String,
    /// The permissions, if the archive has any.
    pub(crate) mode: Option<u32>,
    pub(crate) kind: Kind,
    /// Of a link: where it leads.
    pub(crate) content: Vec<u8>,
    /// Does the path lead out of the folder that it is unpacked into?
    pub(crate) leads_out: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
}

impl Contents {
    /// Read an archive.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Result<Self, ZipError>> {
        let bytes = fs_err::read(path)?;
        let size = bytes.len() as u64;
        Ok(read_files(bytes).map(|files| Self {
            path: path.to_owned(),
            size,
            files,
        }))
    }

    /// What it takes unpacked. Unit: bytes.
    pub(crate) fn unpacked_size(&self) -> u64 {
        self.files
            .iter()
            .map(|file| file.content.len() as u64)
            .sum()
    }

    /// The files right in its folder `lib`, by their names.
    pub(crate) fn lib(&self) -> impl Iterator<Item = (&str, &Packed)> {
        self.files.iter().filter_map(|file| {
            let name = file.path.strip_prefix("lib/")?;
            (file.kind != Kind::Folder && !name.contains('/')).then_some((name, file))
        })
    }
}

fn read_files(bytes: Vec<u8>) -> Result<Vec<Packed>, ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    if archive
        .decompressed_size()
        .is_none_or(|size| size > MAX_SIZE)
    {
        return Err(ZipError::InvalidArchive(
            "it is larger than anything Lambda takes".into(),
        ));
    }
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index)?;
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            Ok(Packed {
                path: file.name()?.into_owned(),
                mode: file.unix_mode(),
                kind: if file.is_dir() {
                    Kind::Folder
                } else if file.is_symlink() {
                    Kind::Link
                } else {
                    Kind::File
                },
                content,
                leads_out: file.enclosed_name().is_none(),
            })
        })
        .collect()
}
