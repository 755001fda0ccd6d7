//! `cargo layer tools` and `call`, for a layer, a crate and a server.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tests::{Host, Layer, cargo_layer, output_of, repository, run_captured, target};

/// Returns the stdout, the stderr and the exit code of a command.
fn printed(arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(cargo_layer());
    run_captured(
        command
            .arg("layer")
            .args(arguments)
            .current_dir(repository()),
    )
}

/// Returns the ways to reach the tools of this layer: as an archive with spaces in its path, and as a server.
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
fn a_proxy_is_not_used_for_this_machine() {
    both("custom-tools", |source| {
        let mut command = Command::new(cargo_layer());
        command
            .args(["call", "multiply", r#"{"x": 6, "y": 7}"#])
            .args(source);
        // No server listens there.
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
            command.env(name, "http://127.0.0.1:9");
        }
        let (printed, talk, code) = run_captured(&mut command);
        assert_eq!((printed.as_str(), code), ("42", Some(0)), "{talk}");
    });
}

#[test]
fn tools_are_listed_for_people_and_for_programs() {
    both("custom-tools", |source| {
        let (stdout, _, code) = printed(&[&["tools"], source].concat());
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
        let (stdout, _, _) = printed(&[&["tools", "--json"], source].concat());
        let tools: Vec<Value> = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(tools[2]["inputSchema"]["required"], json!(["a", "b"]));
    });
}

#[test]
fn a_call_prints_the_result_in_both_eras() {
    both("custom-tools", |source| {
        for era in ["auto", "modern", "legacy"] {
            let call = ["call", "add", r#"{"a": 1, "b": "2"}"#, "--era", era];
            assert_eq!(
                printed(&[&call, source].concat()),
                ("3".to_owned(), String::new(), Some(0))
            );
        }
        let call = ["call", "greet", r#"{"name": "Ada"}"#, "--json"];
        let (stdout, _, _) = printed(&[&call, source].concat());
        let result: Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(
            result["content"],
            json!([{ "type": "text", "text": "Hello, Ada!" }])
        );
    });
}

#[test]
fn errors_are_printed_on_stderr_with_a_code() {
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
                "error[UNKNOWN_TOOL]: there is no tool weather\n  help: the tools are greet, multiply, add",
            ),
            (
                &["add", "1"],
                "error[ARGUMENTS]: the arguments are not a JSON object: invalid type: integer `1`, expected a map at line 1 column 1\n  help: write them like '{\"text\": \"two words\"}', in single quotes for the shell",
            ),
        ] {
            let (stdout, stderr, code) = printed(&[&["call"], arguments, source].concat());
            assert_eq!(
                (stdout.as_str(), stderr.as_str(), code),
                ("", expected, Some(1))
            );
        }
        // A result in JSON is data, also of a tool that failed.
        let (stdout, stderr, code) = printed(&[&["call", "add", "--json"], source].concat());
        assert!(
            stdout.contains("\"isError\": true") && stderr.is_empty(),
            "{stdout}{stderr}"
        );
        assert_eq!(code, Some(1));
    });
    let (_, stderr, code) = printed(&["tools", "--url", "http://127.0.0.1:1/mcp"]);
    assert!(
        stderr.starts_with("error[UNREACHABLE]: http://127.0.0.1:1/mcp cannot be reached"),
        "{stderr}"
    );
    assert_eq!(code, Some(1));
    let (_, stderr, code) = printed(&["call", "add", "--url", "http://x", "--layer", "y"]);
    assert!(stderr.contains("cannot be used with"), "{stderr}");
    assert_eq!(code, Some(2));
    let garbage = target().join("garbage.zip");
    fs_err::write(&garbage, "garbage").expect("a file");
    let (_, stderr, code) = printed(&["tools", "--layer", &garbage.display().to_string()]);
    assert!(stderr.starts_with("error[ARCHIVE_INVALID]: "), "{stderr}");
    assert!(
        stderr.contains("garbage.zip: not an archive that can be unpacked"),
        "{stderr}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn dump_shows_messages_without_secrets() {
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
    let (stdout, stderr, _) = printed(&call);
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
    let (_, stderr, _) = printed(&[&call[..], &["--era", "legacy"]].concat());
    for shown in ["\"method\":\"initialize\"", "-> Mcp-Session-Id: "] {
        assert!(stderr.contains(shown), "{shown} in {stderr}");
    }
}

