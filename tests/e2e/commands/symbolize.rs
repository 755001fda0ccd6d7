//! `cargo layer symbolize`: turns addresses in a log into functions and lines.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::json;
use tests::{FrontDoor, Host, Layer, cargo_layer, repository, target};

fn symbolized(layer: &Path, options: &[&str], log: &str) -> String {
    let printed = symbolized_bytes(layer, options, log.as_bytes());
    String::from_utf8(printed).expect("text")
}

fn symbolized_bytes(layer: &Path, options: &[&str], log: &[u8]) -> Vec<u8> {
    let mut symbolize = Command::new(cargo_layer())
        .arg("symbolize")
        .arg(layer)
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo-layer can be run");
    let mut stdin = symbolize.stdin.take().expect("stdin is piped");
    stdin.write_all(log).expect("it reads");
    drop(stdin);
    let output = symbolize.wait_with_output().expect("it ends");
    assert!(output.status.success());
    output.stdout
}

/// Returns the number of the line of a fixture that contains this text.
fn line_of(fixture: &str, code: &str) -> (PathBuf, usize) {
    let path = repository()
        .join("tests/fixtures")
        .join(fixture)
        .join("src/lib.rs");
    let source = fs_err::read_to_string(&path).expect("a source");
    let line = source.lines().position(|line| line.contains(code));
    (path, line.expect("the code") + 1)
}

#[test]
fn a_crash_is_traced_to_its_function_and_line() {
    let layer = Layer::of(["crashes"]);
    let zip = target().join("crashes.zip");
    let host = Host::lambda(&layer, FrontDoor::rest_api("prod"));
    let params = json!({ "name": "segfault", "arguments": {} });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    host.connect().post(&[], &call);
    host.wait_for_log("fatal: SIGSEGV");
    let printed = symbolized(&zip, &[], &host.log());
    let (path, line) = line_of("crashes", "nowhere.write_volatile(1)");
    let expected = format!("\n    segfault at {}:{line}\n", path.display());
    assert!(printed.contains(&expected), "{expected} in\n{printed}");
    // The input is still there, line by line.
    let kept: Vec<_> = printed
        .lines()
        .filter(|line| !line.starts_with("    "))
        .collect();
    assert_eq!(kept, host.log().lines().collect::<Vec<_>>());

    // An address without a build id belongs to the layer's own library.
    let fatal = printed
        .lines()
        .find(|line| line.starts_with("fatal: "))
        .expect("the line");
    let (address, rest) = fatal.split_once(" (build id ").expect("a build id");
    let (build_id, _) = rest.split_once(')').expect("a build id");
    assert!(
        symbolized(&zip, &[], address).contains(&expected[1..]),
        "{address}"
    );
    // Addresses of another build are not resolved.
    let other = fatal.replace(build_id, &"0".repeat(build_id.len()));
    let printed = symbolized(&zip, &[], &other);
    assert!(printed.contains("no symbols of build id 0000"), "{printed}");
    // Symbols may have been moved.
    let moved = tempfile::tempdir_in(target()).expect("a temporary folder");
    let elsewhere = moved.path().join("all symbols");
    let from = target().join("crashes.symbols");
    tests::output_of(Command::new("cp").arg("-r").args([&from, &elsewhere]));
    let option = elsewhere.display().to_string();
    assert!(symbolized(&zip, &["--symbols", &option], fatal).contains(&expected[1..]));
}

#[test]
fn a_panic_with_its_line_passes_unchanged() {
    let layer = Layer::of(["panics"]);
    let host = Host::serve(&layer);
    host.connect()
        .call("explode", json!({ "secret": "s3cret" }))
        .error_text();
    let (_, line) = line_of("panics", "the secret is");
    host.wait_for_log(&format!("at tests/fixtures/panics/src/lib.rs:{line}"));
    let log = host.log();
    assert_eq!(symbolized(&target().join("panics.zip"), &[], &log), log);
}

#[test]
fn bytes_that_are_not_text_pass_unchanged() {
    Layer::of(["custom-tools"]);
    let zip = target().join("custom-tools.zip");
    let log = b"before\n\xff\xfe \0 libother.so+0x1\r\nafter\n";
    let printed = symbolized_bytes(&zip, &[], log);
    let expected = b"before\n\xff\xfe \0 libother.so+0x1\r\n    libother.so+0x1: the layer has no library of this name\nafter\n";
    assert_eq!(
        printed.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

#[test]
fn missing_symbols_are_reported_with_their_folder() {
    Layer::of(["custom-tools"]);
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    let zip = folder.path().join("alone.zip");
    fs_err::copy(target().join("custom-tools.zip"), &zip).expect("the layer was built");
    let output = Command::new(cargo_layer())
        .arg("symbolize")
        .arg(&zip)
        .stdin(Stdio::null())
        .output();
    let output = output.expect("cargo-layer can be run");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(
        printed.starts_with("error[NO_SYMBOLS]: ") && printed.contains("alone.symbols"),
        "{printed}"
    );
    assert_eq!(output.status.code(), Some(1));
    // A missing layer is reported as missing.
    let mut symbolize = Command::new(cargo_layer());
    let nowhere = folder.path().join("nowhere.zip");
    let (_, printed, _) = tests::run_captured(symbolize.arg("symbolize").arg(&nowhere));
    assert!(printed.starts_with("error[FILE_UNREADABLE]: "), "{printed}");
}
