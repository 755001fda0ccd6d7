//! Checks that a file is a library that this host can open. It reads the file's headers before the dynamic loader does.
//!
//! The loader maps all pages that the headers describe. If the library is truncated, some of those pages do not exist
//! in the file, and the process is killed by SIGBUS. For a library for another CPU, the loader only reports "No such
//! file or directory".

use std::{
    fs::Metadata,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use fs_err::File;
use layer_format::{ErrorCode, HasErrorCode};
use object::{
    LittleEndian, ReadCache,
    elf::{
        ELFCLASS64, ELFDATA2LSB, ELFMAG, EM_AARCH64, EM_X86_64, ET_DYN, FileHeader64, Machine,
        PT_LOAD,
    },
    read::{
        ReadRef,
        elf::{FileHeader, ProgramHeader},
    },
};
use plugin_abi::ROOT_SYMBOL;

use crate::process::crash_handler::LibraryImage;
use tables::Tables;

mod tables;
#[cfg(test)]
pub(crate) mod tests;

#[cfg(target_arch = "x86_64")]
const MACHINE: Machine = EM_X86_64;
#[cfg(target_arch = "aarch64")]
const MACHINE: Machine = EM_AARCH64;

/// The reason why a file is not a library that this host can open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// The file does not exist, or may not be read.
    #[error("{0}; make the layer's files readable to everyone, or rebuild it")]
    Read(std::io::Error),
    /// The file is a symbolic link whose target does not exist.
    #[error("{}: a link that leads nowhere; put the library itself there", .0.display())]
    Dangling(PathBuf),
    /// The file is a symbolic link to a target outside its folder.
    #[error("{}: a link that leads out of its folder, to {}; put the library itself there", .path.display(), .target.display())]
    Outside {
        /// The link.
        path: PathBuf,
        /// The link's target.
        target: PathBuf,
    },
    /// The path is a folder, a device or a named pipe.
    #[error("{}: not a file; remove it, or build the layer again", .0.display())]
    NotAFile(PathBuf),
    /// The file is not an ELF file.
    #[error("{}: not a shared library (no ELF header); rebuild the layer", .0.display())]
    NotElf(PathBuf),
    /// The file is an ELF file, but not a library for this host.
    #[error("{}: {what}, this host needs a shared library for {}; build the layer on a machine of that CPU", .path.display(), std::env::consts::ARCH)]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What the file is instead.
        what: String,
    },
    /// The file ends before the end of one of its segments.
    #[error("{}: truncated: a segment ends at byte {needed}, the file at byte {size}; copy or build it again", .path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// The file's size. Unit: bytes.
        size: u64,
        /// The size that the file must have at least. Unit: bytes.
        needed: u64,
    },
    /// The contents of the file's tables contradict each other.
    #[error("{}: damaged: {what}; copy or build it again", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The contradiction.
        what: String,
    },
}

impl HasErrorCode for FileProblem {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Read(_) | Self::Dangling(_) => ErrorCode::PluginUnreadable,
            Self::Outside { .. } => ErrorCode::PluginOutside,
            Self::NotAFile(_) | Self::NotElf(_) => ErrorCode::PluginNotALibrary,
            Self::Foreign { .. } => ErrorCode::PluginForeign,
            Self::Truncated { .. } => ErrorCode::PluginTruncated,
            Self::Damaged { .. } => ErrorCode::PluginDamaged,
        }
    }
}

/// The kind of a library that this host can open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LibraryKind {
    /// A library that exports a plugin's root symbol.
    Plugin(LibraryImage),
    /// A library without that symbol, which may come from any vendor.
    Other,
}

/// Checks that the loader can map this file and read its tables. Returns the kind of the library.
///
/// # Errors
/// [`FileProblem`], whose message names the file.
pub(crate) fn check(path: &Path) -> Result<LibraryKind, FileProblem> {
    let (file, size) = open(path)?;
    check_content(path, size, &ReadCache::new(file), MACHINE)
}

/// Reads the facts about a library that a crash report contains. The library must already have passed the check, either
/// here or when its layer was built.
///
/// # Errors
/// [`FileProblem`], whose message names the file. For example, the file may be for another CPU.
pub(crate) fn read_image(path: &Path) -> Result<LibraryImage, FileProblem> {
    let (file, _) = open(path)?;
    let data = ReadCache::new(file);
    let header = header(path, &&data, MACHINE)?;
    let segments = header
        .program_headers(LittleEndian, &data)
        .map_err(|error| damaged(path, error))?;
    Ok(LibraryImage::from_segments(segments, &data))
}

