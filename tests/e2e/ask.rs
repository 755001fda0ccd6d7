//! `cargo layer tools` and `call`: of a layer, of a crate, of a server.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tests::{Host, Layer, cargo_layer, output_of, repository, target, told_by};

/// What a command prints to stdout and stderr, and its exit code.
fn told(arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(cargo_layer());
    told_by(
        command
            .arg("layer")
            .args(arguments)
            .current_dir(repository()),
    )
}

/// Ways in which the tools of this layer can be asked: as an archive whose path has spaces, and as a server.
fn both(package: &str, ask: impl Fn(&[&str])) {
    let layer = Layer::of([package]);
    let folder = target().join("with spaces");
    fs_err::create_dir_all(&folder).expect("a folder");
    let zip = folder.join("a layer.zip");
    fs_err::copy(target().join(format!("{package}.zip")), &zip).expect("the layer was built");
    ask(&["--layer", &zip.display().to_string()]);
    ask(&["--url", Host::serve(&layer).url()]);
}

#[test]
fn a_proxy_is_not_asked_for_this_machine() {
    both("custom-tools", |source| {
        let mut command = Command::new(cargo_layer());
        command
            .args(["call", "multiply", r#"{"x": 6, "y": 7}"#])
            .args(source);
        // Nobody listens there.
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
            command.env(name, "http://127.0.0.1:9");
        }
        let (told, talk, code) = told_by(&mut command);
        assert_eq!((told.as_str(), code), ("42", Some(0)), "{talk}");
    });
}

#[test]
fn tools_are_listed_for_people_and_for_programs() {
    both("custom-tools", |source| {
        let (stdout, _, code) = told(&[&["tools"], source].concat());
        assert_eq!(code, Some(0));
        let expected = [
            "greet(name: string)",
            "    Greet someone by name.",
            "multiply(x: integer, y: integer)",
            "    Multiply two numbers.",
            "add(a: integer, b: integer)",
            "    Add two numbers.",
        ];
        assert_eq!(stdout.lines().collect::<Vec<_>>(), expected);
        let (stdout, _, _) = told(&[&["tools", "--json"], source].concat());
        let tools: Vec<Value> = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(tools[2]["inputSchema"]["required"], json!(["a", "b"]));
    });
}

#[test]
fn a_call_prints_what_the_tool_gives_in_both_eras() {
    both("custom-tools", |source| {
        for era in ["auto", "modern", "legacy"] {
            let call = ["call", "add", r#"{"a": 1, "b": "2"}"#, "--era", era];
            assert_eq!(
                told(&[&call, source].concat()),
                ("3".to_owned(), String::new(), Some(0))
            );
        }
        let call = ["call", "greet", r#"{"name": "Ada"}"#, "--json"];
        let (stdout, _, _) = told(&[&call, source].concat());
        let result: Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(
            result["content"],
            json!([{ "type": "text", "text": "Hello, Ada!" }])
        );
    });
}

#[test]
fn what_goes_wrong_is_told_on_stderr_with_a_code() {
    both("custom-tools", |source| {
        for (arguments, expected) in [
            (
                &["add", r#"{"a": 1}"#][..],
                "error[TOOL_FAILED]: Invalid arguments for tool add: /b is missing (it must be an integer)",
            ),
            (
                &["multiply", r#"{"x": 9223372036854775807, "y": 2}"#],
                "error[TOOL_FAILED]: the product does not fit into 64 bits",
            ),
            (
                &["ad"],
                "error[UNKNOWN_TOOL]: there is no tool ad\n  help: did you mean add?",
            ),
            (
                &["weather"],
                "error[UNKNOWN_TOOL]: there is no tool weather\n  help: there are greet, multiply, add",
            ),
            (
                &["add", "1"],
                "error[ARGUMENTS]: the arguments are no JSON object: invalid type: integer `1`, expected a map at line 1 column 1\n  help: write them like '{\"text\": \"two words\"}', in quotes that the shell leaves alone",
            ),
        ] {
            let (stdout, stderr, code) = told(&[&["call"], arguments, source].concat());
            assert_eq!(
                (stdout.as_str(), stderr.as_str(), code),
                ("", expected, Some(1))
            );
        }
        // A result in JSON is data, also of a tool that failed.
        let (stdout, stderr, code) = told(&[&["call", "add", "--json"], source].concat());
        assert!(
            stdout.contains("\"isError\": true") && stderr.is_empty(),
            "{stdout}{stderr}"
        );
        assert_eq!(code, Some(1));
    });
    let (_, stderr, code) = told(&["tools", "--url", "http://127.0.0.1:1/mcp"]);
    assert!(
        stderr.starts_with("error[UNREACHABLE]: http://127.0.0.1:1/mcp cannot be reached"),
        "{stderr}"
    );
    assert_eq!(code, Some(1));
    let (_, stderr, code) = told(&["call", "add", "--url", "x", "--layer", "y"]);
    assert!(stderr.contains("cannot be used with"), "{stderr}");
    assert_eq!(code, Some(2));
    let garbage = target().join("garbage.zip");
    fs_err::write(&garbage, "garbage").expect("a file");
    let (_, stderr, code) = told(&["tools", "--layer", &garbage.display().to_string()]);
    assert!(stderr.starts_with("error[ARCHIVE_INVALID]: "), "{stderr}");
    assert!(
        stderr.contains("garbage.zip: not an archive that can be unpacked"),
        "{stderr}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn what_goes_over_the_wire_is_shown_without_secrets() {
    let layer = Layer::of(["custom-tools"]);
    let host = Host::serve(&layer);
    let call = [
        "call",
        "greet",
        r#"{"name": "Ada"}"#,
        "--dump",
        "--header",
        "Authorization: Bearer s3cret",
        "--url",
        host.url(),
    ];
    let (stdout, stderr, _) = told(&call);
    assert_eq!(stdout, "Hello, Ada!");
    for shown in [
        "-> Mcp-Name: greet",
        "-> Authorization: ...",
        "<- 200 OK",
        "\"result\"",
    ] {
        assert!(stderr.contains(shown), "{shown} in {stderr}");
    }
    assert!(!stderr.contains("s3cret"), "{stderr}");
    let (_, stderr, _) = told(&[&call[..], &["--era", "legacy"]].concat());
    for shown in ["\"method\":\"initialize\"", "-> Mcp-Session-Id: "] {
        assert!(stderr.contains(shown), "{shown} in {stderr}");
    }
}

#[test]
fn a_crate_is_built_and_asked_and_what_its_tool_says_meanwhile_is_told() {
    let (stdout, stderr, code) = told(&["call", "count", r#"{"to": 2}"#, "--package", "talks"]);
    assert_eq!((stdout.as_str(), code), ("2", Some(0)), "{stderr}");
    assert!(stderr.contains("progress: 1"), "{stderr}");
}

#[test]
fn arguments_come_from_stdin_as_well() {
    let layer = Layer::of(["custom-tools"]);
    let host = Host::serve(&layer);
    let mut call = Command::new(cargo_layer())
        .args(["call", "add", "-", "--url", host.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo-layer can be run");
    let mut stdin = call.stdin.take().expect("stdin is piped");
    stdin.write_all(br#"{"a": 1, "b": 2}"#).expect("it reads");
    drop(stdin);
    let output = call.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "3\n");
}

#[test]
fn a_layer_that_cannot_be_served_says_why() {
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    let zip = folder.path().join("empty.zip");
    let empty = zip::ZipWriter::new(fs_err::File::create(&zip).expect("a file"));
    empty.finish().expect("an archive");
    let (_, stderr, code) = told(&["tools", "--layer", &zip.display().to_string()]);
    assert!(
        stderr.starts_with("error[PLUGIN_DIR_UNREADABLE]: "),
        "{stderr}"
    );
    assert_eq!(code, Some(1));
    // The variables of the host count, as on Lambda.
    Layer::of(["custom-tools"]);
    let mut tools = Command::new(cargo_layer());
    tools
        .args(["tools", "--layer"])
        .arg(target().join("custom-tools.zip"));
    let listed = output_of(tools.env("TOOLS_LIST", "add"));
    assert!(
        listed.starts_with("add(") && !listed.contains("greet"),
        "{listed}"
    );
}
