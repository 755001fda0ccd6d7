//! What has to be built before anything can be tested, once for all tests, also of several test processes.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

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
    PATH.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([
            "build",
            "--package",
            "layer-build",
            "--bin",
            "cargo-layer",
            "--message-format=json",
        ]);
        cargo.current_dir(repository());
        let messages = output_of(&mut cargo);
        let executable = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
            .next_back();
        executable.expect("cargo tells where the program is")
    })
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
            crate::layer::unzip(&zip, fresh.path());
            fs_err::create_dir_all(&folder).expect("target/e2e/function can be made");
            fs_err::rename(fresh.path().join("bootstrap"), folder.join("bootstrap"))
                .expect("bootstrap can be placed");
            folder.join("bootstrap")
        })
    })
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
    let bytes = fs_err::read(path).expect("the file can be read");
    Sha256::digest(&bytes)
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
