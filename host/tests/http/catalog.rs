//! Errors of the start, with the messages that the operator reads.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    folder::{Folder, manifest, plugin, plugin_with, tool},
    server::start,
};

/// Returns the names of the tools that are served.
pub(crate) fn served(folder: &Folder, variables: &[(&str, &str)]) -> Vec<String> {
    match start(folder, variables) {
        Ok(app) => app.tool_names().map(str::to_owned).collect(),
        Err(error) => panic!("{error}"),
    }
}

/// Returns code and message, with `[dir]` for the folder.
pub(crate) fn refused(folder: &Folder, variables: &[(&str, &str)]) -> String {
    match start(folder, variables) {
        Ok(_) => panic!("it starts"),
        Err(error) => {
            let folder = folder.path().display().to_string();
            format!("{}: {error}", error.code()).replace(&folder, "[dir]")
        }
    }
}

/// Creates three tools in two plugins.
fn folder() -> Folder {
    let text = [tool("wordCount", "word_count"), tool("reverse", "reverse")];
    Folder::empty().with(
        "a-layer",
        &[
            plugin_with("libtext_tools.so", &text),
            plugin("libmath.so", &["multiply"]),
        ],
    )
}

#[test]
fn tools_come_by_file_name_and_then_as_declared() {
    assert_eq!(served(&folder(), &[]), ["multiply", "wordCount", "reverse"]);
}

#[test]
fn entry_file_selects_and_orders() {
    for (entry_file, expected) in [
        ("libtext_tools.so", &["wordCount", "reverse"][..]),
        ("text_tools", &["wordCount", "reverse"]),
        ("text-tools", &["wordCount", "reverse"]),
        ("text_tools,math", &["wordCount", "reverse", "multiply"]),
        ("math, text_tools", &["multiply", "wordCount", "reverse"]),
        (
            "text_tools,text-tools,math",
            &["wordCount", "reverse", "multiply"],
        ),
        (" , ", &["multiply", "wordCount", "reverse"]),
    ] {
        let names = served(&folder(), &[("ENTRY_FILE", entry_file)]);
        assert_eq!(names, expected, "ENTRY_FILE: {entry_file}");
    }
}

#[test]
fn tools_list_selects_by_name_function_and_pattern_and_does_not_order() {
    for (tools_list, expected) in [
        ("reverse", &["reverse"][..]),
        ("reverse,multiply", &["multiply", "reverse"]),
        ("word_count", &["wordCount"]),
        ("wordCount,word_count", &["wordCount"]),
        ("*", &["multiply", "wordCount", "reverse"]),
        ("*e*", &["reverse"]),
        ("word*", &["wordCount"]),
        ("word_*", &["wordCount"]),
        ("!reverse", &["multiply", "wordCount"]),
        ("! reverse", &["multiply", "wordCount"]),
        ("!word_count,!multiply", &["reverse"]),
        ("*,!reverse", &["multiply", "wordCount"]),
        ("!reverse,*", &["multiply", "wordCount"]),
        ("reverse,!reverse", &[]),
        ("!*", &[]),
    ] {
        let names = served(&folder(), &[("TOOLS_LIST", tools_list)]);
        assert_eq!(names, expected, "TOOLS_LIST: {tools_list}");
    }
    let both = [("ENTRY_FILE", "text_tools"), ("TOOLS_LIST", "!reverse")];
    assert_eq!(served(&folder(), &both), ["wordCount"]);
}

#[test]
fn an_unknown_name_in_tools_list_is_reported_with_suggestions() {
    assert_snapshot!(
        refused(&folder(), &[("TOOLS_LIST", "revers")]),
        @r#"TOOLS_LIST_UNMATCHED: TOOLS_LIST: no tool matches "revers"; did you mean reverse? (there are: multiply, wordCount, reverse)"#
    );
    assert_snapshot!(
        refused(&folder(), &[("TOOLS_LIST", "multiply,wordcount,weather,!frobnicate*")]),
        @r#"TOOLS_LIST_UNMATCHED: TOOLS_LIST: no tool matches "wordcount"; did you mean wordCount or word_count?; no tool matches "weather"; no tool matches "!frobnicate*" (there are: multiply, wordCount, reverse)"#
    );
    // ENTRY_FILE does not select it, so it is not there.
    assert_snapshot!(
        refused(&folder(), &[("ENTRY_FILE", "math"), ("TOOLS_LIST", "reverse")]),
        @r#"TOOLS_LIST_UNMATCHED: TOOLS_LIST: no tool matches "reverse" (there are: multiply)"#
    );
}

#[test]
fn a_suggestion_is_named_once() {
    let folder = Folder::of(&["tool_a", "tool_b"]);
    assert_snapshot!(
        refused(&folder, &[("TOOLS_LIST", "tool_c")]),
        @r#"TOOLS_LIST_UNMATCHED: TOOLS_LIST: no tool matches "tool_c"; did you mean tool_a or tool_b? (there are: tool_a, tool_b)"#
    );
}

