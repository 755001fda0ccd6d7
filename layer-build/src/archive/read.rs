//! Reads archives completely into memory, or unpacks them into a folder.

use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use zip::{ZipArchive, result::ZipError};

use crate::error::CliError;

/// The maximum unpacked size of an archive that is read. Unit: bytes. Source: ours; four times as much as Lambda allows
/// for a function and its layers.
const MAX_UNPACKED_SIZE: u128 = 1_000 << 20;

/// An archive in memory.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) path: PathBuf,
    /// The size of the archive itself. Unit: bytes.
    pub(crate) size: u64,
    pub(crate) files: Vec<ArchiveEntry>,
}

/// A file or folder in an archive.
#[derive(Debug)]
pub(crate) struct ArchiveEntry {
    /// The path in the archive.
    pub(crate) path: String,
    /// The permissions, if the archive has any.
    pub(crate) mode: Option<u32>,
    pub(crate) kind: EntryKind,
    /// The content of the file; for a link, its target.
    pub(crate) content: Vec<u8>,
    /// For a link, the path of the file in the archive that it points to. This entry then has the content of that file.
    pub(crate) link_target: Option<String>,
    /// Whether the path or the link points outside of the folder that the archive is unpacked into.
    pub(crate) escapes_root: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Folder,
    Link,
}

impl Archive {
    /// Reads an archive. An outer error means that the file cannot be read, an inner one that it is not a valid
    /// archive.
    pub(crate) fn try_read(path: &Path) -> Result<Result<Self, ZipError>, CliError> {
        let bytes = std::fs::read(path).map_err(|error| CliError::unreadable(path, error))?;
        let size = bytes.len() as u64;
        Ok(read_files(bytes).map(|mut files| {
            follow_links(&mut files);
            Self {
                path: path.to_owned(),
                size,
                files,
            }
        }))
    }

    /// Reads an archive.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        Self::try_read(path)?.map_err(|error| CliError::Archive {
            path: path.to_owned(),
            error,
        })
    }

    /// Returns the unpacked size. Unit: bytes.
    pub(crate) fn unpacked_size(&self) -> u64 {
        let files = self.files.iter().filter(|file| file.link_target.is_none());
        files.map(|file| file.content.len() as u64).sum()
    }

    /// Returns the files directly in the archive's folder `lib`, with their names.
    pub(crate) fn lib_files(&self) -> impl Iterator<Item = (&str, &ArchiveEntry)> {
        self.files.iter().filter_map(|file| {
            let name = file.path.strip_prefix("lib/")?;
            (file.kind != EntryKind::Folder && !name.contains('/')).then_some((name, file))
        })
    }
}

/// Unpacks an archive into a folder, and overwrites existing files.
pub(crate) fn unpack(zip: &Path, folder: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::open(zip).map_err(|error| CliError::unreadable(zip, error))?;
    let unpacked = ZipArchive::new(file).and_then(|mut archive| archive.extract(folder));
    unpacked.map_err(|error| {
        let path = zip.to_owned();
        CliError::Archive { path, error }.into()
    })
}

/// Returns a message in which paths of unpacked files are replaced by the archive and the path in it. If several
/// archives have the same file, the last one is named.
pub(crate) fn with_archive_paths<'a>(
    message: &str,
    archives: impl DoubleEndedIterator<Item = &'a Archive>,
    folder: &Path,
) -> String {
    let folder = format!("{}/", folder.display());
    let mut message = message.to_owned();
    for archive in archives.rev() {
        let mut paths: Vec<_> = archive.files.iter().map(|file| &file.path).collect();
        // Replace longer paths first: one path may be the prefix of another.
        paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
        for path in paths {
            if !message.contains(&folder) {
                return message;
            }
            let here = format!("{}: {path}", archive.path.display());
            message = message.replace(&format!("{folder}{path}"), &here);
        }
    }
    message.replace(&folder, "")
}

/// Gives each link the content of the file that it points to.
fn follow_links(files: &mut [ArchiveEntry]) {
    for index in 0..files.len() {
        let link = &files[index];
        if link.kind != EntryKind::Link {
            continue;
        }
        let (mut path, mut content) = (link.path.clone(), link.content.clone());
        // Linux follows at most 40 links. Source: path_resolution(7).
        for _ in 0..40 {
            let target = String::from_utf8_lossy(&content);
            let Some(next) = resolve_link(&path, &target) else {
                files[index].escapes_root = true;
                break;
            };
            let Some(file) = files.iter().find(|file| file.path == next) else {
                break;
            };
            if file.kind == EntryKind::Folder {
                break;
            }
            if file.kind == EntryKind::File {
                let (kind, content) = (file.kind, file.content.clone());
                // Another link may point to this one and be resolved later. This entry then already has the content of
                // the file.
                let link_target = file.link_target.clone().unwrap_or(next);
                let link = &mut files[index];
                (link.kind, link.content) = (kind, content);
                link.link_target = Some(link_target);
                break;
            }
            (path, content) = (next, file.content.clone());
        }
    }
}

