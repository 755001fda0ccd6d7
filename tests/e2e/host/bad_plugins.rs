//! One fault each: the host's message about a bad file, while it serves the good plugin beside it.

use insta::assert_snapshot;
use serde_json::{Value, json};
use tests::{
    Host, Layer, build_library, declaration, replace_bytes, script, scripted, standalone,
    system_library, target, tool,
};

/// The bad file.
const SIN: &str = "libsin.so";

const SKIP: (&str, &str) = ("MCP_ON_BAD_PLUGIN", "skip");
const STOP: (&str, &str) = ("MCP_ON_BAD_PLUGIN", "stop");

/// Creates a layer of a good plugin, and a file beside it that no manifest lists.
fn beside(content: impl AsRef<[u8]>) -> Layer {
    let layer = Layer::of(["custom-tools"]);
    layer.put(SIN, content);
    layer
}

/// Returns the library of a good plugin without a manifest.
fn good() -> Vec<u8> {
    scripted(&script(&declaration(&[tool("hello")])))
}

/// Creates a layer of a good plugin, and one that declares a tool with these members.
fn beside_tool(members: Value) -> Layer {
    let mut bad = tool("bad");
    for (name, value) in members.as_object().expect("members") {
        bad["tool"][name] = value.clone();
    }
    beside(scripted(&script(&declaration(&[bad]))))
}

fn serves_the_good_plugin(host: &Host) {
    let client = host.connect();
    assert_eq!(client.list(), ["greet", "multiply", "add"]);
    let greeting = client.call("greet", json!({ "name": "Ada" }));
    assert_eq!(greeting.text(), "Hello, Ada!");
}

/// Returns the message about the bad file: the same in the log of a host that skips it, and in the error of a start that names it.
fn told(layer: &Layer) -> String {
    let refusal = Host::refusal_message(layer, &[SKIP, ("ENTRY_FILE", "custom_tools,sin")]);
    let (code, message) = refusal.split_once(": ").expect("a code");

    let host = Host::serve_with(layer, &[SKIP]);
    serves_the_good_plugin(&host);
    let left_out = &host.health()["leftOut"];
    assert_eq!(*left_out, json!([{ "file": SIN, "code": code }]));
    let log = layer.without_folders(&host.log());
    assert!(
        log.contains(&format!("plugin skipped: {message}")),
        "{message}\n{log}"
    );
    serves_the_good_plugin(&host);
    refusal
}

/// Returns the same for a file that is known to be a plugin: with `stop` it stops the start, also on Lambda.
fn told_of_plugin(layer: &Layer) -> String {
    let told = told(layer);
    assert_eq!(Host::refusal_message(layer, &[STOP]), told);
    reaches_lambda(layer, &[], &told);
    told
}

/// Asserts that Lambda gets the failed start: the code as the type of the error, and the whole message.
fn reaches_lambda(layer: &Layer, variables: &[(&str, &str)], told: &str) {
    let (code, message) = told.split_once(": ").expect("a code");
    let error = Host::init_error(layer, variables);
    assert_eq!(error.error_type(), code);
    let reported = layer.without_folders(&error.to_string());
    assert!(reported.contains(message), "{reported}");
}

#[test]
fn the_plugin_without_faults_is_served() {
    let layer = beside(good());
    let host = Host::serve_with(&layer, &[STOP]);
    assert_eq!(host.connect().list(), ["greet", "multiply", "add", "hello"]);
    assert_eq!(host.connect().call("hello", json!({})).text(), "hello");
    assert_eq!(host.health()["status"], "ok");
}

