//! Reads archives: whole into memory, or unpacked into a folder.

use std::{
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use zip::{ZipArchive, result::ZipError};

use crate::error::Failure;

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
    /// Of a link that leads to a file of the archive: the path of it, whose content this one has.
    pub(crate) leads_to: Option<String>,
    /// Does the path, or the link, lead out of the folder that it is unpacked into?
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
    pub(crate) fn read(path: &Path) -> Result<Result<Self, ZipError>, Failure> {
        let bytes = std::fs::read(path).map_err(|error| Failure::unreadable(path, error))?;
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

    /// The same, where an archive that cannot be read is the end.
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        Self::read(path)?.map_err(|error| Failure::Archive {
            path: path.to_owned(),
            error,
        })
    }

    /// What it takes unpacked. Unit: bytes.
    pub(crate) fn unpacked_size(&self) -> u64 {
        let files = self.files.iter().filter(|file| file.leads_to.is_none());
        files.map(|file| file.content.len() as u64).sum()
    }

    /// The files right in its folder `lib`, by their names.
    pub(crate) fn lib(&self) -> impl Iterator<Item = (&str, &Packed)> {
        self.files.iter().filter_map(|file| {
            let name = file.path.strip_prefix("lib/")?;
            (file.kind != Kind::Folder && !name.contains('/')).then_some((name, file))
        })
    }
}

/// Unpack an archive over what is in a folder.
pub(crate) fn unpack(zip: &Path, folder: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::open(zip).map_err(|error| Failure::unreadable(zip, error))?;
    let unpacked = ZipArchive::new(file).and_then(|mut archive| archive.extract(folder));
    unpacked.map_err(|error| {
        let path = zip.to_owned();
        Failure::Archive { path, error }.into()
    })
}

/// A message that names files of the archives, and not those that they were unpacked to in a folder, later ones over earlier ones.
pub(crate) fn in_archives<'a>(
    message: &str,
    archives: impl DoubleEndedIterator<Item = &'a Contents>,
    folder: &Path,
) -> String {
    let folder = format!("{}/", folder.display());
    let mut message = message.to_owned();
    for archive in archives.rev() {
        let mut paths: Vec<_> = archive.files.iter().map(|file| &file.path).collect();
        // A name may begin like another.
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

/// A link to a file is what the file is, for whoever opens it.
fn follow_links(files: &mut [Packed]) {
    for index in 0..files.len() {
        let link = &files[index];
        if link.kind != Kind::Link {
            continue;
        }
        let (mut path, mut content) = (link.path.clone(), link.content.clone());
        // As many as Linux follows. Source: path_resolution(7).
        for _ in 0..40 {
            let target = String::from_utf8_lossy(&content);
            let Some(next) = target_of(&path, &target) else {
                files[index].leads_out = true;
                break;
            };
            let Some(file) = files.iter().find(|file| file.path == next) else {
                break;
            };
            if file.kind == Kind::Folder {
                break;
            }
            if file.kind == Kind::File {
                let (kind, content) = (file.kind, file.content.clone());
                // Those that are followed later may lead to this one, which then is a file.
                let leads_to = file.leads_to.clone().unwrap_or(next);
                let link = &mut files[index];
                (link.kind, link.content) = (kind, content);
                link.leads_to = Some(leads_to);
                break;
            }
            (path, content) = (next, file.content.clone());
        }
    }
}

/// Where a link leads within the archive, if it stays there.
fn target_of(link: &str, target: &str) -> Option<String> {
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
                path: printable(&file.name()?),
                mode: file.unix_mode(),
                kind: if file.is_dir() {
                    Kind::Folder
                } else if file.is_symlink() {
                    Kind::Link
                } else {
                    Kind::File
                },
                content,
                leads_to: None,
                leads_out: file.enclosed_name().is_none(),
            })
        })
        .collect()
}

/// A name that does to a terminal nothing but be shown.
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
    fn links_are_followed_as_far_as_they_stay_in_the_archive() {
        let of = |path: &str, kind, content: &str| Packed {
            path: path.to_owned(),
            mode: None,
            kind,
            content: content.into(),
            leads_to: None,
            leads_out: false,
        };
        let mut files = [
            of("lib/a.so", Kind::Link, "./b.so"),
            of("lib/b.so", Kind::Link, "../real//a.so"),
            of("lib/c.so", Kind::Link, "a.so"),
            of("real/a.so", Kind::File, "library"),
            of("lib/none.so", Kind::Link, "nowhere.so"),
            of("lib/out.so", Kind::Link, "../../a.so"),
            of("lib/far.so", Kind::Link, "out.so"),
            of("lib/root.so", Kind::Link, "/real/a.so"),
            of("lib/self.so", Kind::Link, "self.so"),
        ];
        follow_links(&mut files);
        let told = files.iter().map(|file| {
            let path = file.path.as_str();
            (path, file.kind, file.leads_to.as_deref(), file.leads_out)
        });
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("lib/a.so", Kind::File, Some("real/a.so"), false),
                ("lib/b.so", Kind::File, Some("real/a.so"), false),
                ("lib/c.so", Kind::File, Some("real/a.so"), false),
                ("real/a.so", Kind::File, None, false),
                ("lib/none.so", Kind::Link, None, false),
                ("lib/out.so", Kind::Link, None, true),
                ("lib/far.so", Kind::Link, None, true),
                ("lib/root.so", Kind::Link, None, true),
                ("lib/self.so", Kind::Link, None, false),
            ]
        );
        assert!(files[..4].iter().all(|file| file.content == b"library"));
    }

    #[test]
    fn messages_name_files_of_archives() {
        let archive = |name: &str, files: &[&str]| Contents {
            path: name.into(),
            size: 0,
            files: files
                .iter()
                .map(|path| Packed {
                    path: printable(path),
                    mode: None,
                    kind: Kind::File,
                    content: Vec::new(),
                    leads_to: None,
                    leads_out: false,
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
                in_archives(message, archives.iter(), Path::new("/t")),
                expected
            );
        }
        assert_eq!(archives[1].files[2].path, "lib/\\u{1b}[1m");
    }
}
