//! `cargo layer doctor` and `completions`.

use std::process::Command;

use tests::{cargo_layer, output_of};

#[test]
fn doctor_lists_installed_tools_and_completions_are_a_script() {
    let printed = output_of(Command::new(cargo_layer()).arg("doctor"));
    assert!(printed.contains("ok       Rust: rustc 1."), "{printed}");
    let empty = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(cargo_layer())
        .arg("doctor")
        .env("PATH", empty.path())
        .env_remove("RUSTC")
        .output();
    let output = output.expect("cargo-layer can be run");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains("missing  Rust\n         help: install Rust 1."),
        "{printed}"
    );
    for line in printed.lines().filter(|line| line.starts_with("missing")) {
        let (_, rest) = printed.split_once(line).expect("the line");
        assert!(
            rest.trim_start_matches('\n').starts_with("         help: "),
            "{line}"
        );
    }
    // A toolchain that a file rust-toolchain.toml asks for may be missing, though there is Rust.
    let rustc = empty.path().join("rustc");
    fs_err::write(
        &rustc,
        "#!/bin/sh\necho \"error: toolchain '1.2' is not installed\" >&2\nexit 1\n",
    )
    .expect("a file");
    fs_err::set_permissions(&rustc, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("its mode");
    let (printed, _, _) = tests::run_captured(
        Command::new(cargo_layer())
            .arg("doctor")
            .env("PATH", empty.path()),
    );
    let expected = "missing  Rust\n         help: `rustc --version` fails: error: toolchain '1.2' is not installed\n";
    assert!(printed.contains(expected), "{printed}");
    let script = output_of(Command::new(cargo_layer()).args(["completions", "bash"]));
    let check = "complete -p cargo-layer >/dev/null";
    output_of(Command::new("bash").args(["-c", &format!("{script}\n{check}")]));
}