#[test]
fn files_that_are_no_libraries() {
    assert_snapshot!(told(&beside("garbage, and more of it than a header has bytes: 0123456789 0123456789")), @"PLUGIN_NOT_A_LIBRARY: [dir]/libsin.so: not a shared library (no ELF header); rebuild the layer");
    assert_snapshot!(told(&beside("")), @"PLUGIN_NOT_A_LIBRARY: [dir]/libsin.so: not a shared library (no ELF header); rebuild the layer");
    assert_snapshot!(told(&beside(&good()[..40])), @"PLUGIN_DAMAGED: [dir]/libsin.so: damaged: its header is incomplete; copy or build it again");
    let layer = Layer::of(["custom-tools"]);
    fs_err::create_dir(layer.plugin_dir().join(SIN)).expect("a folder");
    assert_snapshot!(told(&layer), @"PLUGIN_NOT_A_LIBRARY: [dir]/libsin.so: not a file; remove it, or build the layer again");
    reaches_lambda(&layer, &[("ENTRY_FILE", "sin")], &told(&layer));
}

#[test]
fn libraries_that_end_too_early() {
    let stripped = Layer::of(["time-tools"]).read("libtime_tools.so");
    for tenths in [1, 5, 9] {
        let layer = beside(&stripped[..stripped.len() * tenths / 10]);
        let told = told(&layer);
        assert!(
            told.starts_with(
                "PLUGIN_TRUNCATED: [dir]/libsin.so: truncated: a segment ends at byte "
            ),
            "{tenths}/10: {told}"
        );
        assert!(told.ends_with("; copy or build it again"), "{told}");
        reaches_lambda(&layer, &[("ENTRY_FILE", "sin")], &told);
    }
    // With a manifest, the size shows it.
    for tenths in [1, 5, 9] {
        let layer = Layer::merged([&Layer::of(["custom-tools"]), &Layer::of(["time-tools"])]);
        layer.put(
            "libtime_tools.so",
            &stripped[..stripped.len() * tenths / 10],
        );
        let refusal = Host::refusal_message(&layer, &[STOP]);
        assert!(
            refusal.starts_with("MANIFEST_DRIFT: [dir]/libtime_tools.so: has "),
            "{refusal}"
        );
        reaches_lambda(&layer, &[], &refusal);
        serves_the_good_plugin(&Host::serve_with(&layer, &[SKIP]));
    }
}

#[test]
fn libraries_with_an_empty_end() {
    let stripped = Layer::of(["time-tools"]).read("libtime_tools.so");
    for tenths in [1, 5, 9] {
        let mut emptied = stripped.clone();
        emptied[stripped.len() * tenths / 10..].fill(0);
        let told = told(&beside(emptied));
        assert!(
            told.starts_with("PLUGIN_DAMAGED: [dir]/libsin.so: damaged: it"),
            "{tenths}/10: {told}"
        );
    }
}

#[test]
fn a_plugin_that_lost_only_its_section_table_is_served() {
    let library = good();
    let layer = beside(&library[..library.len() - 100]);
    let host = Host::serve_with(&layer, &[STOP]);
    assert_eq!(host.connect().call("hello", json!({})).text(), "hello");
}

/// No other compiler is needed: the first bytes of a file name its platform, and decide.
#[test]
fn libraries_for_other_machines() {
    let with = |place: usize, byte: u8| {
        let mut library = good();
        library[place] = byte;
        beside(library)
    };
    // `e_machine`: 183 is EM_AARCH64, 62 EM_X86_64.
    let other = if cfg!(target_arch = "x86_64") {
        183
    } else {
        62
    };
    let told_of_other = told(&with(18, other));
    let (here, there) = if cfg!(target_arch = "x86_64") {
        ("x86_64", "aarch64")
    } else {
        ("aarch64", "x86_64")
    };
    assert_eq!(
        told_of_other,
        format!(
            "PLUGIN_FOREIGN: [dir]/libsin.so: a library for {there}, this host needs a shared library for {here}; build the layer on a machine of that CPU"
        )
    );
    reaches_lambda(&with(18, other), &[("ENTRY_FILE", "sin")], &told_of_other);
    // `EI_CLASS`: ELFCLASS32, as libraries for i386 have it.
    let told = told(&with(4, 1)).replace(here, "[cpu]");
    assert_snapshot!(told, @"PLUGIN_FOREIGN: [dir]/libsin.so: an ELF file for a 32-bit CPU, this host needs a shared library for [cpu]; build the layer on a machine of that CPU");
}

