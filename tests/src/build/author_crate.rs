//! Crates of plugin authors: outside of this repository, with the SDK by its path.

use std::{path::PathBuf, process::Command};

use crate::{output_of, repository, target};

/// A crate outside of this repository.
pub struct AuthorCrate(PathBuf);

impl AuthorCrate {
    /// Creates a crate with this manifest, where `SDK` is replaced by the folder of plugin-sdk, and this source.
    pub fn new(name: &str, manifest: &str, source: &str) -> Self {
        let folder = target().join("authors").join(name);
        let sdk = repository().join("plugin-sdk");
        fs_err::create_dir_all(folder.join("src")).expect("a folder");
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{}\n[workspace]\n",
            manifest.replace("SDK", &sdk.to_string_lossy())
        );
        fs_err::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
        fs_err::write(folder.join("src/lib.rs"), source).expect("a source");
        // The versions of this repository, which are available.
        let lock = repository().join("Cargo.lock");
        fs_err::copy(lock, folder.join("Cargo.lock")).expect("a lock file");
        Self(folder)
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args([command, "--quiet", "--color", "never"])
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", target().join("authors/target"));
        cargo
    }

    /// Builds the library of the crate.
    pub fn library(&self) -> PathBuf {
        output_of(&mut self.cargo("build"));
        let name = self.0.file_name().expect("a name").to_string_lossy();
        let file = format!("lib{}.so", name.replace('-', "_"));
        target().join("authors/target/debug").join(file)
    }

    /// Reports whether the crate compiles, with the output of cargo.
    pub fn check(&self) -> (bool, String) {
        let output = self.cargo("check").output().expect("cargo can be run");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
}

/// Returns a manifest with the SDK as the only dependency, with these features.
pub fn manifest(features: &str) -> String {
    format!(
        "[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n[dependencies]\nplugin-sdk = {{ path = \"SDK\", features = [{features}] }}\n"
    )
}
