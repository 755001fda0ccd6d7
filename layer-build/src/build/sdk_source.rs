//! The source from which a new plugin gets plugin-sdk. The default is the source from which this program was installed
//! or built.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::Deserialize;

/// A source from which cargo can get plugin-sdk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SdkSource {
    /// The folder of the crate.
    Path(PathBuf),
    /// A git repository, and a revision of it.
    Git {
        url: String,
        revision: Option<String>,
    },
    /// A release in the registry.
    Version(String),
}

impl FromStr for SdkSource {
    type Err = String;

    /// Parses a folder, `URL[#REVISION]`, or a version.
    fn from_str(text: &str) -> Result<Self, String> {
        if Path::new(text).join("Cargo.toml").is_file() {
            return std::path::absolute(text)
                .map(Self::Path)
                .map_err(|error| error.to_string());
        }
        if text.contains("://") || text.starts_with("git@") {
            let text = text.strip_prefix("git+").unwrap_or(text);
            let (url, revision) = match text.split_once('#') {
                Some((url, revision)) => (url, Some(revision.to_owned())),
                None => (text, None),
            };
            return Ok(Self::Git {
                url: url.to_owned(),
                revision,
            });
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(Self::Version(text.to_owned()));
        }
        Err("use a folder with a Cargo.toml, the URL of a repository, or a version".to_owned())
    }
}

/// The file in which `cargo install` records the installed packages, next to the folder with the programs.
#[derive(Deserialize)]
struct InstalledPackages {
    /// The packages, by name, version and source: `cargo-layer 0.1.0 (git+https://...#4f2c...)`.
    installs: BTreeMap<String, serde_json::Value>,
}

impl SdkSource {
    /// Returns the source of this program: the one that `cargo install` has recorded, else the folder in which it was
    /// compiled.
    pub(crate) fn from_this_program() -> Self {
        let source = || -> Option<String> {
            let program = std::env::current_exe().ok()?;
            let installed = program.parent()?.parent()?.join(".crates2.json");
            let installed: InstalledPackages =
                serde_json::from_slice(&fs_err::read(installed).ok()?).ok()?;
            installed
                .installs
                .into_keys()
                .find_map(|key| own_source(&key))
        };
        let sdk = source().and_then(|source| Self::from_package_source(&source));
        sdk.unwrap_or_else(|| {
            let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-sdk");
            match fs_err::canonicalize(beside) {
                Ok(folder) => Self::Path(folder),
                Err(_) => Self::Version(env!("CARGO_PKG_VERSION").to_owned()),
            }
        })
    }

    /// Parses the source of a package: `path+file:///...`, `git+https://...?branch=...#REVISION` or `registry+...`.
    fn from_package_source(source: &str) -> Option<Self> {
        if let Some(folder) = source.strip_prefix("path+file://") {
            let folder = Path::new(folder).parent()?.join("plugin-sdk");
            return folder
                .join("Cargo.toml")
                .is_file()
                .then_some(Self::Path(folder));
        }
        if let Some(repository) = source.strip_prefix("git+") {
            let (url, revision) = repository.split_once('#')?;
            let url = url.split_once('?').map_or(url, |(url, _)| url);
            return Some(Self::Git {
                url: url.to_owned(),
                revision: Some(revision.to_owned()),
            });
        }
        source
            .starts_with("registry+")
            .then(|| Self::Version(env!("CARGO_PKG_VERSION").to_owned()))
    }
}

/// Returns the source in a key of [`InstalledPackages`], if the key is about this program.
fn own_source(key: &str) -> Option<String> {
    let own = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), " (");
    Some(key.strip_prefix(own)?.strip_suffix(')')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(url: &str, revision: Option<&str>) -> SdkSource {
        SdkSource::Git {
            url: url.to_owned(),
            revision: revision.map(str::to_owned),
        }
    }

    #[test]
    fn a_source_is_a_folder_a_repository_or_a_version() {
        let own = env!("CARGO_MANIFEST_DIR");
        for (text, expected) in [
            (own, Some(SdkSource::Path(own.into()))),
            (
                "https://example.com/a.git",
                Some(git("https://example.com/a.git", None)),
            ),
            (
                "git+ssh://git@example.com/a#0123",
                Some(git("ssh://git@example.com/a", Some("0123"))),
            ),
            ("0.1", Some(SdkSource::Version("0.1".to_owned()))),
            ("no/such/folder", None),
        ] {
            assert_eq!(text.parse::<SdkSource>().ok(), expected, "{text}");
        }
    }

    #[test]
    fn the_sdk_comes_from_the_source_of_this_program() {
        let own = env!("CARGO_MANIFEST_DIR");
        let beside = Path::new(own).parent().unwrap().join("plugin-sdk");
        for (key, expected) in [
            (
                format!(
                    "cargo-layer {} (path+file://{own})",
                    env!("CARGO_PKG_VERSION")
                ),
                Some(SdkSource::Path(beside)),
            ),
            (
                format!(
                    "cargo-layer {} (git+https://example.com/a?branch=main#0123)",
                    env!("CARGO_PKG_VERSION")
                ),
                Some(git("https://example.com/a", Some("0123"))),
            ),
            (
                format!(
                    "cargo-layer {} (registry+https://example.com/index)",
                    env!("CARGO_PKG_VERSION")
                ),
                Some(SdkSource::Version(env!("CARGO_PKG_VERSION").to_owned())),
            ),
            ("another 1.0.0 (path+file:///a)".to_owned(), None),
        ] {
            let found = own_source(&key).and_then(|source| SdkSource::from_package_source(&source));
            assert_eq!(found, expected, "{key}");
        }
    }
}
