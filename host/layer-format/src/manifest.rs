//! The manifest of a layer: the list of its plugins and their tools, so that no library has to be opened to list them.
//!
//! `lib/LAYERNAME.layer.json`, written by `cargo layer build`, never by hand. Lambda merges up to five layers into one
//! folder, so each layer has a manifest under its own name. Unknown members are ignored; a higher `format` is refused.

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

/// The format that this host reads and `cargo layer build` writes.
pub const FORMAT: u32 = 1;

/// The suffix of every manifest's name.
pub const SUFFIX: &str = ".layer.json";

/// A manifest.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The format of the manifest itself.
    pub format: u32,
    /// The layer.
    pub layer: LayerInfo,
    /// The CPU of the libraries, as Rust names it: `x86_64` or `aarch64`.
    pub cpu: String,
    /// The CPU of the build machine, if it is another. The declarations then come from a build of the same sources for
    /// that CPU.
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
    /// Instructions to the model for the use of the tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// The tools that are served if `TOOLS_LIST` is not set, in its notation. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
}

/// One plugin of a layer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginEntry {
    /// The library's file name, in the folder of the manifest.
    pub file: String,
    /// The file's size. Unit: bytes.
    pub size: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// The checksum that the host compares when the first call of a tool waits for it. SHA-256 would take ten times as
    /// long. Layers of the first releases have no such checksum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xxh3: Option<Xxh3>,
    /// The plugin's crate.
    #[serde(rename = "crate")]
    pub krate: Crate,
    /// The version of plugin-sdk in the build.
    pub sdk: String,
    /// The payload version that the plugin speaks.
    pub payload: u32,
    /// The version of plugin-abi in the build.
    pub abi: String,
    /// The oldest release of the host that can serve the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_host: Option<String>,
    /// The panic strategy of the build.
    pub panic: String,
    /// SHA-256 of the declaration's bytes, in hex. The opened library must declare the same.
    pub digest: String,
    /// The declaration, exactly as `init` returned it.
    pub declaration: Box<RawValue>,
}

/// XXH3-64 checksums, in hex.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Xxh3 {
    /// The checksum of the file.
    pub file: String,
    /// The checksum of the declaration's bytes, if this very file returned them. A file for another CPU than the build
    /// machine's could not be asked.
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
    /// The file is not a manifest.
    #[error("{}: not a layer manifest: {source}; rebuild the layer with `cargo layer build`", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The problem with its content.
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
        /// The manifest's format.
        found: u32,
    },
    /// The manifest names a file outside its folder.
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
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`], naming the file.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        // This check comes first: reading a pipe would wait for its other end.
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
        // One check for UTF-8 here saves serde one for each string.
        let manifest = match str::from_utf8(text) {
            Ok(text) => serde_json::from_str::<Self>(text),
            Err(_) => serde_json::from_slice(text),
        };
        let found = match &manifest {
            Ok(manifest) => manifest.format,
            // The other members of a newer manifest may differ.
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
    /// Computes the checksums of a library's file and of its declaration, if the file itself returned that.
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
    /// The declaration has another form.
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