#[test]
fn a_missing_entry_file_is_reported_with_suggestions() {
    assert_snapshot!(
        refused(&folder(), &[("ENTRY_FILE", "text_tool,math,nothing")]),
        @r#"ENTRY_FILE_UNMATCHED: ENTRY_FILE: no plugin matches "text_tool"; did you mean libtext_tools.so?; no plugin matches "nothing" (there are: libmath.so, libtext_tools.so)"#
    );
    assert_snapshot!(
        refused(&folder(), &[("ENTRY_FILE", "lambda_handler.py")]),
        @r#"ENTRY_FILE_INVALID: ENTRY_FILE names the Python file "lambda_handler.py"; this host loads native plugins: write the tools in Rust with plugin-sdk, build them with `cargo layer build`, and set ENTRY_FILE=liblambda_handler.so"#
    );
    assert_snapshot!(
        refused(&folder(), &[("ENTRY_FILE", "../libmath.so")]),
        @r#"ENTRY_FILE_INVALID: ENTRY_FILE names "../libmath.so"; write only the file's name, such as libcustom_tools.so: plugins are read from MCP_PLUGIN_DIR alone"#
    );
}

#[test]
fn a_function_name_of_several_tools_is_ambiguous() {
    let tools = [tool("addInts", "add"), tool("addFloats", "add")];
    let folder = Folder::empty().with("a-layer", &[plugin_with("libmath.so", &tools)]);
    assert_snapshot!(
        refused(&folder, &[("TOOLS_LIST", "add")]),
        @"TOOLS_LIST_AMBIGUOUS: TOOLS_LIST: add is the function of several tools: addInts, addFloats; write the tool's name"
    );
    assert_eq!(
        served(&folder, &[("TOOLS_LIST", "add*")]),
        ["addInts", "addFloats"]
    );
    // A tool's name takes precedence over functions.
    let tools = [tool("add", "add_ints"), tool("addFloats", "add")];
    let folder = Folder::empty().with("a-layer", &[plugin_with("libmath.so", &tools)]);
    assert_eq!(served(&folder, &[("TOOLS_LIST", "add")]), ["add"]);
}

#[test]
fn two_tools_of_one_name_are_refused_unless_one_is_left_out() {
    let folder = Folder::empty()
        .with("a-layer", &[plugin("liba.so", &["greet", "one"])])
        .with("b-layer", &[plugin("libb.so", &["greet", "two"])]);
    assert_snapshot!(
        refused(&folder, &[]),
        @r#"TOOL_DUPLICATE: two tools are named greet: in [dir]/liba.so and in [dir]/libb.so; exclude one with TOOLS_LIST or ENTRY_FILE, or rename one with export_tools!(prefix = "...", ...) or #[tool(name = "...")]"#
    );
    assert_eq!(served(&folder, &[("ENTRY_FILE", "b")]), ["greet", "two"]);
    assert_eq!(served(&folder, &[("TOOLS_LIST", "!greet")]), ["one", "two"]);
    let within = Folder::of(&["greet", "greet"]);
    assert!(refused(&within, &[]).contains("in [dir]/libtools.so and in [dir]/libtools.so"));
}

#[test]
fn a_folder_without_plugins_is_refused() {
    assert_snapshot!(
        refused(&Folder::empty(), &[]),
        @"PLUGIN_DIR_EMPTY: MCP_PLUGIN_DIR: [dir] has no plugin; attach a layer made by `cargo layer build`"
    );
    let foreign = Folder::empty();
    foreign.write("libcurl.so", "somebody else's");
    foreign.write("notes.txt", "");
    fs_err::create_dir(foreign.path().join("folder.so")).expect("a folder");
    assert!(refused(&foreign, &[]).starts_with("PLUGIN_DIR_EMPTY"));
    let nothing = Folder::empty().with("a-layer", &[]);
    assert!(refused(&nothing, &[]).starts_with("PLUGIN_DIR_EMPTY"));
    let gone = Folder::empty();
    fs_err::remove_dir(gone.path()).expect("the folder is removed");
    assert_snapshot!(
        refused(&gone, &[]),
        @"PLUGIN_DIR_UNREADABLE: MCP_PLUGIN_DIR: failed to read directory `[dir]`: No such file or directory (os error 2); attach a layer made by `cargo layer build`, or set MCP_PLUGIN_DIR to the folder of the plugins"
    );
}

#[test]
fn other_vendors_libraries_beside_plugins_are_left_alone() {
    let folder = folder();
    folder.write("libcurl.so", "somebody else's");
    assert_eq!(served(&folder, &[]), ["multiply", "wordCount", "reverse"]);
}

