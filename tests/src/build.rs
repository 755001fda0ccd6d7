//! Builds everything that tests need, once for all tests, also of several test processes.

pub(crate) mod archive;
pub mod author_crate;
pub(crate) mod layer;
pub mod link_order;
pub mod outside_repository;
pub(crate) mod patched_library;
pub(crate) mod toolchain;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

use crate::{
    command::output_of,
    folders::{locked, repository, target},
};
use archive::unzip;

/// Returns `cargo-layer`, built as `cargo layer` builds it. (`cargo test` builds no binaries of other packages.)
pub fn cargo_layer() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| build_program("cargo-layer"))
}

/// Builds a program of this workspace in the profile `dev`, and returns its path.
pub fn build_program(program: &str) -> PathBuf {
    let messages = cargo_build(&["--bin", program]);
    let executables = messages
        .iter()
        .filter(|message| message["target"]["name"] == program)
        .filter_map(|message| message["executable"].as_str());
    executables
        .map(PathBuf::from)
        .next_back()
        .expect("cargo tells where the program is")
}

/// Builds the library of a plugin in the profile `dev`, and returns its path.
pub fn build_library(package: &str) -> PathBuf {
    let messages = cargo_build(&["--lib"]);
    let name = package.replace('-', "_");
    let libraries = messages
        .iter()
        .filter(|message| message["target"]["name"] == name.as_str())
        .filter_map(|message| message["filenames"].as_array())
        .flatten()
        .filter_map(Value::as_str)
        .filter(|file| file.ends_with(".so"));
    libraries
        .map(PathBuf::from)
        .next_back()
        .expect("cargo tells where the library is")
}

/// Returns the library of a crate in `tests/fixtures/standalone`, built with one of its features or none.
pub fn standalone(fixture: &str, feature: Option<&str>) -> PathBuf {
    let folder = target().join("standalone");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked"]);
    cargo.args(feature.iter().flat_map(|feature| ["--features", *feature]));
    cargo.current_dir(repository().join("tests/fixtures/standalone").join(fixture));
    cargo.env("CARGO_TARGET_DIR", &folder);
    let library = format!("lib{}.so", fixture.replace('-', "_"));
    let kept = folder.join(format!("{fixture}-{}.so", feature.unwrap_or("plain")));
    // With another feature the same file becomes another library.
    locked("standalone", || {
        output_of(&mut cargo);
        fs_err::copy(folder.join("debug").join(library), &kept).expect("the library was built");
    });
    kept
}

/// Builds targets of this workspace, and returns the messages of cargo. With the whole workspace and an example, the features of
/// all dependencies are those of `cargo test --workspace`: no dependency is compiled twice.
fn cargo_build(targets: &[&str]) -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--message-format=json", "--workspace"]);
    cargo.args(["--example", "gateway"]).args(targets);
    cargo.current_dir(repository());
    let messages = output_of(&mut cargo);
    let lines = messages.lines();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// Returns the `bootstrap` of the `function.zip` that `cargo layer host` builds.
pub fn bootstrap() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        locked("bootstrap", || {
            let folder = target().join("function");
            let zip = target().join("function.zip");
            output_of(
                Command::new(cargo_layer())
                    .args(["host", "--out"])
                    .arg(&zip)
                    .current_dir(repository()),
            );
            // A new file under the same name: the old one may be running in another test process.
            let fresh = tempfile::tempdir_in(target()).expect("a temporary folder");
            unzip(&zip, fresh.path());
            fs_err::create_dir_all(&folder).expect("target/e2e/function can be made");
            fs_err::rename(fresh.path().join("bootstrap"), folder.join("bootstrap"))
                .expect("bootstrap can be placed");
            folder.join("bootstrap")
        })
    })
}

/// Returns the same program with its symbols, as cargo has built it.
pub fn bootstrap_with_symbols() -> PathBuf {
    bootstrap();
    target().with_file_name("host").join("bootstrap")
}
