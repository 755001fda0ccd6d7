//! Reads archives completely into memory, or unpacks them into a folder.

use std::{
    collections::HashMap,
    io::{Cursor, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use zip::{ZipArchive, result::ZipError};

use crate::error::CliError;

/// The maximum unpacked size of an archive that is read. Unit: bytes. Source: ours; four times as much as Lambda allows
/// for a function and its layers.
const MAX_UNPACKED_SIZE: u64 = 1_000 << 20;

/// The maximum number of files and folders in an archive. Source: ours; far more than any layer has.
const MAX_ENTRIES: usize = 100_000;

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
    /// The content of the file; for a link, its target. A link that was resolved shares the content of its file.
    pub(crate) content: Arc<[u8]>,
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
    let unpacked = ZipArchive::new(file).and_then(|mut archive| {
        check_limits(&archive)?;
        archive.extract(folder)
    });
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
    // If two files have the same path, use the first.
    let mut by_path = HashMap::new();
    for (index, file) in files.iter().enumerate() {
        by_path.entry(file.path.clone()).or_insert(index);
    }
    for index in 0..files.len() {
        let link = &files[index];
        if link.kind != EntryKind::Link {
            continue;
        }
        let (mut path, mut content) = (link.path.clone(), Arc::clone(&link.content));
        // Linux follows at most 40 links. Source: path_resolution(7).
        for _ in 0..40 {
            let target = String::from_utf8_lossy(&content);
            let Some(next) = resolve_link(&path, &target) else {
                files[index].escapes_root = true;
                break;
            };
            let Some(file) = by_path.get(&next).map(|&index| &files[index]) else {
                break;
            };
            if file.kind == EntryKind::Folder {
                break;
            }
            if file.kind == EntryKind::File {
                let (kind, content) = (file.kind, Arc::clone(&file.content));
                // Another link may point to this one and be resolved later. This entry then already has the content of
                // the file.
                let link_target = file.link_target.clone().unwrap_or(next);
                let link = &mut files[index];
                (link.kind, link.content) = (kind, content);
                link.link_target = Some(link_target);
                break;
            }
            (path, content) = (next, Arc::clone(&file.content));
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
    check_limits(&archive)?;
    // Count the bytes that are actually read: the sizes in an archive may be wrong.
    let mut left = MAX_UNPACKED_SIZE;
    (0..archive.len())
        .map(|index| {
            let mut file = archive.by_index(index)?;
            let mut content = Vec::new();
            file.by_ref().take(left + 1).read_to_end(&mut content)?;
            left = left
                .checked_sub(content.len() as u64)
                .ok_or_else(too_large)?;
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
                content: content.into(),
                link_target: None,
                escapes_root: file.enclosed_name().is_none(),
            })
        })
        .collect()
}

/// Checks the number of entries, and the sizes that the archive states for them.
fn check_limits<R>(archive: &ZipArchive<R>) -> Result<(), ZipError>
where
    R: Read + std::io::Seek,
{
    if archive.len() > MAX_ENTRIES {
        let problem = format!("it has more than {MAX_ENTRIES} files and folders");
        return Err(ZipError::InvalidArchive(problem.into()));
    }
    let size = archive.decompressed_size();
    if size.is_none_or(|size| size > MAX_UNPACKED_SIZE.into()) {
        return Err(too_large());
    }
    Ok(())
}

fn too_large() -> ZipError {
    ZipError::InvalidArchive("it is larger than any archive that Lambda accepts".into())
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
            content: content.as_bytes().into(),
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
        assert!(files[..4].iter().all(|file| *file.content == *b"library"));
    }

    #[test]
    fn links_share_their_content_and_are_followed_in_linear_time() {
        const LINKS: usize = 50_000;
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file("lib/a.so", options).expect("a file");
        std::io::Write::write_all(&mut zip, &[0; 1 << 20]).expect("content");
        for number in 0..LINKS {
            let name = format!("lib/{number}.so");
            zip.add_symlink(name, "a.so", options).expect("a link");
        }
        let bytes = zip.finish().expect("an archive").into_inner();
        let mut files = read_files(bytes).expect("an archive");
        // With a copy for each link this takes 50 GB, and with a search for each 1.25 billion comparisons.
        follow_links(&mut files);
        let (file, links) = files.split_first().expect("a file");
        assert_eq!(links.len(), LINKS);
        let shares = |link: &ArchiveEntry| Arc::ptr_eq(&link.content, &file.content);
        assert!(links.iter().all(shares));
    }

    #[test]
    fn an_archive_with_too_many_entries_is_refused() {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for number in 0..=MAX_ENTRIES {
            zip.add_directory(number.to_string(), options)
                .expect("a folder");
        }
        let bytes = zip.finish().expect("an archive").into_inner();
        let error = read_files(bytes).expect_err("too many").to_string();
        assert!(error.contains("more than 100000"), "{error}");
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
                    content: Arc::default(),
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
