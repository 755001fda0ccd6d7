//! Layers for the other CPU: `cargo layer build --arch`.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use tests::{cargo_layer, output_of, repository, target};

/// Returns the CPU that this machine does not have, by its names in Lambda and in Rust.
fn other() -> (&'static str, &'static str) {
    if cfg!(target_arch = "x86_64") {
        ("arm64", "aarch64")
    } else {
        ("x86_64", "x86_64")
    }
}

/// Returns a PATH with cargo-zigbuild and zig, else the reason why there is none.
fn path_with_zig() -> Result<String, String> {
    let venv = target().join("zig");
    let done = |command: &mut Command| {
        let output = command
            .output()
            .map_err(|error| format!("{command:?}: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    };
    if !venv.join("bin/cargo-zigbuild").exists() {
        done(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let mut pip = Command::new(venv.join("bin/pip"));
        done(pip.args(["install", "--quiet", "cargo-zigbuild", "ziglang"]))?;
    }
    done(Command::new("rustup").args([
        "target",
        "add",
        &format!("{}-unknown-linux-gnu", other().1),
    ]))?;
    let path = std::env::var("PATH").map_err(|error| error.to_string())?;
    Ok(format!("{}:{path}", venv.join("bin").display()))
}

#[test]
fn a_layer_for_the_other_cpu_is_complete_without_an_emulator() {
    let path = match path_with_zig() {
        Ok(path) => path,
        Err(reason) => {
            eprintln!("not tested: {reason}");
            return;
        }
    };
    let (arch, cpu) = other();
    let zip = target().join(format!("custom-tools-{arch}.zip"));
    let mut build = Command::new(cargo_layer());
    build
        .args([
            "build",
            "--package",
            "custom-tools",
            "--arch",
            arch,
            "--out",
        ])
        .arg(&zip);
    let told = output_of(build.current_dir(repository()).env("PATH", &path));
    assert!(told.contains("TOOLS_LIST=greet,multiply,add"), "{told}");

    let read = |verb: &str, zip: &Path| -> Value {
        let text = output_of(Command::new(cargo_layer()).args([verb, "--json"]).arg(zip));
        serde_json::from_str(&text).expect("JSON")
    };
    let shown = read("inspect", &zip);
    assert_eq!(shown["plugins"][0]["cpu"], cpu);
    // The declaration equals that of the same sources here.
    tests::Layer::of(["custom-tools"]);
    let here = read("inspect", &target().join("custom-tools.zip"));
    assert_eq!(shown["plugins"][0]["tools"], here["plugins"][0]["tools"]);
    assert_eq!(shown["plugins"][0]["digest"], here["plugins"][0]["digest"]);
    let report = read("check", &zip);
    assert_eq!(
        (&report["findings"], &report["passed"]),
        (&json!([]), &json!(true))
    );
    let not_seen = report["notSeen"].to_string();
    assert!(
        not_seen.contains(&format!("they are for {cpu}")),
        "{not_seen}"
    );
    // The manifest names the source of its declarations, and contains no folder of the sources.
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    output_of(
        Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .args([&zip, &folder.path().to_owned()]),
    );
    let manifest = fs_err::read_to_string(folder.path().join("lib/custom-tools.layer.json"))
        .expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["declaredOn"], std::env::consts::ARCH);
    let library = fs_err::read(folder.path().join("lib/libcustom_tools.so")).expect("a library");
    let home = std::env::var("HOME").expect("a home");
    for path in [
        format!("{home}/.cargo/registry"),
        repository().display().to_string(),
    ] {
        assert!(
            !library
                .windows(path.len())
                .any(|window| window == path.as_bytes()),
            "{path}"
        );
    }
}

#[test]
fn a_missing_zig_is_reported_with_its_source() {
    // A PATH with only the compiler.
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    for program in ["cargo", "rustc"] {
        let found = output_of(Command::new("sh").args(["-c", &format!("command -v {program}")]));
        fs_err::os::unix::fs::symlink(found.trim(), folder.path().join(program)).expect("a link");
    }
    let mut build = Command::new(cargo_layer());
    build.args(["build", "--package", "custom-tools", "--arch", other().0]);
    build.arg("--out").arg(folder.path().join("layer.zip"));
    build
        .env("PATH", folder.path())
        .env_remove("CARGO_ZIGBUILD_ZIG_PATH");
    let output = build
        .current_dir(repository())
        .output()
        .expect("cargo-layer can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("error[NO_ZIG]: ") && told.contains("pip install cargo-zigbuild ziglang"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(1));
}