/// Returns the path in the archive that a link points to; `None` if it points outside.
fn resolve_link(link: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<_> = link.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn read_files(bytes: Vec<u8>) -> Result<Vec<ArchiveEntry>, ZipError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    if archive
        .decompressed_size()
        .is_none_or(|size| size > MAX_UNPACKED_SIZE)
    {
        return Err(ZipError::InvalidArchive(
            "it is larger than any archive that Lambda accepts".into(),
        ));
    }
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index)?;
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            Ok(ArchiveEntry {
                path: printable(&file.name()?),
                mode: file.unix_mode(),
                kind: if file.is_dir() {
                    EntryKind::Folder
                } else if file.is_symlink() {
                    EntryKind::Link
                } else {
                    EntryKind::File
                },
                content,
                link_target: None,
                escapes_root: file.enclosed_name().is_none(),
            })
        })
        .collect()
}

/// Returns a name that is safe to print on a terminal.
fn printable(name: &str) -> String {
    let shown = name.chars().map(|c| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_within_the_archive_are_followed() {
        let entry = |path: &str, kind, content: &str| ArchiveEntry {
            path: path.to_owned(),
            mode: None,
            kind,
            content: content.into(),
            link_target: None,
            escapes_root: false,
        };
        let mut files = [
            entry("lib/a.so", EntryKind::Link, "./b.so"),
            entry("lib/b.so", EntryKind::Link, "../real//a.so"),
            entry("lib/c.so", EntryKind::Link, "a.so"),
            entry("real/a.so", EntryKind::File, "library"),
            entry("lib/none.so", EntryKind::Link, "nowhere.so"),
            entry("lib/out.so", EntryKind::Link, "../../a.so"),
            entry("lib/far.so", EntryKind::Link, "out.so"),
            entry("lib/root.so", EntryKind::Link, "/real/a.so"),
            entry("lib/self.so", EntryKind::Link, "self.so"),
        ];
        follow_links(&mut files);
        let found = files.iter().map(|file| {
            let path = file.path.as_str();
            (
                path,
                file.kind,
                file.link_target.as_deref(),
                file.escapes_root,
            )
        });
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                ("lib/a.so", EntryKind::File, Some("real/a.so"), false),
                ("lib/b.so", EntryKind::File, Some("real/a.so"), false),
                ("lib/c.so", EntryKind::File, Some("real/a.so"), false),
                ("real/a.so", EntryKind::File, None, false),
                ("lib/none.so", EntryKind::Link, None, false),
                ("lib/out.so", EntryKind::Link, None, true),
                ("lib/far.so", EntryKind::Link, None, true),
                ("lib/root.so", EntryKind::Link, None, true),
                ("lib/self.so", EntryKind::Link, None, false),
            ]
        );
        assert!(files[..4].iter().all(|file| file.content == b"library"));
    }

    #[test]
    fn messages_name_files_of_archives() {
        let archive = |name: &str, files: &[&str]| Archive {
            path: name.into(),
            size: 0,
            files: files
                .iter()
                .map(|path| ArchiveEntry {
                    path: printable(path),
                    mode: None,
                    kind: EntryKind::File,
                    content: Vec::new(),
                    link_target: None,
                    escapes_root: false,
                })
                .collect(),
        };
        let archives = [
            archive("a.zip", &["lib/a.so", "lib/b.so"]),
            archive("b.zip", &["lib/a.so", "lib/a.so.1", "lib/\u{1b}[1m"]),
        ];
        for (message, expected) in [
            ("/t/lib/a.so: bad", "b.zip: lib/a.so: bad"),
            (
                "in /t/lib/b.so and /t/lib/a.so.1",
                "in a.zip: lib/b.so and b.zip: lib/a.so.1",
            ),
            ("/t/lib has no plugin", "lib has no plugin"),
            ("/u/lib/a.so", "/u/lib/a.so"),
        ] {
            assert_eq!(
                with_archive_paths(message, archives.iter(), Path::new("/t")),
                expected
            );
        }
        assert_eq!(archives[1].files[2].path, "lib/\\u{1b}[1m");
    }
}
