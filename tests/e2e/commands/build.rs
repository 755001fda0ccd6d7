//! `cargo layer build --include` and `cargo layer host --as-layer`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tests::{cargo_layer, output_of, repository, target};

/// Creates a plugin outside of this repository that is linked against a library from C; returns both.
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
        // Cargo's own list of folders would find it only here.
        build.env_remove("LD_LIBRARY_PATH");
        for include in includes {
            build.arg("--include").arg(include);
        }
        build.output().expect("cargo-layer can be run")
    };
    let alone = build(&[]);
    let output = String::from_utf8_lossy(&alone.stderr);
    assert!(
        output.contains("error[PLUGIN_LOAD_FAILED]: ") && output.contains("libgreeting.so"),
        "{output}"
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
    let output = String::from_utf8_lossy(&refused.stderr);
    assert!(
        output.starts_with("error[LIBRARY_UNREADABLE]: "),
        "{output}"
    );
}

#[test]
fn the_host_is_a_layer_as_well() {
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    // The function that other tests have built.
    tests::bootstrap();
    let zip = folder.path().join("host-layer.zip");
    let mut host = Command::new(cargo_layer());
    host.args(["host", "--as-layer", "--out"])
        .arg(&zip)
        .current_dir(repository());
    let output = output_of(&mut host);
    assert!(
        output.starts_with(&format!("layer: {}\n", zip.display())),
        "{output}"
    );
    // Unpacked it is in /opt, where Lambda looks for it; it equals the function's, byte for byte.
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