#[test]
fn a_manifest_and_its_files_must_agree() {
    let missing = Folder::of(&["greet"]);
    missing.remove("libtools.so");
    assert_snapshot!(
        refused(&missing, &[]),
        @"PLUGIN_UNREADABLE: [dir]/libtools.so: named by [dir]/a-layer.layer.json, but cannot be read: failed to query resolved metadata `[dir]/libtools.so`: No such file or directory (os error 2); rebuild the layer"
    );
    let replaced = Folder::of(&["greet"]);
    replaced.write("libtools.so", "another library");
    assert_snapshot!(
        refused(&replaced, &[]),
        @"MANIFEST_DRIFT: [dir]/libtools.so: has 15 bytes, but [dir]/a-layer.layer.json says 13: another layer may have a file of the same name, or the file was replaced; rebuild the layer"
    );
}

#[test]
fn a_layer_that_overwrote_anothers_file_is_refused() {
    let mut other = plugin("libtools.so", &["greet"]);
    other["sha256"] = json!("another");
    let folder = Folder::of(&["greet"]).with("b-layer", &[other]);
    assert_snapshot!(
        refused(&folder, &[]),
        @"PLUGIN_OVERWRITTEN: [dir]/libtools.so: [dir]/a-layer.layer.json has another file of this name, so that one layer has overwritten the other's; leave out one layer, or rename a plugin's crate"
    );
    let same = Folder::of(&["greet"]).with("b-layer", &[plugin("libtools.so", &["greet"])]);
    assert_eq!(served(&same, &[]), ["greet"]);
}

fn changed(change: impl FnOnce(&mut Value)) -> Folder {
    let mut manifest = manifest("a-layer", &[plugin("libtools.so", &["greet"])]);
    change(&mut manifest);
    Folder::empty().with_manifest("a-layer", &manifest)
}

#[test]
fn a_layer_for_another_host_is_refused_with_the_remedy() {
    let needed = std::env::consts::ARCH;
    let other_cpu = changed(|manifest| manifest["cpu"] = json!("riscv64"));
    assert_eq!(
        refused(&other_cpu, &[]),
        format!(
            "LAYER_FOREIGN: [dir]/a-layer.layer.json: the layer is for riscv64, this host for {needed}; attach the layer built for {needed}"
        )
    );
    assert_snapshot!(
        refused(&changed(|manifest| manifest["plugins"][0]["abi"] = json!("2.1.0")), &[]),
        @"PLUGIN_ABI_MISMATCH: [dir]/libtools.so: built for plugin ABI 2.1.0, this host speaks 1.0.0; rebuild it with the plugin-sdk of this host's release"
    );
    assert_snapshot!(
        refused(&changed(|manifest| manifest["plugins"][0]["payload"] = json!(2)), &[]),
        @"PLUGIN_ABI_MISMATCH: [dir]/libtools.so: speaks payload version 2, this host 1; rebuild it with the plugin-sdk of this host's release"
    );
    assert_snapshot!(
        refused(&changed(|manifest| manifest["format"] = json!(2)), &[]),
        @"MANIFEST_FORMAT: [dir]/a-layer.layer.json: manifest format 2, this host reads up to 1; deploy a newer host, or rebuild the layer with the `cargo layer` of this host's release"
    );
    assert_snapshot!(
        refused(&changed(|manifest| manifest["plugins"][0]["panic"] = json!("abort")), &[]),
        @r#"PLUGIN_PANIC_ABORT: [dir]/libtools.so: built with panic = "abort", so that one panic would end the host; remove `panic` from its profile and rebuild it"#
    );
    let minor = changed(|manifest| manifest["plugins"][0]["abi"] = json!("1.7.0"));
    assert_eq!(served(&minor, &[]), ["greet"]);
    let newer = changed(|manifest| manifest["news"] = json!({ "of": "later versions" }));
    assert_eq!(served(&newer, &[]), ["greet"]);
}

#[test]
fn a_file_that_is_no_manifest_is_refused_by_name() {
    for text in ["", "{}", "[]", r#"{"format":"1"}"#, r#"{"format":1}"#] {
        let folder = Folder::of(&["greet"]);
        folder.write("z.layer.json", text);
        let message = refused(&folder, &[]);
        assert!(
            message.starts_with("MANIFEST_INVALID: [dir]/z.layer.json: not a layer manifest: "),
            "{text}: {message}"
        );
    }
    let folder = changed(|manifest| manifest["plugins"][0]["declaration"] = json!({ "tools": [] }));
    let message = refused(&folder, &[]);
    assert!(
        message.starts_with("MANIFEST_INVALID: [dir]/a-layer.layer.json: "),
        "{message}"
    );
}

#[test]
fn all_problems_of_the_environment_are_reported_at_once_and_before_plugins() {
    assert_snapshot!(
        refused(&Folder::empty(), &[("MCP_LIST_TTL_MS", "soon"), ("MCP_SESSION_TTL_SECONDS", "-1")]),
        @r#"
    CONFIG_INVALID: MCP_LIST_TTL_MS is "soon"; it must be a whole number from 0 to 18446744073709551615
    MCP_SESSION_TTL_SECONDS is "-1"; it must be a whole number from 0 to 18446744073709551615
    "#
    );
}
