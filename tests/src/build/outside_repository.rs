//! A place outside of this repository, with only `cargo layer`, installed as the README shows.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::{cargo_layer, documents, output_of, repository, target};

/// Returns the shell's code in the README's quick start: first the commands in the clone, then the commands elsewhere.
pub fn quick_start_blocks() -> [String; 2] {
    let mut blocks = documents::code("README.md", "Quick start", "sh").into_iter();
    [
        blocks.next().expect("the clone's"),
        blocks.next().expect("the user's"),
    ]
}

/// Returns the folder of the program that the README's first line installs. That line compiles `cargo layer` from
/// nothing, so it is run only where `INSTALL_AS_TYPED` asks for it, as `.ci/slow` does. Otherwise the program is a copy
/// of the one that is built already.
fn installed() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let root = target().join("installed");
        let programs = root.join("bin");
        let [install, _] = quick_start_blocks();
        if std::env::var_os("INSTALL_AS_TYPED").is_some() {
            let install = format!("{} --force --quiet --root \"$ROOT\"", install.trim());
            let mut shell = Command::new("sh");
            shell.args(["-euc", &install]).current_dir(repository());
            output_of(shell.env("ROOT", &root));
        } else {
            assert_eq!(install.trim(), "cargo install --locked --path layer-build");
            fs_err::create_dir_all(&programs).expect("a folder");
            // A new file: another test process may be running the old one.
            let copy = programs.join(format!("cargo-layer-{}", std::process::id()));
            fs_err::copy(cargo_layer(), &copy).expect("a program that can be copied");
            fs_err::rename(&copy, programs.join("cargo-layer")).expect("a program");
        }
        programs
    })
}

/// An empty folder that is in no repository and no workspace, where `cargo layer` is the installed program.
pub struct OutsideRepository(TempDir);

impl OutsideRepository {
    /// Creates one.
    pub fn create() -> Self {
        let folder = tempfile::Builder::new().prefix("a new user's ").tempdir();
        Self(folder.expect("a temporary folder"))
    }

    /// Returns the path of a file inside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    /// Runs a script, which must succeed, and returns its stdout.
    pub fn run(&self, script: &str) -> String {
        output_of(&mut self.shell(script))
    }

    /// Returns a shell with a script to run.
    pub fn shell(&self, script: &str) -> Command {
        let path = std::env::var("PATH").expect("a PATH");
        let mut shell = Command::new("sh");
        shell.args(["-euc", script]).current_dir(self.0.path());
        shell.env("PATH", format!("{}:{path}", installed().display()));
        shell.env("CARGO_TARGET_DIR", target().join("authors/target"));
        // The dependencies have been downloaded for this repository.
        shell.env("CARGO_NET_OFFLINE", "true").env_remove("CARGO");
        shell
    }
}
