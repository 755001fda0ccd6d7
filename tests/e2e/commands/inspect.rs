//! `cargo layer inspect` and `diff`: the content of a layer, and the changes between two.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tests::{
    Layer, bootstrap, build_library, cargo_layer, declaration, manifest, output_of, packed,
    run_captured, script, scripted, sha256, target, tool,
};

fn layer_of(package: &str) -> std::path::PathBuf {
    Layer::of([package]);
    target().join(format!("{package}.zip"))
}

/// Returns the stdout, the stderr and the exit code of a command.
fn printed(verb: &str, files: &[&Path], options: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(cargo_layer());
    run_captured(command.arg(verb).args(files).args(options))
}

/// Replaces hashes and sizes, which change with the compiler, and the CPU.
fn without_numbers(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches(',');
        let is_hash = bare.len() >= 40 && bare.chars().all(|c| c.is_ascii_hexdigit());
        let is_library =
            bare.starts_with("lib") && bare.contains(".so.") || bare.starts_with("ld-linux");
        match bare {
            _ if is_hash => word.replace(bare, "[hash]"),
            _ if is_library => word.replace(bare, "[library]"),
            "x86_64" | "aarch64" => word.replace(bare, "[cpu]"),
            _ if bare.starts_with("GLIBC_") => word.replace(bare, "[glibc]"),
            _ => word.to_owned(),
        }
    };
    let line = |line: &str| {
        let line: Vec<_> = line.split(' ').map(word).collect();
        line.join(" ")
    };
    let lines: Vec<_> = text.lines().map(line).collect();
    let folder = target().display().to_string();
    let text = lines.join("\n").replace(&folder, "[target]");
    let mut numbers = text.split(" bytes").map(str::to_owned).collect::<Vec<_>>();
    let last = numbers.pop().expect("a text");
    let numbers = numbers.iter().map(|part| {
        let end = part.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        match &part[end..] {
            "" => format!("{part} bytes"),
            _ => format!("{}[n] bytes", &part[..end]),
        }
    });
    numbers.collect::<String>() + &last
}

