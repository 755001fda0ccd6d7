//! The manifest of a layer: a list of its plugins and their tools. With it, the host can list the tools without opening
//! a library.
//!
//! `cargo layer build` writes the manifest as `lib/LAYERNAME.layer.json`; it is not edited by hand. Lambda merges up to
//! five layers into one folder, so the manifest's name contains the layer's name. Unknown members are ignored. A
//! manifest with a higher `format` is rejected.

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

/// The version of the manifest format that this host reads and `cargo layer build` writes.
pub const FORMAT: u32 = 1;

/// The end of every manifest's file name.
pub const SUFFIX: &str = ".layer.json";

/// A manifest.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The version of the manifest format.
    pub format: u32,
    /// The layer.
    pub layer: LayerInfo,
    /// The CPU architecture of the libraries, as Rust names it: `x86_64` or `aarch64`.
    pub cpu: String,
    /// The CPU architecture of the build machine, if it differs from `cpu`. In that case the declarations come from a
    /// second build of the same sources, for the build machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_on: Option<String>,
    /// The layer's plugins, sorted by file name.
    pub plugins: Vec<PluginEntry>,
}

/// A layer's description of itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LayerInfo {
    /// The layer's name.
    pub name: String,
    /// The layer's version.
    pub version: String,
    /// Instructions that tell the model how to use the tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The tools that are served if `TOOLS_LIST` is not set, in the notation of `TOOLS_LIST`. Empty: all tools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

/// One plugin of a layer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginEntry {
    /// The library's file name. The library is in the same folder as the manifest.
    pub file: String,
    /// The file's size. Unit: bytes.
    pub size: u64,
    /// The SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// The checksums that the host compares when it loads the plugin during a tool's first call. SHA-256 would take ten
    /// times as long. Layers built with the first releases do not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xxh3: Option<Xxh3>,
    /// The plugin's crate.
    #[serde(rename = "crate")]
    pub krate: Crate,
    /// The version of plugin-sdk with which the plugin was built.
    pub sdk: String,
    /// The version of the payload format that the plugin uses.
    pub payload: u32,
    /// The version of plugin-abi with which the plugin was built.
    pub abi: String,
    /// The oldest host release that can serve the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_host: Option<String>,
    /// The panic strategy with which the plugin was built.
    pub panic: String,
    /// The SHA-256 of the declaration's bytes, in hexadecimal. The loaded library must return the same declaration.
    pub digest: String,
    /// The declaration, exactly as the plugin's `init` returned it.
    pub declaration: Box<RawValue>,
}

/// XXH3-64 checksums, in hexadecimal.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Xxh3 {
    /// The checksum of the file.
    pub file: String,
    /// The checksum of the declaration's bytes, if this file itself returned the declaration. `None` if the file was
    /// built for a CPU other than the build machine's, which therefore could not run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration: Option<String>,
}

/// The reason why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("{0}; make the layer's files readable, or rebuild it with `cargo layer build`")]
    Read(Error),
    /// The file is not a valid manifest.
    #[error("{}: not a layer manifest: {source}; rebuild the layer with `cargo layer build`", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The error with which its content cannot be parsed.
        source: serde_json::Error,
    },
    /// The manifest was written by a newer `cargo layer`.
    #[error(
        "{}: manifest format {found}, this host reads up to {FORMAT}; deploy a newer host, or rebuild the layer with the `cargo layer` of this host's release",
        .path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The manifest's format version.
        found: u32,
    },
    /// The manifest names a file that is not a library in its own folder.
    #[error("{}: names the file {file:?}, which is not a plain file name; rebuild the layer", .path.display())]
    FileName {
        /// The manifest.
        path: PathBuf,
        /// The file name in the manifest.
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
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`], whose message names the file.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        // This check comes first: reading a named pipe would block until another process writes to it.
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

    /// Parses the text of the manifest at `path`.
    ///
    /// # Errors
    /// [`ManifestError`], whose message names the file.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let invalid = |source| ManifestError::Invalid {
            path: path.to_owned(),
            source,
        };
        // Checking the whole text for UTF-8 once saves serde a check for each string.
        let manifest = match str::from_utf8(text) {
            Ok(text) => serde_json::from_str::<Self>(text),
            Err(_) => serde_json::from_slice(text),
        };
        let found = match &manifest {
            Ok(manifest) => manifest.format,
            // A newer format may have other members, so only `format` is read.
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
    /// Computes the checksum of a library's file, and of its declaration if this file itself returned it.
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
    /// Parses the declaration.
    ///
    /// # Errors
    /// The declaration does not have the form of [`Declaration`].
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