/// Checks that a host on the CPU for which the library was built could map it and read its tables. Returns whether the
/// library is a plugin. The checks are the same as before a library is opened, but `content` does not have to be in a
/// file.
///
/// # Errors
/// [`FileProblem`], whose message names the file.
pub fn check_library(path: &Path, content: &[u8]) -> Result<bool, FileProblem> {
    let own = FileHeader64::<LittleEndian>::parse(content).map(|own| own.e_machine(LittleEndian));
    let machine = match own {
        Ok(machine @ (EM_X86_64 | EM_AARCH64)) => machine,
        _ => MACHINE,
    };
    let kind = check_content(path, content.len() as u64, content, machine)?;
    Ok(matches!(kind, LibraryKind::Plugin(_)))
}

fn check_content<'data, R: ReadRef<'data>>(
    path: &Path,
    size: u64,
    data: R,
    machine: Machine,
) -> Result<LibraryKind, FileProblem> {
    let header = header(path, &data, machine)?;
    let segments = header
        .program_headers(LittleEndian, data)
        .map_err(|error| damaged(path, error))?;
    for segment in segments {
        if segment.p_type(LittleEndian) != PT_LOAD {
            continue;
        }
        let needed = segment
            .p_offset(LittleEndian)
            .saturating_add(segment.p_filesz(LittleEndian));
        if needed > size {
            return Err(FileProblem::Truncated {
                path: path.to_owned(),
                size,
                needed,
            });
        }
    }
    let tables = Tables::parse(segments, data).map_err(|problem| damaged(path, problem))?;
    if tables.defines(ROOT_SYMBOL.as_bytes()) {
        Ok(LibraryKind::Plugin(LibraryImage::from_segments(
            segments, data,
        )))
    } else {
        Ok(LibraryKind::Other)
    }
}

/// Returns the metadata of `path`. Checks that it is a regular file, or a link to one inside the same folder.
pub(crate) fn file_metadata(path: &Path) -> Result<Metadata, FileProblem> {
    let resolved = || fs_err::metadata(path).map_err(FileProblem::Read);
    let mut metadata = path.symlink_metadata().or_else(|_| resolved())?;
    if metadata.is_symlink() {
        let folder = path.parent().unwrap_or(path);
        let folder = fs_err::canonicalize(folder).map_err(FileProblem::Read)?;
        let target = fs_err::canonicalize(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => FileProblem::Dangling(path.to_owned()),
            _ => FileProblem::Read(error),
        })?;
        if !target.starts_with(folder) {
            let path = path.to_owned();
            return Err(FileProblem::Outside { path, target });
        }
        metadata = resolved()?;
    }
    if metadata.is_file() {
        Ok(metadata)
    } else {
        Err(FileProblem::NotAFile(path.to_owned()))
    }
}

fn open(path: &Path) -> Result<(File, u64), FileProblem> {
    // This check comes first: opening a named pipe would block until another process opens it.
    let size = file_metadata(path)?.len();
    Ok((File::open(path).map_err(FileProblem::Read)?, size))
}

fn header<'data, R: ReadRef<'data>>(
    path: &Path,
    data: &R,
    needed: Machine,
) -> Result<&'data FileHeader64<LittleEndian>, FileProblem> {
    // The first six bytes have the same meaning in all kinds of ELF files. The rest of the header does not.
    let [m0, m1, m2, m3, class, encoding] = *data
        .read_at::<[u8; 6]>(0)
        .map_err(|()| FileProblem::NotElf(path.to_owned()))?;
    if [m0, m1, m2, m3] != ELFMAG {
        return Err(FileProblem::NotElf(path.to_owned()));
    }
    let foreign = |what: String| FileProblem::Foreign {
        path: path.to_owned(),
        what,
    };
    if class != ELFCLASS64.0 {
        return Err(foreign("an ELF file for a 32-bit CPU".to_owned()));
    }
    if encoding != ELFDATA2LSB.0 {
        return Err(foreign("an ELF file for a big-endian CPU".to_owned()));
    }
    let header = FileHeader64::<LittleEndian>::parse(*data)
        .map_err(|_| damaged(path, "its header is incomplete"))?;
    let machine = header.e_machine(LittleEndian);
    if machine != needed {
        return Err(foreign(match machine {
            EM_X86_64 => "a library for x86_64".to_owned(),
            EM_AARCH64 => "a library for aarch64".to_owned(),
            other => format!("a library for another CPU (ELF machine {})", other.0),
        }));
    }
    if header.e_type(LittleEndian) != ET_DYN {
        return Err(foreign("an ELF file, but not a shared library".to_owned()));
    }
    Ok(header)
}

fn damaged(path: &Path, what: impl ToString) -> FileProblem {
    FileProblem::Damaged {
        path: path.to_owned(),
        what: what.to_string(),
    }
}