#[test]
fn a_layer_is_shown_in_tables() {
    let (stdout, stderr, code) = printed("inspect", &[&layer_of("custom-tools")], &[]);
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
    assert_snapshot!(without_numbers(&stdout), @r#"
    [target]/custom-tools.zip
      [n] bytes, sha256 [hash]
      layer custom-tools 0.1.0, by default all tools

    libcustom_tools.so
      crate        custom-tools 0.1.0
      built with   plugin-sdk 0.1.0, payloads 1, panic = "unwind"
      oldest host  0.1.0
      for          [cpu], [glibc]
      needs        [library], [library], [library]
      size         [n] bytes
      sha256       [hash]
      build id     [hash]

      tool      bytes  tokens, about  says        parameters
      greet       244             61  reads only  name
      multiply    339             85  reads only  x, y
      add         331             83  reads only  a, b
      all         914            229
    "#);
}

#[test]
fn a_layer_is_shown_as_json_with_the_cost_of_its_tools() {
    let (stdout, _, _) = printed("inspect", &[&layer_of("custom-tools")], &["--json"]);
    let shown: Value = serde_json::from_str(&stdout).expect("JSON");
    let tools = shown["plugins"][0]["tools"].as_array().expect("tools");
    assert_eq!(tools.len(), 3);
    let mut all = 0;
    for tool in tools {
        let bytes = tool["declaration"].to_string().len();
        assert_eq!(
            tool["weight"],
            json!({ "bytes": bytes, "tokens": bytes.div_ceil(4) })
        );
        all += bytes;
    }
    assert_eq!(shown["weight"]["bytes"], all);
    assert_eq!(shown["plugins"][0]["crate"], "custom-tools");
    // A single library has the same declaration, and so has a layer without a manifest.
    let (stdout, _, _) = printed("inspect", &[&build_library("custom-tools")], &["--json"]);
    let library: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(library["plugins"][0]["tools"], shown["plugins"][0]["tools"]);
    assert_eq!(
        library["plugins"][0]["digest"],
        shown["plugins"][0]["digest"]
    );
    let bare = packed(
        "bare.zip",
        &[(
            "lib/libcustom_tools.so",
            &fs_err::read(build_library("custom-tools")).expect("a library"),
        )],
    );
    let (stdout, _, _) = printed("inspect", &[&bare], &["--json"]);
    let bare: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(bare["plugins"][0]["tools"], shown["plugins"][0]["tools"]);
}

/// Creates a layer that declares these tools.
fn declaring(name: &str, tools: &[Value]) -> std::path::PathBuf {
    let declaration = declaration(tools);
    let library = scripted(&script(&declaration));
    let manifest = manifest("scripted", "libscripted.so", &library, &declaration).to_string();
    packed(
        name,
        &[
            ("lib/libscripted.so", &library),
            ("lib/scripted.layer.json", manifest.as_bytes()),
        ],
    )
}

fn with(name: &str, members: Value) -> Value {
    let mut changed = tool(name);
    for (member, value) in members.as_object().expect("members") {
        changed["tool"][member] = value.clone();
    }
    changed
}

#[test]
fn breaking_changes_are_listed_and_set_the_exit_code() {
    let harmless = json!({ "annotations": { "readOnlyHint": true } });
    let old = declaring(
        "old.zip",
        &[
            with("find", harmless.clone()),
            with("gone", harmless.clone()),
        ],
    );
    let same = printed("diff", &[&old, &old], &[]);
    assert_eq!(
        same,
        (
            "0 breaking, 0 compatible, 0 newly destructive".to_owned(),
            String::new(),
            Some(0)
        )
    );

    let reworded = with(
        "find",
        json!({ "description": "Finds it.", "annotations": { "readOnlyHint": true } }),
    );
    let new = declaring(
        "compatible.zip",
        &[
            reworded,
            with("gone", harmless.clone()),
            with("more", harmless.clone()),
        ],
    );
    let (stdout, _, code) = printed("diff", &[&old, &new], &[]);
    assert_snapshot!(stdout, @"
    compatible   find: its description changed
    compatible   more: is new
    0 breaking, 2 compatible, 0 newly destructive
    ");
    assert_eq!(code, Some(0));

    let new = declaring(
        "destructive.zip",
        &[
            with("find", harmless.clone()),
            with("gone", harmless.clone()),
            with(
                "wipe",
                json!({ "annotations": { "destructiveHint": true } }),
            ),
        ],
    );
    let (stdout, _, code) = printed("diff", &[&old, &new], &[]);
    assert_snapshot!(stdout, @"
    compatible   wipe: is new
    destructive  wipe: becomes callable, and declares that it destroys
    0 breaking, 1 compatible, 1 newly destructive
    ");
    assert_eq!(code, Some(4));

    let demanding = json!({
        "inputSchema": { "type": "object", "properties": { "what": { "type": "string" } }, "required": ["what"] },
        "annotations": { "destructiveHint": true },
    });
    let new = declaring("breaking.zip", &[with("find", demanding)]);
    let (stdout, _, code) = printed("diff", &[&old, &new], &[]);
    assert_snapshot!(stdout, @"
    breaking     find: argument what: is new and required
    compatible   find: its annotations changed
    destructive  find: becomes callable, and declares that it destroys
    breaking     gone: is gone
    2 breaking, 1 compatible, 1 newly destructive
    ");
    assert_eq!(code, Some(3));
    let (stdout, _, code) = printed("diff", &[&old, &new], &["--json"]);
    let all: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(
        (&all["breaking"], &all["newlyDestructive"], code),
        (&json!(true), &json!(1), Some(3))
    );
    assert_eq!(
        all["changes"][0],
        json!({ "tool": "find", "effect": "breaking", "what": "argument what: is new and required" })
    );
}

#[test]
fn a_changed_cpu_is_listed_with_the_changes() {
    let hello = declaration(&[tool("hello")]);
    let mut library = scripted(&script(&hello));
    let layer = |name: &str, library: &[u8]| {
        let manifest = manifest("scripted", "libscripted.so", library, &hello).to_string();
        let files: [(&str, &[u8]); 2] = [
            ("lib/libscripted.so", library),
            ("lib/scripted.layer.json", manifest.as_bytes()),
        ];
        packed(name, &files)
    };
    let here = layer("here.zip", &library);
    // `e_machine`: 183 is EM_AARCH64, 62 EM_X86_64.
    let (other, machine) = match std::env::consts::ARCH {
        "x86_64" => ("aarch64", 183),
        _ => ("x86_64", 62),
    };
    library[18] = machine;
    let there = layer("there.zip", &library);
    let (stdout, _, code) = printed("diff", &[&here, &there], &[]);
    let this = std::env::consts::ARCH;
    let expected = format!(
        "the CPU changed: {this} before, {other} now\n0 breaking, 0 compatible, 0 newly destructive"
    );
    assert_eq!((stdout, code), (expected, Some(0)));
    let (stdout, _, _) = printed("diff", &[&here, &there], &["--json"]);
    let all: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(all["cpu"], json!({ "old": this, "new": other }));
}

#[test]
fn shells_complete_visible_verbs_only() {
    // In the scripts `__` also separates verbs.
    fn words(script: &str) -> impl Iterator<Item = &str> {
        script.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = output_of(Command::new(cargo_layer()).args(["completions", shell]));
        assert!(
            script.contains("symbolize") && script.contains("manifest-path"),
            "{shell}"
        );
        assert!(
            !words(&script).any(|word| ["__host", "__describe"].contains(&word)),
            "{shell}"
        );
    }
}

#[test]
fn a_function_is_shown_with_its_platform() {
    let bootstrap = bootstrap();
    let zip = target().join("function.zip");
    let (stdout, stderr, code) = printed("inspect", &[&zip], &["--json"]);
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
    let shown: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(shown["sha256"], sha256(&zip));
    assert_eq!(shown["bootstrap"]["cpu"], std::env::consts::ARCH);
    assert_eq!(shown["bootstrap"]["sha256"], sha256(bootstrap));
    assert_eq!(shown["plugins"], json!([]));
    let (stdout, _, _) = printed("inspect", &[&zip], &[]);
    assert_snapshot!(without_numbers(&stdout), @r"
    [target]/function.zip
      [n] bytes, sha256 [hash]
      bootstrap: [n] bytes, sha256 [hash], for [cpu], [glibc]
    ");
}

#[test]
fn files_that_declare_nothing_are_refused() {
    let empty = packed("nothing.zip", &[("readme", b"text")]);
    let (_, stderr, code) = printed("inspect", &[&empty], &[]);
    assert!(stderr.starts_with("error[NOTHING_DECLARED]: "), "{stderr}");
    assert_eq!(code, Some(1));
    let text = target().join("text.zip");
    fs_err::write(&text, "text").expect("a file");
    let (_, stderr, code) = printed("diff", &[&text, &text], &[]);
    assert!(stderr.starts_with("error[ARCHIVE_INVALID]: "), "{stderr}");
    assert_eq!(code, Some(1));
    let (_, stderr, code) = printed("inspect", &[&tests::system_library()], &[]);
    assert!(
        stderr.starts_with("error[PLUGIN_NO_ROOT_MODULE]: "),
        "{stderr}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn the_help_fits_a_screen_and_names_the_exit_codes() {
    let help = |arguments: &[&str]| output_of(Command::new(cargo_layer()).args(arguments));
    let verbs = help(&["-h"]);
    for verb in verbs
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
    {
        let text = help(&[verb, "-h"]);
        assert!(text.lines().count() <= 24, "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 200),
            "{text}"
        );
    }
    assert!(verbs.lines().count() <= 32, "{verbs}");
    for text in [&verbs, &help(&["check", "-h"]), &help(&["diff", "-h"])] {
        assert!(text.contains("Exit codes:"), "{text}");
    }
    // No escape sequences without a terminal.
    assert!(!verbs.contains('\u{1b}'), "{verbs}");
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    tests::Layer::of(["custom-tools"]);
    let mut inspect = Command::new(cargo_layer())
        .args(["inspect", "--json"])
        .arg(target().join("custom-tools.zip"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo-layer can be run");
    // The reader of its output is gone.
    drop(inspect.stdout.take());
    let output = inspect.wait_with_output().expect("it ends");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && printed.is_empty(), "{printed}");
}
