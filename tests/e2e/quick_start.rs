//! What the README tells a new user, done as told: nothing of this repository is in reach but by the installed program.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;
use tests::{output_of, repository, target};

/// The shell's code in the README's quick start: first what is typed in the clone, then what is typed elsewhere.
fn transcript() -> [String; 2] {
    let readme = fs_err::read_to_string(repository().join("README.md")).expect("a README");
    let section = readme
        .split("\n## ")
        .find(|section| section.starts_with("Quick start"));
    let blocks = section.expect("a quick start").split("```sh\n").skip(1);
    let mut blocks = blocks.filter_map(|block| Some(block.split_once("```")?.0.to_owned()));
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
struct Elsewhere(TempDir);

impl Elsewhere {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("a new user's ").tempdir();
        Self(folder.expect("a temporary folder"))
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    /// Run a script; it must succeed. What is printed to stdout.
    fn run(&self, script: &str) -> String {
        output_of(&mut self.shell(script))
    }

    fn shell(&self, script: &str) -> Command {
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

#[test]
fn the_quick_start_works_as_it_is_told() {
    let elsewhere = Elsewhere::new();
    let [_, user] = transcript();
    let told = elsewhere.run(&user);
    for expected in [
        "test tests::long_words_are_counted ... ok",
        "\n2\n",
        "layer: layer.zip",
        "TOOLS_LIST=countWords",
        "passed: 0 errors, 0 warnings",
    ] {
        assert!(told.contains(expected), "{expected:?} in\n{told}");
    }
    // The same steps one after the other, as a pipeline has them.
    elsewhere.run(
        "cd my-tools && cargo fmt --check && cargo clippy --quiet --all-targets -- --deny warnings",
    );
    let status = elsewhere.run("cd my-tools && git status --short");
    assert!(!status.contains("layer.zip"), "{status}");
}

#[test]
fn the_readme_shows_the_tool_that_is_made() {
    let template = repository().join("layer-build/template/lib.rs");
    let template = fs_err::read_to_string(template).expect("the template");
    let readme = fs_err::read_to_string(repository().join("README.md")).expect("a README");
    assert!(readme.contains(&format!("```rust\n{template}```")));
}

#[test]
fn a_new_crate_becomes_a_member_of_the_workspace_it_is_made_in() {
    let elsewhere = Elsewhere::new();
    fs_err::write(
        elsewhere.path("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"first\"]\n",
    )
    .expect("a manifest");
    fs_err::create_dir(elsewhere.path("first")).expect("a folder");
    elsewhere.run("cargo init --quiet --lib first && cargo layer new second");
    let manifest = fs_err::read_to_string(elsewhere.path("Cargo.toml")).expect("a manifest");
    assert!(manifest.contains("\"second\""), "{manifest}");
    // A source that members share is shared.
    let sdk = repository().join("plugin-sdk");
    let shared = format!(
        "{manifest}\n[workspace.dependencies]\nplugin-sdk = {{ path = {:?} }}\n",
        sdk.display().to_string()
    );
    fs_err::write(elsewhere.path("Cargo.toml"), shared).expect("a manifest");
    elsewhere.run("cargo layer new third && cargo metadata --no-deps --format-version 1 >metadata.json");
    let third = fs_err::read_to_string(elsewhere.path("third/Cargo.toml")).expect("a manifest");
    assert!(
        third.contains("plugin-sdk = { workspace = true, features = [\"testing\"] }"),
        "{third}"
    );
    let second = fs_err::read_to_string(elsewhere.path("second/Cargo.toml")).expect("a manifest");
    assert!(
        second.contains(&format!("plugin-sdk = {{ path = \"{}\" }}", sdk.display())),
        "{second}"
    );
}

#[test]
fn what_cannot_be_made_leaves_nothing_behind() {
    let elsewhere = Elsewhere::new();
    for (script, code) in [
        ("cargo layer new 'no name'", "NEW_FAILED"),
        ("cargo layer new a --ci github", "CI_NEEDS_SDK"),
    ] {
        let output = elsewhere.shell(script).output().expect("a shell");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(&format!("error[{code}]: ")), "{told}");
        assert_eq!(output.status.code(), Some(1));
    }
    let left = fs_err::read_dir(elsewhere.0.path())
        .expect("a folder")
        .count();
    assert_eq!(left, 0);
}

#[test]
fn a_workflow_has_the_steps_of_a_release() {
    let elsewhere = Elsewhere::new();
    elsewhere.run("git init --quiet . && cargo layer new tools/mine --ci github --sdk https://example.com/host.git#0123");
    let manifest =
        fs_err::read_to_string(elsewhere.path("tools/mine/Cargo.toml")).expect("a manifest");
    assert!(
        manifest
            .contains("plugin-sdk = { git = \"https://example.com/host.git\", rev = \"0123\" }"),
        "{manifest}"
    );
    let workflow =
        fs_err::read_to_string(elsewhere.path(".github/workflows/mine.yml")).expect("a workflow");
    let steps: Vec<_> = workflow
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- run: "))
        .collect();
    assert_eq!(
        steps,
        [
            "rustup update stable && rustup default stable",
            "cargo install --locked --git https://example.com/host.git --rev 0123 layer-build",
            "cargo fmt --check",
            "cargo clippy --all-targets -- --deny warnings",
            "cargo test",
            "cargo layer build --package mine --out layer.zip",
            "cargo layer check layer.zip",
        ]
    );
    assert!(
        workflow.contains("cargo layer diff released.zip layer.zip"),
        "{workflow}"
    );
    assert!(
        workflow.contains("working-directory: tools/mine\n"),
        "{workflow}"
    );
}
