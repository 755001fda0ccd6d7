//! Checks that a library is the one that its manifest describes: undamaged, and with the same tools.

use std::{
    io::{self, Read},
    path::Path,
};

use layer_format::{hex, manifest::PluginEntry, sha256, xxh3};
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// How much of a library is held in memory while its checksum is computed. Unit: bytes. Source: ours. Reading the whole
/// library into memory would cause a page fault for each of its pages, during the first call of its tools.
const CHUNK: usize = 32 * 1024;

/// The checksum of a file that a manifest contains, in hexadecimal.
#[derive(Debug)]
enum Checksum {
    /// XXH3-64. It takes a tenth of the time of SHA-256, and detects damage and mistakes just as well. It does not have
    /// to stop an attacker: anybody who can replace the library can also replace the manifest in the same folder.
    Xxh3(String),
    /// SHA-256. Layers built with the first releases contain only this checksum.
    Sha256(String),
}

impl Checksum {
    /// Returns the checksum to compare for an entry's library.
    fn from_entry(entry: &PluginEntry) -> Self {
        match &entry.xxh3 {
            Some(xxh3) => Self::Xxh3(xxh3.file.clone()),
            None => Self::Sha256(entry.sha256.clone()),
        }
    }

    /// Reports whether a file has this checksum.
    fn matches(&self, path: &Path) -> io::Result<bool> {
        Ok(match self {
            Self::Xxh3(expected) => {
                let mut hash = Xxh3Default::new();
                read(path, |chunk| hash.update(chunk))?;
                xxh3(hash.digest()) == *expected
            }
            Self::Sha256(expected) => {
                let mut hash = Sha256::new();
                read(path, |chunk| hash.update(chunk))?;
                hex(&hash.finalize()) == *expected
            }
        })
    }
}

fn read(path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = fs_err::File::open(path)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(()),
            read => each(&chunk[..read]),
        }
    }
}

/// The checksums of a declaration, computed or read from a manifest. The declaration's text itself is not kept in
/// memory.
#[derive(Debug)]
struct RecordedDeclaration {
    /// The XXH3-64 of the declaration's text that is in the manifest now.
    found: u64,
    /// The XXH3-64 of the declaration's text when the manifest was written, in hexadecimal. `None` if this library
    /// itself did not return the declaration.
    written: Option<String>,
    /// The SHA-256 of the declaration's text when the manifest was written, in hexadecimal.
    digest: String,
}

/// The facts from a manifest that must match when the library is opened.
#[derive(Debug)]
pub(crate) struct ExpectedLibrary {
    content: Checksum,
    declaration: RecordedDeclaration,
}

impl ExpectedLibrary {
    /// Reads the facts from the library's entry in the manifest.
    pub(crate) fn from_entry(entry: &PluginEntry) -> Self {
        Self {
            content: Checksum::from_entry(entry),
            declaration: RecordedDeclaration {
                found: xxh3_64(entry.declaration.get().as_bytes()),
                written: entry
                    .xxh3
                    .as_ref()
                    .and_then(|xxh3| xxh3.declaration.clone()),
                digest: entry.digest.clone(),
            },
        }
    }

    /// Reports whether a file is the one that the manifest describes. (A damaged file may have a valid header and still
    /// crash the process when its code runs.)
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn matches_file(&self, path: &Path) -> io::Result<bool> {
        self.content.matches(path)
    }

    /// Reports whether the declaration in the manifest is unchanged since `cargo layer build` wrote it, and was
    /// returned by the library with the recorded checksum. `cargo layer build` has then already checked the file and
    /// its declaration, so neither check has to be repeated.
    pub(crate) fn has_trusted_declaration(&self) -> bool {
        let written = self.declaration.written.as_deref();
        written == Some(xxh3(self.declaration.found).as_str())
    }

    /// Reports whether this is the declaration that the manifest describes.
    pub(crate) fn matches_declaration(&self, declaration: &[u8]) -> bool {
        sha256(declaration) == self.declaration.digest
    }
}

#[cfg(test)]
mod tests {
    use layer_format::manifest::Xxh3;

    use super::*;

    #[test]
    fn any_bit_that_differs_is_found_by_either() {
        let content: Vec<u8> = (0..CHUNK + 1000).map(|at| (at * 31 % 251) as u8).collect();
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        for checksum in [
            Checksum::Xxh3(xxh3(xxh3_64(&content))),
            Checksum::Sha256(sha256(&content)),
        ] {
            fs_err::write(file.path(), &content).expect("it can be written");
            assert!(checksum.matches(file.path()).expect("it can be read"));
            for at in [0, 500, CHUNK - 1, CHUNK, content.len() - 1] {
                let mut damaged = content.clone();
                damaged[at] ^= 4;
                fs_err::write(file.path(), damaged).expect("it can be written");
                let fits = checksum.matches(file.path()).expect("it can be read");
                assert!(!fits, "{checksum:?}, byte {at}");
            }
            fs_err::write(file.path(), &content[..CHUNK]).expect("it can be written");
            let fits = checksum.matches(file.path()).expect("it can be read");
            assert!(!fits, "{checksum:?}, cut off");
        }
    }

    #[test]
    fn a_declaration_is_trusted_only_where_this_library_gave_it() {
        let declaration = r#"{"tools":[]}"#;
        let of = |xxh3: Option<Xxh3>, declaration: &str| {
            let entry = serde_json::json!({
                "file": "liba.so", "size": 1, "sha256": "", "xxh3": xxh3, "crate": { "name": "a", "version": "1.0.0" },
                "sdk": "0.1.0", "payload": 1, "abi": "1.0.0", "panic": "unwind", "digest": sha256(declaration.as_bytes()),
                "declaration": "[declaration]",
            });
            let text = entry.to_string().replace("\"[declaration]\"", declaration);
            let entry: PluginEntry = serde_json::from_str(&text).expect("an entry");
            let expected = ExpectedLibrary::from_entry(&entry);
            assert!(expected.matches_declaration(declaration.as_bytes()));
            expected.has_trusted_declaration()
        };
        assert!(of(Some(Xxh3::new(b"file", Some(declaration))), declaration));
        let edited = r#"{"tools":[{}]}"#;
        for (xxh3, found) in [
            (Some(Xxh3::new(b"file", Some(declaration))), edited),
            // A library for another CPU.
            (Some(Xxh3::new(b"file", None)), declaration),
            (None, declaration),
        ] {
            assert!(!of(xxh3.clone(), found), "{xxh3:?}: {found}");
        }
    }
}
