//! Layers for the other CPU, with libraries of their own, and the host as a layer: `cargo layer build --arch`, `--include`, and
//! `host --as-layer`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tests::{cargo_layer, output_of, repository, target};

/// The CPU that this machine does not have: as Lambda and as Rust name it.
fn other() -> (&'static str, &'static str) {
    if cfg!(target_arch = "x86_64") {
        ("arm64", "aarch64")
    } else {
        ("x86_64", "x86_64")
    }
}

/// A PATH with cargo-zigbuild and zig; else why there is none.
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
    // What is declared is what the same sources declare here.
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
    // The manifest says where its declarations come from, and the sources' folders stand nowhere.
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
fn without_zig_it_is_said_how_to_get_it() {
    // A PATH with the compiler alone.
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

/// A plugin outside of this repository that is linked against a library from C, and that library.
fn greeter() -> (PathBuf, PathBuf) {
    let folder = target().join("authors/greeter");
    let native = folder.join("native");
    for inside in ["src", "native"] {
        fs_err::create_dir_all(folder.join(inside)).expect("a folder");
    }
    let code = native.join("greeting.c");
    fs_err::write(&code, "int greeting(void) { return 42; }\n").expect("a source");
    let library = native.join("libgreeting.so");
    output_of(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-s", "-o"])
            .args([&library, &code]),
    );
    let sdk = repository().join("plugin-sdk");
    let manifest = format!(
        "[package]\nname = \"greeter\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nplugin-sdk = {{ path = {:?} }}\n\n[workspace]\n",
        sdk.display().to_string()
    );
    let build = format!(
        "fn main() {{\n    println!(\"cargo::rustc-link-search=native={}\");\n    println!(\"cargo::rustc-link-lib=dylib=greeting\");\n}}\n",
        native.display()
    );
    let source = "//! Asks a library from C.\n\nuse plugin_sdk::prelude::*;\n\nunsafe extern \"C\" {\n    safe fn greeting() -> i32;\n}\n\n\
                  /// What the library says.\n#[tool(read_only)]\npub fn ask() -> i32 {\n    greeting()\n}\n\nexport_tools!(ask);\n";
    for (file, text) in [
        ("Cargo.toml", manifest.as_str()),
        ("build.rs", &build),
        ("src/lib.rs", source),
    ] {
        fs_err::write(folder.join(file), text).expect("a file");
    }
    fs_err::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
    (folder, library)
}

#[test]
fn a_library_that_is_included_is_found_beside_the_plugin() {
    let (folder, library) = greeter();
    let zip = folder.join("layer.zip");
    let build = |includes: &[&Path]| {
        let mut build = Command::new(cargo_layer());
        build
            .args(["build", "--out"])
            .arg(&zip)
            .current_dir(&folder);
        build.env("CARGO_TARGET_DIR", target().join("authors/target"));
        // Cargo's own list of folders would find it here, and nowhere else.
        build.env_remove("LD_LIBRARY_PATH");
        for include in includes {
            build.arg("--include").arg(include);
        }
        build.output().expect("cargo-layer can be run")
    };
    let alone = build(&[]);
    let told = String::from_utf8_lossy(&alone.stderr);
    assert!(
        told.contains("error[PLUGIN_LOAD_FAILED]: ") && told.contains("libgreeting.so"),
        "{told}"
    );
    let whole = build(&[&library]);
    assert!(
        whole.status.success(),
        "{}",
        String::from_utf8_lossy(&whole.stderr)
    );
    let mut call = Command::new(cargo_layer());
    call.args(["call", "ask", "--layer"]).arg(&zip);
    assert_eq!(output_of(call.env_remove("LD_LIBRARY_PATH")), "42\n");
    output_of(
        Command::new(cargo_layer())
            .args(["check", "--strict"])
            .arg(&zip),
    );

    let text = folder.join("text.so");
    fs_err::write(&text, "text").expect("a file");
    let refused = build(&[&text]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.starts_with("error[LIBRARY_UNREADABLE]: "), "{told}");
}

#[test]
fn the_host_is_a_layer_as_well() {
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    // What the other tests have built.
    tests::bootstrap();
    let zip = folder.path().join("host-layer.zip");
    let mut host = Command::new(cargo_layer());
    host.args(["host", "--as-layer", "--out"])
        .arg(&zip)
        .current_dir(repository());
    let told = output_of(&mut host);
    assert!(
        told.starts_with(&format!("layer: {}\n", zip.display())),
        "{told}"
    );
    // Unpacked it lies in /opt, where Lambda looks for it; it is the same as the function's, byte for byte.
    assert_eq!(
        tests::sha256(&zip),
        tests::sha256(&target().join("function.zip"))
    );
    tests::Layer::of(["custom-tools"]);
    let mut check = Command::new(cargo_layer());
    check
        .args(["check", "--strict", "--json"])
        .arg(target().join("custom-tools.zip"))
        .arg(&zip);
    let report: Value = serde_json::from_str(&output_of(&mut check)).expect("JSON");
    assert_eq!(report["tools"], json!(["greet", "multiply", "add"]));
}

#[test]
fn the_doctor_says_what_is_there_and_completions_are_a_script() {
    let told = output_of(Command::new(cargo_layer()).arg("doctor"));
    assert!(told.contains("ok       Rust: rustc 1."), "{told}");
    let empty = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(cargo_layer())
        .arg("doctor")
        .env("PATH", empty.path())
        .env_remove("RUSTC")
        .output();
    let output = output.expect("cargo-layer can be run");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("missing  Rust\n         help: Rust 1."),
        "{told}"
    );
    for line in told.lines().filter(|line| line.starts_with("missing")) {
        let (_, rest) = told.split_once(line).expect("the line");
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
    let (told, _, _) = tests::told_by(
        Command::new(cargo_layer())
            .arg("doctor")
            .env("PATH", empty.path()),
    );
    let expected = "missing  Rust\n         help: `rustc --version` says: error: toolchain '1.2' is not installed\n";
    assert!(told.contains(expected), "{told}");
    let script = output_of(Command::new(cargo_layer()).args(["completions", "bash"]));
    let check = "complete -p cargo-layer >/dev/null";
    output_of(Command::new("bash").args(["-c", &format!("{script}\n{check}")]));
}

#[test]
fn whoever_has_seen_enough_ends_it_quietly() {
    tests::Layer::of(["custom-tools"]);
    let mut inspect = Command::new(cargo_layer())
        .args(["inspect", "--json"])
        .arg(target().join("custom-tools.zip"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo-layer can be run");
    // Nobody reads what it is about to print.
    drop(inspect.stdout.take());
    let output = inspect.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{told}");
}
