//! What has to be built before anything can be tested, once for all tests, also of several test processes.

pub mod author_crate;
pub(crate) mod layer;
pub mod outside_repository;
pub(crate) mod patched_library;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate lies in the repository")
}

/// Where the harness keeps what it makes.
pub fn target() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        // The test binary lies in target/PROFILE/deps.
        let binary = std::env::current_exe().expect("this program has a path");
        let target = binary
            .ancestors()
            .nth(3)
            .expect("cargo's target folder")
            .join("e2e");
        fs_err::create_dir_all(&target).expect("target/e2e can be made");
        target
    })
}

/// Hold the lock `name` while `work` runs: other test processes wait.
pub(crate) fn locked<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let file = fs_err::File::create(target().join(format!("{name}.lock")))
        .expect("a lock file can be made");
    file.file().lock().expect("the lock can be taken");
    work()
}

/// `cargo-layer`, built as `cargo layer` builds it. (`cargo test` builds no binaries of other packages.)
pub fn cargo_layer() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| program_of("cargo-layer", "cargo-layer"))
}

/// A program of a package, in the profile `dev`.
pub fn program_of(package: &str, program: &str) -> PathBuf {
    let messages = built(&["--package", package, "--bin", program]);
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
    let messages = built(&["--package", package]);
    let files = messages
        .iter()
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

/// What cargo tells of what it built.
fn built(what: &[&str]) -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--message-format=json"]).args(what);
    cargo.current_dir(repository());
    let messages = output_of(&mut cargo);
    let lines = messages.lines();
    lines
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The toolchains that rustup has; none without rustup.
pub fn toolchains() -> Vec<String> {
    let Ok(output) = Command::new("rustup").args(["toolchain", "list"]).output() else {
        return Vec::new();
    };
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// What the compiler of a toolchain, or the one of these tests, says it is.
pub fn rustc_version(toolchain: Option<&str>) -> String {
    let mut rustc = Command::new("rustc");
    if let Some(toolchain) = toolchain {
        rustc.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    output_of(rustc.arg("--version")).trim().to_owned()
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
            layer::unzip(&zip, fresh.path());
            fs_err::create_dir_all(&folder).expect("target/e2e/function can be made");
            fs_err::rename(fresh.path().join("bootstrap"), folder.join("bootstrap"))
                .expect("bootstrap can be placed");
            folder.join("bootstrap")
        })
    })
}

/// What a command prints to stdout and stderr, without line breaks at the end, and its exit code.
///
/// # Panics
/// When it cannot be run, or prints what is no text.
pub fn told_by(command: &mut Command) -> (String, String, Option<i32>) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let text = |bytes| {
        String::from_utf8(bytes)
            .expect("text")
            .trim_end()
            .to_owned()
    };
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

/// Run a command that must succeed, and give its stdout.
///
/// # Panics
/// When it fails, with the command and all it printed.
pub fn output_of(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} ended with {}\nstdout:\n{stdout}\nstderr:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

/// SHA-256 of a file, in hex.
pub fn sha256(path: &Path) -> String {
    sha256_of(&fs_err::read(path).expect("the file can be read"))
}

/// SHA-256 in hex.
pub fn sha256_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A shared library that this very process has loaded, and that is no plugin.
pub fn library_of_the_system() -> PathBuf {
    let maps = fs_err::read_to_string("/proc/self/maps").expect("Linux tells what is mapped");
    let mut libraries = maps
        .lines()
        .filter_map(|line| Some(format!("/{}", line.split_once('/')?.1)));
    libraries
        .find(|path| path.contains("/libc.so") || path.contains("/libc-"))
        .expect("a C library")
        .into()
}

/// A file that a crate of the lock file ships, as cargo has it.
pub fn crate_file(package: &str, file: &str) -> PathBuf {
    let manifest = repository().join("Cargo.toml");
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--manifest-path"]);
    let metadata = output_of(command.arg(manifest));
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|found| found["name"] == package);
    let manifest = package.and_then(|found| found["manifest_path"].as_str());
    let manifest = manifest.expect("the lock file has it");
    Path::new(manifest).with_file_name(file)
}
