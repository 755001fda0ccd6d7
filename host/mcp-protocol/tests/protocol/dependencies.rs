//! The crate's dependencies: serde, serde_json with what JSON needs, and `tool-rules`, which has serde alone.

use std::{collections::BTreeSet, env, process::Command};

/// Returns the crate's dependencies, each after its depth: `1serde`, `2itoa`.
fn dependencies() -> BTreeSet<String> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--package",
            "mcp-layer-protocol",
        ])
        .args(["--edges", "normal,build,no-proc-macro", "--target", "all"])
        .args(["--prefix", "depth", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problems}");
    let tree = String::from_utf8(output.stdout).expect("UTF-8");
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn there_are_serde_and_serde_json_and_the_shared_rules() {
    let dependencies = dependencies();
    let direct: Vec<_> = dependencies
        .iter()
        .filter_map(|name| name.strip_prefix('1'))
        .collect();
    assert_eq!(direct, ["serde", "serde_json", "tool-rules"]);
    let known = [
        "0mcp-layer-protocol",
        "1serde",
        "1serde_json",
        "1tool-rules",
        "2serde",
        "2serde_core",
        // Formatting of numbers, and the search for the end of a string.
        "2itoa",
        "2memchr",
        "2zmij",
    ];
    let unknown: Vec<_> = dependencies
        .iter()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    assert_eq!(unknown, [""; 0]);
}
