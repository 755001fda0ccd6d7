//! A place where nothing of this repository is in reach but `cargo layer`, installed as the README says.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::{documents, output_of, repository, target};

/// The shell's code in the README's quick start: first what is typed in the clone, then what is typed elsewhere.
pub fn transcript() -> [String; 2] {
    let mut blocks = documents::code("README.md", "Quick start", "sh").into_iter();
    [
        blocks.next().expect("the clone's"),
        blocks.next().expect("the user's"),
    ]
}

/// The folder of the programs that the README's first line has installed: in the profile `dev`, of which everything is built
/// already, and beside the user's own.
fn installed() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let root = target().join("installed");
        let [install, _] = transcript();
        let install = format!(
            "{} --debug --force --quiet --root \"$ROOT\"",
            install.trim()
        );
        let mut shell = Command::new("sh");
        shell.args(["-euc", &install]).current_dir(repository());
        shell
            .env("ROOT", &root)
            .env("CARGO_TARGET_DIR", target().parent().expect("a folder"));
        output_of(&mut shell);
        root.join("bin")
    })
}

/// An empty folder that is in no repository and no workspace, where `cargo layer` is the installed program.
pub struct OutsideRepository(TempDir);

impl OutsideRepository {
    /// Makes one.
    pub fn create() -> Self {
        let folder = tempfile::Builder::new().prefix("a new user's ").tempdir();
        Self(folder.expect("a temporary folder"))
    }

    /// The path of what is inside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    /// Run a script; it must succeed. What is printed to stdout.
    pub fn run(&self, script: &str) -> String {
        output_of(&mut self.shell(script))
    }

    /// A shell with a script to run.
    pub fn shell(&self, script: &str) -> Command {
        let path = std::env::var("PATH").expect("a PATH");
        let mut shell = Command::new("sh");
        shell.args(["-euc", script]).current_dir(self.0.path());
        shell.env("PATH", format!("{}:{path}", installed().display()));
        shell.env("CARGO_TARGET_DIR", target().join("authors/target"));
        // What is built here has been downloaded for this repository.
        shell.env("CARGO_NET_OFFLINE", "true").env_remove("CARGO");
        shell
    }
}
