//! The manifest of a layer: what is in it, so that nothing has to be opened to list its tools.
//!
//! `lib/LAYERNAME.layer.json`, written by `cargo layer build`, never by hand. Lambda merges up to five layers into one
//! folder, so each brings a manifest under its own name. Members that are not known are ignored; a higher `format` is
//! refused.

use std::{
    io::Error,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    declaration::{Crate, Declaration},
    digest::xxh3,
    error_code::{ErrorCode, HasErrorCode},
};

/// The format this host reads and `cargo layer build` writes.
pub const FORMAT: u32 = 1;

/// How the name of every manifest ends.
pub const SUFFIX: &str = ".layer.json";

/// A manifest.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The format of the manifest itself.
    pub format: u32,
    /// The layer.
    pub layer: LayerInfo,
    /// The CPU its libraries are for, as Rust names it: `x86_64` or `aarch64`.
    pub cpu: String,
    /// The CPU of the machine that built it, where that is another: the declarations are then those of a build of the same
    /// sources for that CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_on: Option<String>,
    /// Its plugins, sorted by file name.
    pub plugins: Vec<PluginEntry>,
}

/// What a layer says of itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LayerInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How a model should use its tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The tools that are served where `TOOLS_LIST` is not set, written like it. None: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

/// One plugin of a layer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginEntry {
    /// The library's file name, in the same folder.
    pub file: String,
    /// Its size. Unit: bytes.
    pub size: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// What the host goes by when the first call of a tool waits for it, instead of SHA-256, which takes ten times as long. Layers of
    /// the first releases have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xxh3: Option<Xxh3>,
    /// The plugin's crate.
    #[serde(rename = "crate")]
    pub krate: Crate,
    /// Version of plugin-sdk it was built with.
    pub sdk: String,
    /// Payload version it speaks.
    pub payload: u32,
    /// Version of plugin-abi it was built with.
    pub abi: String,
    /// The oldest release of the host that can serve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_host: Option<String>,
    /// Panic strategy it was built with.
    pub panic: String,
    /// SHA-256 of the declaration's bytes, in hex: the library must declare the same when it is opened.
    pub digest: String,
    /// The declaration, exactly as `init` gave it.
    pub declaration: Box<RawValue>,
}

/// XXH3-64 of what belongs together, in hex.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Xxh3 {
    /// Of the file.
    pub file: String,
    /// Of the declaration's bytes, if it is this very file that gave them: one for another CPU than that of the machine that built it
    /// could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration: Option<String>,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("{0}; make the layer's files readable, or rebuild it with `cargo layer build`")]
    Read(Error),
    /// It is not a manifest.
    #[error("{}: not a layer manifest: {source}; rebuild the layer with `cargo layer build`", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It was written by a newer `cargo layer`.
    #[error(
        "{}: manifest format {found}, this host reads up to {FORMAT}; deploy a newer host, or rebuild the layer with the `cargo layer` of this host's release",
        .path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It names a file outside its folder.
    #[error("{}: names the file {file:?}, which is not a plain file name; rebuild the layer", .path.display())]
    FileName {
        /// The manifest.
        path: PathBuf,
        /// The name.
        file: String,
    },
}

impl HasErrorCode for ManifestError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Read(_) => ErrorCode::ManifestUnreadable,
            Self::Invalid { .. } | Self::FileName { .. } => ErrorCode::ManifestInvalid,
            Self::Format { .. } => ErrorCode::ManifestFormat,
        }
    }
}

impl Manifest {
    /// Read a manifest.
    ///
    /// # Errors
    /// [`ManifestError`], naming the file.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        // Asked first: reading a pipe would wait for its other end.
        if !fs_err::metadata(path)
            .map_err(ManifestError::Read)?
            .is_file()
        {
            return Err(ManifestError::Read(Error::other(format!(
                "{}: not a file",
                path.display()
            ))));
        }
        let text = fs_err::read(path).map_err(ManifestError::Read)?;
        Self::parse(path, &text)
    }

    /// The manifest that `path` would have with this text.
    ///
    /// # Errors
    /// [`ManifestError`], naming the file.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let invalid = |source| ManifestError::Invalid {
            path: path.to_owned(),
            source,
        };
        // What is known to be text need not be looked through for that string by string.
        let manifest = match str::from_utf8(text) {
            Ok(text) => serde_json::from_str::<Self>(text),
            Err(_) => serde_json::from_slice(text),
        };
        let found = match &manifest {
            Ok(manifest) => manifest.format,
            // Whatever else is in a newer one may not look like this one.
            Err(_) => {
                let Format { format } = serde_json::from_slice(text).map_err(invalid)?;
                format
            }
        };
        if found > FORMAT {
            return Err(ManifestError::Format {
                path: path.to_owned(),
                found,
            });
        }
        let manifest = manifest.map_err(invalid)?;
        for plugin in &manifest.plugins {
            if plugin.file.contains('/') || !plugin.file.ends_with(std::env::consts::DLL_SUFFIX) {
                return Err(ManifestError::FileName {
                    path: path.to_owned(),
                    file: plugin.file.clone(),
                });
            }
        }
        Ok(manifest)
    }
}

impl Xxh3 {
    /// Of a library's file, and of its declaration, if it gave that itself.
    #[must_use]
    pub fn new(file: &[u8], declaration: Option<&str>) -> Self {
        let hash = |bytes: &[u8]| xxh3(xxh3_64(bytes));
        Self {
            file: hash(file),
            declaration: declaration.map(|text| hash(text.as_bytes())),
        }
    }
}

impl PluginEntry {
    /// The declaration, parsed.
    ///
    /// # Errors
    /// When it does not look like one.
    pub fn declaration(&self) -> Result<Declaration, serde_json::Error> {
        serde_json::from_str(self.declaration.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_and_foreign_paths_are_refused_with_the_remedy() {
        let path = Path::new("a.layer.json");
        for (text, code) in [
            (
                r#"{"format": 2, "everything": "else changed"}"#,
                "MANIFEST_FORMAT",
            ),
            (r#"{"format": 1}"#, "MANIFEST_INVALID"),
            ("", "MANIFEST_INVALID"),
            (
                r#"{"format":1,"layer":{"name":"a","version":"1"},"cpu":"x86_64","plugins":[{"file":"../evil.so","size":1,"sha256":"","crate":{"name":"a","version":"1"},"sdk":"","payload":1,"abi":"","panic":"","digest":"","declaration":{}}]}"#,
                "MANIFEST_INVALID",
            ),
        ] {
            let error = Manifest::parse(path, text.as_bytes()).unwrap_err();
            assert_eq!(error.code().as_str(), code, "text: {text}");
            assert!(error.to_string().starts_with("a.layer.json: "), "{error}");
        }
    }

    #[test]
    fn members_that_are_not_known_are_ignored() {
        let text = r#"{"format":1,"new":true,"layer":{"name":"a","version":"1","new":1},"cpu":"x86_64","plugins":[]}"#;
        assert_eq!(
            Manifest::parse(Path::new("a"), text.as_bytes())
                .unwrap()
                .layer
                .name,
            "a"
        );
    }
}
