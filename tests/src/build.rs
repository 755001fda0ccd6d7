//! What has to be built before anything can be tested, once for all tests, also of several test processes.

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

/// `cargo-layer`, built as `cargo layer` builds it. (`cargo test` builds no binaries of other packages.)
pub fn cargo_layer() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| program_of("cargo-layer", "cargo-layer"))
}

/// A program of a package, in the profile `dev`.
pub fn program_of(package: &str, program: &str) -> PathBuf {
    let messages = built(package, &["--bin", program]);
    let executables = messages
        .iter()
        .filter_map(|message| message["executable"].as_str());
    executables
        .map(PathBuf::from)
        .next_back()
        .expect("cargo tells where the program is")
}

/// The library of a plugin, in the profile `dev`.
pub fn library_of(package: &str) -> PathBuf {
    let messages = built(package, &["--lib"]);
    let plugins = messages
        .iter()
        .filter(|message| message["target"]["kind"].to_string().contains("cdylib"));
    let files = plugins
        .filter_map(|message| message["filenames"].as_array())
        .flatten();
    let libraries = files
        .filter_map(Value::as_str)
        .filter(|file| file.ends_with(".so"));
    libraries
        .map(PathBuf::from)
        .next_back()
        .expect("cargo tells where the library is")
}

/// The library of a crate in `tests/fixtures/standalone`, with one of its features or none.
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

/// What cargo tells of what it built. With the features that `cargo-layer` needs: else the dependencies, the AWS SDK among them,
/// would be compiled once more for each package.
fn built(package: &str, what: &[&str]) -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--message-format=json"]).args(what);
    cargo.args(["--package", "cargo-layer"]);
    if package != "cargo-layer" {
        cargo.args(["--package", package]);
    }
    cargo.current_dir(repository());
    let messages = output_of(&mut cargo);
    let lines = messages.lines();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The `bootstrap` of the `function.zip` that `cargo layer host` makes.
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

/// The same program before its symbols are taken away, as cargo has left it.
pub fn bootstrap_with_symbols() -> PathBuf {
    bootstrap();
    target().with_file_name("host").join("bootstrap")
}
