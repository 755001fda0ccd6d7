//! Runs the README's quick start and the book's first tool as written, with only the installed program outside of this repository.

use tests::{OutsideRepository, documents, outside_repository::quick_start_blocks, repository};

#[test]
fn the_quick_start_works_as_written() {
    let elsewhere = OutsideRepository::create();
    let [_, user] = quick_start_blocks();
    let report = elsewhere.run(&user);
    for expected in [
        "test tests::long_words_are_counted ... ok",
        "\n2\n",
        "layer: layer.zip",
        "TOOLS_LIST=countWords",
        "passed: 0 errors, 0 warnings",
    ] {
        assert!(report.contains(expected), "{expected:?} in\n{report}");
    }
    // The same steps one after the other, as in a pipeline.
    elsewhere.run(
        "cd my-tools && cargo fmt --check && cargo clippy --quiet --all-targets -- --deny warnings",
    );
    let status = elsewhere.run("cd my-tools && git status --short");
    for made in ["layer.zip", "layer.symbols"] {
        assert!(!status.contains(made), "{status}");
    }
}

#[test]
fn the_first_tool_of_the_book_works_as_written() {
    const PAGE: &str = "docs/author/first-tool.md";
    let block = |heading: &str, language: &str| {
        let [block] = &documents::code(PAGE, heading, language)[..] else {
            panic!("{heading} has not one block of {language}");
        };
        block.clone()
    };
    let [install, _] = quick_start_blocks();
    assert_eq!(block("Install", "sh"), install);
    let elsewhere = OutsideRepository::create();
    elsewhere.run(&block("Make a crate", "sh"));
    let code = block("Write the tool", "rust");
    fs_err::write(elsewhere.path("unit-tools/src/lib.rs"), code).expect("a file");
    let typed = ["Test and call it", "Pack it"].map(|heading| block(heading, "sh"));
    let printed = elsewhere.run(&format!("cd unit-tools\n{}", typed.concat()));
    for expected in [
        "test tests::a_temperature_is_converted ... ok",
        "test tests::an_impossible_temperature_is_an_error ... ok",
        "convert(value: number, to: ",
        "\n68.0\n",
        "layer: layer.zip",
        "passed: 0 errors, 0 warnings",
    ] {
        assert!(printed.contains(expected), "{expected:?} in\n{printed}");
    }
    elsewhere.run(
        "cd unit-tools && cargo fmt --check && cargo clippy --quiet --all-targets -- --deny warnings",
    );
}

#[test]
fn the_readme_shows_the_created_tool() {
    let template = repository().join("layer-build/template/lib.rs");
    let template = fs_err::read_to_string(template).expect("the template");
    let readme = documents::text("README.md");
    assert!(readme.contains(&format!("```rust\n{template}```")));
}

#[test]
fn a_new_crate_becomes_a_member_of_the_workspace_it_is_made_in() {
    let elsewhere = OutsideRepository::create();
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
    elsewhere
        .run("cargo layer new third && cargo metadata --no-deps --format-version 1 >metadata.json");
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
    // Profiles are the workspace's.
    assert!(!second.contains("[profile"), "{second}");
}

#[test]
fn a_failed_creation_leaves_nothing_behind() {
    let elsewhere = OutsideRepository::create();
    // A workspace is left as it was, with its comments.
    let manifest = "[workspace] # none yet\nresolver = \"3\"\nmembers = []\n";
    elsewhere.run("git init --quiet workspace && mkdir workspace/there");
    fs_err::write(elsewhere.path("workspace/Cargo.toml"), manifest).expect("a manifest");
    for (script, code) in [
        ("cargo layer new 'no name'", "NEW_FAILED"),
        ("cargo layer new deep/er/'no name'", "NEW_FAILED"),
        ("cargo layer new there", "NEW_FAILED"),
        ("cargo layer new a --ci github", "CI_NEEDS_SDK"),
        ("cargo layer new deep/er/a --ci github", "CI_NEEDS_SDK"),
        ("cargo layer new plugin-sdk", "NEW_IS_SDK"),
    ] {
        let mut shell = elsewhere.shell(&format!("cd workspace && {script}"));
        let output = shell.output().expect("a shell");
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(report.contains(&format!("error[{code}]: ")), "{report}");
        assert_eq!(output.status.code(), Some(1));
        let left = elsewhere.run("cd workspace && ls -A");
        assert_eq!(left.trim_end(), ".git\nCargo.toml\nthere", "{script}");
        let kept = fs_err::read_to_string(elsewhere.path("workspace/Cargo.toml"));
        assert_eq!(kept.expect("a manifest"), manifest, "{script}");
    }
}

#[test]
fn a_workflow_has_the_steps_of_a_release() {
    let elsewhere = OutsideRepository::create();
    elsewhere.run("git init --quiet . && cargo layer new tools/mine --ci github --sdk https://example.com/host.git#0123");
    let manifest =
        fs_err::read_to_string(elsewhere.path("tools/mine/Cargo.toml")).expect("a manifest");
    assert!(
        manifest
            .contains("plugin-sdk = { git = \"https://example.com/host.git\", rev = \"0123\" }"),
        "{manifest}"
    );
    assert!(
        manifest.ends_with("\n[profile.dev.package.\"*\"]\ndebug = false\n"),
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
            "cargo install --locked --git https://example.com/host.git --rev 0123 cargo-layer",
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