#[test]
fn a_crate_is_built_and_messages_of_its_tool_are_shown() {
    let (stdout, stderr, code) =
        printed(&["call", "count", r#"{"to": 2}"#, "--package", "notifies"]);
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
fn a_tool_that_ends_the_host_is_named() {
    Layer::of(["crashes"]);
    let zip = target().join("crashes.zip").display().to_string();
    let (_, stderr, code) = printed(&["call", "segfault", "--layer", &zip]);
    let (before, after) = stderr
        .split_once("error[HOST_ENDED]: ")
        .unwrap_or_else(|| panic!("{stderr}"));
    assert!(before.contains("fatal: SIGSEGV"), "{stderr}");
    assert!(
        after.starts_with("the host ended with signal: 11 (SIGSEGV)")
            && after.contains(" while the tool segfault ran; its output is above\n  help: "),
        "{stderr}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn the_reason_of_a_panic_is_always_in_the_output() {
    Layer::of(["panics"]);
    let layer = target().join("panics.zip");
    let layer = layer.to_str().expect("UTF-8");
    // The last line of the log comes when the answer is there already.
    for _ in 0..20 {
        let (_, stderr, code) =
            printed(&["call", "--layer", layer, "overflow", r#"{"number":255}"#]);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(stderr.contains("attempt to add with overflow"), "{stderr}");
    }
}

#[test]
fn a_url_needs_a_scheme_and_a_host() {
    for url in ["127.0.0.1:1/mcp", "", "nonsense", "ftp://x", "http://"] {
        let (_, stderr, code) = printed(&["tools", "--url", url]);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(
            stderr.contains("write it like https://example.com/mcp"),
            "{stderr}"
        );
    }
}

#[test]
fn arguments_over_the_limit_are_refused_before_they_are_sent() {
    let layer = target().join("custom-tools.zip").display().to_string();
    Layer::of(["custom-tools"]);
    let mut call = Command::new(cargo_layer())
        .args(["call", "greet", "-", "--layer", &layer])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo-layer can be run");
    let arguments = json!({ "name": "a".repeat(20 << 20) });
    let mut stdin = call.stdin.take().expect("stdin is piped");
    stdin
        .write_all(arguments.to_string().as_bytes())
        .expect("it reads");
    drop(stdin);
    let output = call.wait_with_output().expect("it ends");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(
        printed.starts_with("error[CALL_TOO_LARGE]: the call has 20971531 bytes, but the host accepts at most 6291456, as Lambda does\n  help: "),
        "{printed}"
    );
}

#[test]
fn a_crate_is_asked_with_the_variables_that_dev_gives_it() {
    // A crate outside of any workspace.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut new = Command::new(cargo_layer());
    new.args(["new", "mine", "--sdk"])
        .arg(repository().join("plugin-sdk"));
    output_of(new.current_dir(folder.path()));
    let mine = folder.path().join("mine");
    // A variable with a visible effect: one of the host's own.
    fs_err::write(mine.join(".env"), "TOOLS_LIST=nothing\n").expect("a file");
    let mut tools = Command::new(cargo_layer());
    tools.arg("tools").current_dir(&mine);
    tools.env("CARGO_TARGET_DIR", target().join("authors/target"));
    let (_, stderr, _) = run_captured(tools.env("CARGO_NET_OFFLINE", "true"));
    assert!(stderr.contains("error[TOOLS_LIST_UNMATCHED]: "), "{stderr}");
}

#[test]
fn archives_that_are_no_layers_are_not_even_unpacked() {
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    let bomb = folder.path().join("bomb.zip");
    let mut zip = zip::ZipWriter::new(fs_err::File::create(&bomb).expect("a file"));
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    zip.start_file("data", options).expect("a file to pack");
    let much = vec![0; 1 << 20];
    for _ in 0..1_001 {
        zip.write_all(&much).expect("a file to pack");
    }
    zip.finish().expect("an archive");
    let nowhere = folder.path().join("nowhere.zip");
    for verb in ["tools", "inspect"] {
        for (path, expected) in [
            (
                bomb.as_path(),
                "larger than any archive that Lambda accepts",
            ),
            (&nowhere, "error[FILE_UNREADABLE]: "),
            (folder.path(), "it is a folder; name a file in it"),
        ] {
            let path = path.display().to_string();
            let option = if verb == "tools" {
                vec!["--layer"]
            } else {
                vec![]
            };
            let (_, stderr, code) = printed(&[&[verb], &option[..], &[&path]].concat());
            assert!(stderr.contains(expected), "{verb}: {stderr}");
            assert_eq!(code, Some(1));
        }
    }
}

#[test]
fn files_are_named_as_the_layers_have_them() {
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    Layer::of(["custom-tools"]);
    let zip = target().join("custom-tools.zip").display().to_string();
    let other = folder.path().join("other.zip");
    let mut archive = zip::ZipWriter::new(fs_err::File::create(&other).expect("a file"));
    let library = fs_err::read(tests::build_library("custom-tools")).expect("a library");
    let options = zip::write::SimpleFileOptions::default();
    archive
        .start_file("lib/libother.so", options)
        .expect("a file to pack");
    archive.write_all(&library).expect("a file to pack");
    archive.finish().expect("an archive");
    let other = other.display().to_string();
    let (_, stderr, _) = printed(&["tools", "--layer", &zip, "--layer", &other]);
    let named = [
        format!("{zip}: lib/libcustom_tools.so"),
        format!("{other}: lib/libother.so"),
    ];
    assert!(stderr.starts_with("error[TOOL_DUPLICATE]: "), "{stderr}");
    assert!(named.iter().all(|named| stderr.contains(named)), "{stderr}");
}

#[test]
fn an_unwritable_output_is_reported_before_the_build() {
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    let inside = |path: &str| folder.path().join(path).display().to_string();
    fs_err::write(inside("file"), "").expect("a file");
    for (out, code) in [
        (inside("new/"), "OUT_IS_FOLDER"),
        (inside(""), "OUT_IS_FOLDER"),
        (inside("file/layer.zip"), "OUT_UNWRITABLE"),
        ("/proc/none/layer.zip".to_owned(), "OUT_UNWRITABLE"),
    ] {
        let build = ["build", "--package", "custom-tools", "--out", &out];
        let (_, stderr, _) = printed(&build);
        assert!(stderr.starts_with(&format!("error[{code}]: ")), "{stderr}");
        assert!(stderr.contains("\n  help: "), "{stderr}");
    }
}

#[test]
fn an_unmatched_default_tool_is_reported_for_the_option() {
    let out = target().join("chosen.zip").display().to_string();
    let build = [
        "build",
        "--package",
        "custom-tools",
        "--tools",
        "nosuch",
        "--out",
        &out,
    ];
    let (_, stderr, _) = printed(&build);
    let (_, printed) = stderr
        .split_once("error[TOOLS_LIST_UNMATCHED]: ")
        .expect("the error");
    assert!(
        printed.starts_with("--tools: no tool matches \"nosuch\""),
        "{printed}"
    );
    assert!(
        !printed.contains("help: ") && !printed.contains("TOOLS_LIST"),
        "{printed}"
    );
}

#[test]
fn a_layer_that_cannot_be_served_says_why() {
    let folder = tempfile::tempdir_in(target()).expect("a temporary folder");
    let zip = folder.path().join("empty.zip");
    let empty = zip::ZipWriter::new(fs_err::File::create(&zip).expect("a file"));
    empty.finish().expect("an archive");
    let (_, stderr, code) = printed(&["tools", "--layer", &zip.display().to_string()]);
    assert_eq!(
        stderr,
        "error[PLUGIN_DIR_EMPTY]: MCP_PLUGIN_DIR: lib has no plugin; attach a layer made by `cargo layer build`"
    );
    assert_eq!(code, Some(1));
    // The variables of the host apply, as on Lambda.
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