#[test]
fn a_library_that_is_not_a_plugin_is_reported_only_when_named() {
    let layer = Layer::of(["custom-tools"]);
    layer.put_library(SIN, &system_library());
    let named = [SKIP, ("ENTRY_FILE", "custom_tools,sin")];
    assert_snapshot!(Host::refusal_message(&layer, &named), @r#"PLUGIN_NO_ROOT_MODULE: [dir]/libsin.so: exports no plugin root module; export at least one #[tool] with export_tools!, and set crate-type = ["cdylib"]"#);
    let host = Host::serve_with(&layer, &[STOP]);
    serves_the_good_plugin(&host);
    assert_eq!(host.health()["leftOut"], json!([]));

    // A library without the symbol is not a plugin either.
    let layer = beside(replace_bytes(
        good(),
        b"_1as_0lib_1header_0root_bmodule_bloader",
        b"_1as_0lib_1header_0root_bmodule_another",
    ));
    assert_snapshot!(Host::refusal_message(&layer, &named), @r#"PLUGIN_NO_ROOT_MODULE: [dir]/libsin.so: exports no plugin root module; export at least one #[tool] with export_tools!, and set crate-type = ["cdylib"]"#);
}

#[test]
fn a_library_that_needs_a_symbol_that_nothing_has() {
    // Its import of `memcpy` becomes an import of another symbol.
    let layer = beside(replace_bytes(good(), b"\0memcpy\0", b"\0nemcpy\0"));
    let told = told_of_plugin(&layer);
    let version = told.find(", version").unwrap_or(told.len());
    assert_snapshot!(&told[..version], @"PLUGIN_LOAD_FAILED: [dir]/libsin.so: cannot be opened: dlopen failed: [dir]/libsin.so: undefined symbol: nemcpy");
}

#[test]
fn a_library_that_may_not_be_read() {
    let layer = beside(good()).readable_except(&[SIN]);
    let host = Host::serve_as_nobody(&layer, &[SKIP]);
    serves_the_good_plugin(&host);
    assert_eq!(
        host.health()["leftOut"],
        json!([{ "file": SIN, "code": "PLUGIN_UNREADABLE" }])
    );
    host.wait_for_log("Permission denied");

    // Without its manifest, no manifest lists the plugin.
    let manifest = "custom-tools.layer.json";
    let layer = beside(good()).readable_except(&[manifest]);
    let host = Host::serve_as_nobody(&layer, &[SKIP]);
    assert_eq!(host.connect().list(), ["greet", "multiply", "add", "hello"]);
    let left_out = json!([{ "file": manifest, "code": "MANIFEST_UNREADABLE" }]);
    assert_eq!(host.health()["leftOut"], left_out);
}

#[test]
fn a_declared_library_that_may_not_be_read_fails_at_its_first_call() {
    let layer = beside(good()).readable_except(&["libcustom_tools.so"]);
    let host = Host::serve_as_nobody(&layer, &[STOP]);
    let client = host.connect();
    assert_eq!(client.list(), ["greet", "multiply", "add", "hello"]);
    client.call("greet", json!({ "name": "Ada" })).error_text();
    host.wait_for_log("[PLUGIN_UNREADABLE]");
    assert_eq!(client.call("hello", json!({})).text(), "hello");
}

#[test]
fn links_that_lead_nowhere_or_out() {
    let link = |target: &str| {
        let layer = Layer::of(["custom-tools"]);
        let link = layer.plugin_dir().join(SIN);
        fs_err::os::unix::fs::symlink(target, link).expect("a link");
        layer
    };
    assert_snapshot!(told(&link("libnowhere.so")), @"PLUGIN_UNREADABLE: [dir]/libsin.so: a link that leads nowhere; put the library itself there");
    let outside = standalone("scripted", None);
    let outside = outside.canonicalize().expect("a library");
    let told_of_link = told(&link(&outside.display().to_string()));
    assert_snapshot!(told_of_link.replace(&target().canonicalize().expect("a folder").display().to_string(), "[target]"), @"PLUGIN_OUTSIDE: [dir]/libsin.so: a link that leads out of its folder, to [target]/standalone/scripted-plain.so; put the library itself there");
    reaches_lambda(
        &link("libnowhere.so"),
        &[("ENTRY_FILE", "sin")],
        &told(&link("libnowhere.so")),
    );
}

#[test]
fn paths_in_entry_file() {
    let layer = Layer::of(["custom-tools"]);
    for entry in [
        "..",
        "../libsin.so",
        "/opt/lib/libcustom_tools.so",
        "./libcustom_tools.so",
    ] {
        let told = Host::refusal_message(&layer, &[SKIP, ("ENTRY_FILE", entry)]);
        assert_eq!(
            told,
            format!(
                "ENTRY_FILE_INVALID: ENTRY_FILE names {entry:?}; write only the file's name, such as libcustom_tools.so: plugins are read from MCP_PLUGIN_DIR alone"
            )
        );
        reaches_lambda(&layer, &[("ENTRY_FILE", entry)], &told);
    }
}

#[test]
fn patterns_and_names_in_tools_list_that_nothing_fits() {
    let layer = Layer::of(["custom-tools"]);
    let listing = |list| [SKIP, ("TOOLS_LIST", list)];
    assert_snapshot!(Host::refusal_message(&layer, &listing("multiplicate,greet")), @r#"TOOLS_LIST_UNMATCHED: TOOLS_LIST: no tool matches "multiplicate"; did you mean multiply? (there are: greet, multiply, add)"#);
    assert_snapshot!(Host::refusal_message(&layer, &listing("add,gret*,!sub*")), @r#"TOOLS_LIST_UNMATCHED: TOOLS_LIST: no tool matches "gret*"; did you mean greet?; no tool matches "!sub*" (there are: greet, multiply, add)"#);
    reaches_lambda(
        &layer,
        &[("TOOLS_LIST", "gret*")],
        &Host::refusal_message(&layer, &listing("gret*")),
    );
}

#[test]
fn plugins_of_another_abi() {
    let of = |feature| {
        let layer = Layer::of(["custom-tools"]);
        layer.put_library(SIN, &standalone("other-abi", feature));
        layer
    };
    // Only the fault differs.
    let host = Host::serve_with(&of(None), &[STOP]);
    assert_eq!(
        host.connect().call("other", json!({})).text(),
        "like the real one"
    );

    assert_snapshot!(told_of_plugin(&of(Some("version-2"))), @"PLUGIN_ABI_MISMATCH: [dir]/libsin.so: built for plugin ABI 2.0.0, this host speaks 1.0.0; rebuild it with the plugin-sdk of this host's release");
    assert_snapshot!(told_of_plugin(&of(Some("changed-parameter"))), @"PLUGIN_ABI_MISMATCH: [dir]/libsin.so: its layout does not agree with plugin ABI 1.0.0; rebuild it with the plugin-sdk of this host's release");
    assert_snapshot!(told_of_plugin(&of(Some("changed-context"))), @"PLUGIN_ABI_MISMATCH: [dir]/libsin.so: its layout does not agree with plugin ABI 1.0.0; rebuild it with the plugin-sdk of this host's release");
    // Later versions may have more functions.
    for feature in ["version-1-1", "field-added"] {
        let host = Host::serve_with(&of(Some(feature)), &[STOP]);
        assert_eq!(
            host.connect().call("other", json!({})).text(),
            "like the real one",
            "{feature}"
        );
    }
}

#[test]
fn a_plugin_that_cannot_catch_its_panics() {
    let layer = Layer::of(["custom-tools"]);
    layer.put_library(SIN, &standalone("aborts", None));
    assert_snapshot!(told_of_plugin(&layer), @r#"PLUGIN_PANIC_ABORT: [dir]/libsin.so: built with panic = "abort", so that one panic would end the host; remove `panic` from its profile and rebuild it"#);
}

#[test]
fn plugins_that_panic_before_their_declaration() {
    let layer = Layer::of(["custom-tools"]);
    layer.put_library(SIN, &build_library("panics-in-init"));
    let told = told_of_plugin(&layer);
    let (words, _place) = told.split_once(".rs:").expect("a place");
    assert_snapshot!(words, @"PLUGIN_INIT_FAILED: [dir]/libsin.so: initialization failed: nobody knows its form at tests/fixtures/panics-in-init/src/lib");
    assert_snapshot!(told_of_plugin(&beside(scripted("constructor panic now\n"))), @"PLUGIN_INIT_FAILED: [dir]/libsin.so: initialization failed: it panicked before it returned its declaration; the panic's message is in the log");
}

#[test]
fn declarations_that_no_client_would_accept() {
    let schema = |schema: Value| json!({ "inputSchema": schema });
    let all = [
        json!({ "name": "no spaces, please" }),
        json!({ "name": "" }),
        json!({ "description": " " }),
        schema(json!({ "type": "objekt" })),
        schema(json!({ "type": "string" })),
        schema(
            json!({ "type": "object", "properties": { "x": { "$ref": "https://example.com/schema.json" } } }),
        ),
        schema(
            json!({ "type": "object", "properties": { "x": { "type": "string", "x-mcp-header": "not a name" } } }),
        ),
        schema(
            json!({ "type": "object", "properties": { "x": { "type": "object", "x-mcp-header": "Region" } } }),
        ),
        json!({ "outputSchema": { "type": 7 } }),
    ];
    let told: Vec<_> = all
        .into_iter()
        .map(|members| told_of_plugin(&beside_tool(members)))
        .collect();
    assert_snapshot!(told.join("\n"), @r#"
    PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: the name of tool "no spaces, please" has the character ' ', a tool's name has only A-Z, a-z, 0-9, `_`, `-` and `.`; fix it and rebuild the plugin
    PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: the name of tool "" has 0 characters, a tool's name has 1 to 64; fix it and rebuild the plugin
    PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: tool bad has no description; fix it and rebuild the plugin
    PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: the inputSchema of tool bad is not a valid JSON Schema (2020-12): "objekt" is not valid under any of the schemas listed in the 'anyOf' keyword; fix it and rebuild the plugin
    PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: the inputSchema of tool bad does not have "type": "object" at its root; fix it and rebuild the plugin
    PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: the inputSchema of tool bad is not a valid JSON Schema (2020-12): Resource 'https://example.com/schema.json' is not present in a registry and retrieving it failed: Retrieval is disabled, cannot fetch https://example.com/schema.json; fix it and rebuild the plugin
    PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: tool bad: the x-mcp-header at "/properties/x" of the inputSchema is "not a name"; a header's name has only letters, digits and !#$%&'*+-.^_`|~; fix it and rebuild the plugin
    PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: tool bad: the x-mcp-header at "/properties/x" of the inputSchema is on an argument of another type than string, integer or boolean; headers can repeat only those; fix it and rebuild the plugin
    PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: the outputSchema of tool bad is not a valid JSON Schema (2020-12): 7 is not valid under any of the schemas listed in the 'anyOf' keyword; fix it and rebuild the plugin
    "#);
}

#[test]
fn two_tools_of_one_name() {
    let layer = beside(scripted(&script(&declaration(&[
        tool("greet"),
        tool("hello"),
    ]))));
    let told = Host::refusal_message(&layer, &[STOP]);
    assert_snapshot!(told, @r#"TOOL_DUPLICATE: two tools are named greet: in [dir]/libcustom_tools.so and in [dir]/libsin.so; exclude one with TOOLS_LIST or ENTRY_FILE, or rename one with export_tools!(prefix = "...", ...) or #[tool(name = "...")]"#);
    reaches_lambda(&layer, &[], &told);
    let host = Host::serve_with(&layer, &[SKIP]);
    assert_eq!(host.connect().list(), ["greet", "multiply", "add", "hello"]);
    assert_eq!(
        host.connect()
            .call("greet", json!({ "name": "Ada" }))
            .text(),
        "Hello, Ada!"
    );
    // Both in one plugin.
    let layer = beside(scripted(&script(&declaration(&[
        tool("twice"),
        tool("twice"),
    ]))));
    assert_snapshot!(told_of_plugin(&layer), @"PLUGIN_DECLARATION_INVALID: [dir]/libsin.so: it declares two tools named twice; fix it and rebuild the plugin");
}

#[test]
fn invalid_manifests_and_manifests_with_missing_files() {
    let layer = || Layer::merged([&Layer::of(["custom-tools"]), &Layer::of(["time-tools"])]);
    let missing = layer();
    missing.remove("libtime_tools.so");
    let corrupt = layer();
    corrupt.edit("time-tools.layer.json", |text| {
        let (begin, _) = text.split_once("\"layer\"").expect("a layer");
        begin.to_owned()
    });
    let newer = layer();
    newer.edit("time-tools.layer.json", |text| {
        text.replacen("\"format\": 1", "\"format\": 2", 1)
    });
    let outside = layer();
    outside.edit("time-tools.layer.json", |text| {
        text.replace("\"libtime_tools.so\"", "\"../lib/libtime_tools.so\"")
    });
    for (layer, code) in [
        (&missing, "PLUGIN_UNREADABLE"),
        (&corrupt, "MANIFEST_INVALID"),
        (&newer, "MANIFEST_FORMAT"),
        (&outside, "MANIFEST_INVALID"),
    ] {
        let told = Host::refusal_message(layer, &[STOP]);
        assert!(told.starts_with(code), "{told}");
        reaches_lambda(layer, &[], &told);
    }
    assert_snapshot!(Host::refusal_message(&missing, &[STOP]), @"PLUGIN_UNREADABLE: [dir]/libtime_tools.so: named by [dir]/time-tools.layer.json, but cannot be read: failed to query resolved metadata `[dir]/libtime_tools.so`: No such file or directory (os error 2); rebuild the layer");
    assert_snapshot!(Host::refusal_message(&corrupt, &[STOP]), @"MANIFEST_INVALID: [dir]/time-tools.layer.json: not a layer manifest: EOF while parsing a value at line 3 column 2; rebuild the layer with `cargo layer build`");
    assert_snapshot!(Host::refusal_message(&newer, &[STOP]), @"MANIFEST_FORMAT: [dir]/time-tools.layer.json: manifest format 2, this host reads up to 1; deploy a newer host, or rebuild the layer with the `cargo layer` of this host's release");
    assert_snapshot!(Host::refusal_message(&outside, &[STOP]), @r#"MANIFEST_INVALID: [dir]/time-tools.layer.json: names the file "../lib/libtime_tools.so", which is not a plain file name; rebuild the layer"#);
    serves_the_good_plugin(&Host::serve_with(&missing, &[SKIP]));
    // Without its manifest, no manifest lists the plugin.
    for layer in [corrupt, newer, outside] {
        let host = Host::serve_with(&layer, &[SKIP]);
        assert_eq!(host.connect().list().len(), 7);
        let span = json!({ "to": "2026-01-31", "span": "1 day" });
        assert_eq!(
            host.connect().call("addToDate", span).text(),
            "2026-02-01 (Sunday)"
        );
    }
}

#[test]
fn a_plugin_that_declares_other_tools_than_its_manifest() {
    let layer = Layer::of(["custom-tools"]);
    let library = good();
    layer.put_declared(
        "sin",
        &library,
        &declaration(&[tool("hello"), tool("more")]),
    );
    // The difference is unknown before it is opened.
    let host = Host::serve_with(&layer, &[STOP]);
    let client = host.connect();
    assert_eq!(client.list(), ["greet", "multiply", "add", "hello", "more"]);
    client.call("hello", json!({})).error_text();
    host.wait_for_log("[MANIFEST_DRIFT]");
    let log = layer.without_folders(&host.log());
    assert!(log.contains("[dir]/libsin.so: declares other tools than its manifest says; rebuild the layer with `cargo layer build`"), "{log}");
    assert_eq!(
        host.health()["leftOut"],
        json!([{ "file": SIN, "code": "MANIFEST_DRIFT" }])
    );
    assert_eq!(
        client.call("greet", json!({ "name": "Ada" })).text(),
        "Hello, Ada!"
    );
    // Preloading opens it before.
    let preload = ("MCP_PRELOAD", "all");
    assert_snapshot!(Host::refusal_message(&layer, &[STOP, preload]), @"MANIFEST_DRIFT: [dir]/libsin.so: declares other tools than its manifest says; rebuild the layer with `cargo layer build`");
    reaches_lambda(
        &layer,
        &[preload],
        &Host::refusal_message(&layer, &[STOP, preload]),
    );
    serves_the_good_plugin(&Host::serve_with(&layer, &[SKIP, preload]));
}

#[test]
fn a_context_that_is_used_after_its_call() {
    let host = Host::serve(&Layer::of(["notifies"]));
    let client = host.connect();
    let kept = client.call("keep", json!({}));
    let meta = json!({ "progressToken": "t", "io.modelcontextprotocol/logLevel": "debug" });
    let answer = client.call_modern("useKept", &json!({}), &meta);
    // Messages for the first call do not reach the client of the second.
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let said = &answer.json()["result"]["structuredContent"];
    assert_eq!(*said, json!({ "request": kept.text(), "cancelled": false }));
    assert_eq!(client.call("count", json!({ "to": 2 })).text(), "2");
}

#[test]
fn all_faults_at_once() {
    let layer = beside("garbage");
    layer.put("libempty.so", "");
    let library = good();
    layer.put("libcut.so", &library[..library.len() / 10]);
    layer.put_library("libaborts.so", &standalone("aborts", None));
    layer.put_library("libother.so", &standalone("other-abi", Some("version-2")));
    layer.put("libpanics.so", scripted("constructor panic now\n"));
    layer.put("libdumb.so", scripted(""));
    layer.put("broken.layer.json", "{");
    let host = Host::serve_with(&layer, &[SKIP]);
    serves_the_good_plugin(&host);
    let health = host.health();
    assert_eq!(health["status"], "degraded");
    assert_eq!(
        health["leftOut"].as_array().map(Vec::len),
        Some(8),
        "{health}"
    );
    let told = Host::refusal_message(&layer, &[STOP]);
    assert_snapshot!(told, @r#"
    MANIFEST_INVALID: 5 errors:
    [MANIFEST_INVALID] [dir]/broken.layer.json: not a layer manifest: EOF while parsing an object at line 1 column 1; rebuild the layer with `cargo layer build`
    [PLUGIN_PANIC_ABORT] [dir]/libaborts.so: built with panic = "abort", so that one panic would end the host; remove `panic` from its profile and rebuild it
    [PLUGIN_INIT_FAILED] [dir]/libdumb.so: initialization failed: it answered with an error of kind unknown_op; rebuild it with this release's plugin-sdk
    [PLUGIN_ABI_MISMATCH] [dir]/libother.so: built for plugin ABI 2.0.0, this host speaks 1.0.0; rebuild it with the plugin-sdk of this host's release
    [PLUGIN_INIT_FAILED] [dir]/libpanics.so: initialization failed: it panicked before it returned its declaration; the panic's message is in the log
    "#);
    reaches_lambda(&layer, &[], &told);
}
