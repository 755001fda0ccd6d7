//! Plugins that cannot be served: `MCP_ON_BAD_PLUGIN` decides whether they stop the start.

use http::Request;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::{
    catalog::{refused, served},
    folder::{Folder, manifest, plugin},
    server::{Server, with_body},
};

const SKIP: (&str, &str) = ("MCP_ON_BAD_PLUGIN", "skip");

/// Creates a plugin that can be served, and three that cannot.
fn folder() -> Folder {
    let mut newer = plugin("libnewer.so", &["newer"]);
    newer["minHost"] = json!("99.1.0");
    let folder = Folder::of(&["greet"])
        .with("b-layer", &[newer])
        .with("c-layer", &[plugin("libgone.so", &["gone"])])
        .with("d-layer", &[plugin("libreplaced.so", &["replaced"])]);
    folder.remove("libgone.so");
    folder.write("libreplaced.so", "another library");
    folder
}

fn health(folder: Folder, variables: &[(&str, &str)]) -> Value {
    let server = Server::of(folder, variables);
    let answered = server.answer(&with_body(Request::get("/base/health"), ""));
    assert_eq!(answered.status(), 200);
    assert_eq!(answered.header("content-type"), Some("application/json"));
    answered.json()
}

#[test]
fn all_errors_that_stop_the_start_are_reported_at_once() {
    assert_snapshot!(refused(&folder(), &[]), @"
    PLUGIN_UNREADABLE: 3 errors:
    [PLUGIN_UNREADABLE] [dir]/libgone.so: named by [dir]/c-layer.layer.json, but cannot be read: failed to query resolved metadata `[dir]/libgone.so`: No such file or directory (os error 2); rebuild the layer
    [PLUGIN_NEEDS_NEWER_HOST] [dir]/libnewer.so: needs release 99.1.0 of the host, this is 0.1.0; deploy that release, or rebuild the plugin with the plugin-sdk of this one
    [MANIFEST_DRIFT] [dir]/libreplaced.so: has 15 bytes, but [dir]/d-layer.layer.json says 13: another layer may have a file of the same name, or the file was replaced; rebuild the layer
    ");
}

#[test]
fn a_skipped_plugin_leaves_the_others_and_shows_in_health() {
    assert_eq!(served(&folder(), &[SKIP]), ["greet"]);
    assert_eq!(
        health(folder(), &[SKIP]),
        json!({
            "status": "degraded",
            "host": env!("CARGO_PKG_VERSION"),
            "layers": [
                { "name": "a-layer", "version": "1.2.3" },
                { "name": "b-layer", "version": "1.2.3" },
                { "name": "c-layer", "version": "1.2.3" },
                { "name": "d-layer", "version": "1.2.3" },
            ],
            "tools": ["greet"],
            "leftOut": [
                { "file": "libgone.so", "code": "PLUGIN_UNREADABLE" },
                { "file": "libnewer.so", "code": "PLUGIN_NEEDS_NEWER_HOST" },
                { "file": "libreplaced.so", "code": "MANIFEST_DRIFT" },
            ],
        })
    );
    let whole = health(Folder::of(&["greet"]), &[]);
    assert_eq!(
        [&whole["status"], &whole["leftOut"]],
        [&json!("ok"), &json!([])]
    );
}

#[test]
fn a_bad_plugin_named_in_entry_file_stops_the_start() {
    assert_eq!(served(&folder(), &[("ENTRY_FILE", "tools")]), ["greet"]);
    let named = [SKIP, ("ENTRY_FILE", "tools,gone")];
    assert!(refused(&folder(), &named).starts_with("PLUGIN_UNREADABLE: [dir]/libgone.so"));
    // The file is unknown, but ENTRY_FILE names it.
    let folder = folder();
    folder.write("libgarbage.so", "garbage");
    assert_eq!(served(&folder, &[SKIP]), ["greet"]);
    assert_snapshot!(
        refused(&folder, &[SKIP, ("ENTRY_FILE", "garbage")]),
        @"PLUGIN_NOT_A_LIBRARY: [dir]/libgarbage.so: not a shared library (no ELF header); rebuild the layer"
    );
}

#[test]
fn a_skipped_tool_named_in_tools_list_stops_the_start() {
    assert_snapshot!(
        refused(&folder(), &[SKIP, ("TOOLS_LIST", "greet,replaced")]),
        @r#"TOOLS_LIST_UNMATCHED: TOOLS_LIST: no tool matches "replaced" (there are: greet); skipped: libgone.so [PLUGIN_UNREADABLE]; libnewer.so [PLUGIN_NEEDS_NEWER_HOST]; libreplaced.so [MANIFEST_DRIFT]"#
    );
}

#[test]
fn a_folder_of_skipped_plugins_alone_stops_the_start() {
    let folder = Folder::of(&["greet"]);
    folder.remove("libtools.so");
    let message = refused(&folder, &[SKIP]);
    assert!(message.starts_with("PLUGIN_DIR_EMPTY: "), "{message}");
    assert!(message.contains("[dir]/libtools.so: named by"), "{message}");
}

#[test]
fn an_unreadable_manifest_is_skipped_alone() {
    let folder = Folder::of(&["greet"]);
    folder.write("broken.layer.json", "{");
    let left_out = health(folder, &[SKIP])["leftOut"].take();
    assert_eq!(
        left_out,
        json!([{ "file": "broken.layer.json", "code": "MANIFEST_INVALID" }])
    );
}

#[test]
fn a_layer_for_another_cpu_is_skipped_with_all_its_plugins() {
    let mut foreign = manifest(
        "b-layer",
        &[plugin("libx.so", &["x"]), plugin("liby.so", &["y"])],
    );
    foreign["cpu"] = json!("riscv64");
    let folder = Folder::of(&["greet"]).with_manifest("b-layer", &foreign);
    let left_out = health(folder, &[SKIP])["leftOut"].take();
    assert_eq!(
        left_out,
        json!([{ "file": "libx.so", "code": "LAYER_FOREIGN" }, { "file": "liby.so", "code": "LAYER_FOREIGN" }])
    );
}

#[test]
fn the_first_of_two_tools_with_one_name_is_served() {
    let folder = || {
        Folder::empty()
            .with("a-layer", &[plugin("liba.so", &["greet", "one"])])
            .with("b-layer", &[plugin("libb.so", &["greet", "two"])])
    };
    assert_eq!(served(&folder(), &[SKIP]), ["greet", "one", "two"]);
    let turned = [SKIP, ("ENTRY_FILE", "b,a")];
    assert_eq!(served(&folder(), &turned), ["greet", "two", "one"]);
    let left_out = health(folder(), &turned)["leftOut"].take();
    assert_eq!(
        left_out,
        json!([{ "file": "liba.so", "code": "TOOL_DUPLICATE" }])
    );
    // Which of them was meant?
    let named = refused(&folder(), &[SKIP, ("TOOLS_LIST", "greet,two")]);
    assert!(named.starts_with("TOOL_DUPLICATE: "), "{named}");
}

#[test]
fn a_link_may_lead_to_another_name_in_its_folder_but_not_out_of_it() {
    let elsewhere = Folder::of(&["greet"]);
    let folder = Folder::of(&["greet"]);
    let library = folder.path().join("libtools.so");
    fs_err::rename(&library, folder.path().join("tools-1.so")).expect("a file");
    fs_err::os::unix::fs::symlink("tools-1.so", &library).expect("a link");
    assert_eq!(served(&folder, &[]), ["greet"]);

    fs_err::remove_file(&library).expect("a link");
    let outside = elsewhere.path().join("libtools.so");
    fs_err::os::unix::fs::symlink(&outside, &library).expect("a link");
    let message = refused(&folder, &[]);
    assert!(
        message.starts_with(
            "PLUGIN_OUTSIDE: [dir]/libtools.so: a link that leads out of its folder, to /"
        ),
        "{message}"
    );
}

#[test]
fn a_layer_has_default_tools_where_tools_list_is_not_set() {
    let with_defaults = |defaults: Value| {
        let mut manifest = manifest(
            "a-layer",
            &[plugin("libtools.so", &["greet", "add", "multiply"])],
        );
        manifest["layer"]["tools"] = defaults;
        Folder::empty()
            .with_manifest("a-layer", &manifest)
            .with("b-layer", &[plugin("libz.so", &["other"])])
    };
    for (defaults, expected) in [
        (json!(["add", "gr*"]), &["greet", "add", "other"][..]),
        (json!(["!add"]), &["greet", "multiply", "other"]),
        (json!(["*", "!add"]), &["greet", "multiply", "other"]),
        (json!([]), &["greet", "add", "multiply", "other"]),
    ] {
        assert_eq!(
            served(&with_defaults(defaults.clone()), &[]),
            expected,
            "{defaults}"
        );
    }
    let all = [("TOOLS_LIST", "*")];
    assert_eq!(
        served(&with_defaults(json!(["add"])), &all),
        ["greet", "add", "multiply", "other"]
    );
}

#[test]
fn preloading_opens_what_is_served_and_finds_what_is_wrong_with_it() {
    let preload = ("MCP_PRELOAD", "all");
    // The libraries of these tests are not libraries, and opening them fails.
    let message = refused(&Folder::of(&["greet"]), &[preload]);
    assert!(
        message.starts_with("MANIFEST_DRIFT: [dir]/libtools.so: "),
        "{message}"
    );
    assert_eq!(served(&Folder::of(&["greet"]), &[preload, SKIP]), [""; 0]);
    for named in [("ENTRY_FILE", "tools"), ("TOOLS_LIST", "greet")] {
        let message = refused(&Folder::of(&["greet"]), &[preload, SKIP, named]);
        assert!(
            message.starts_with("MANIFEST_DRIFT: "),
            "{named:?}: {message}"
        );
    }
    // It is not served, and so not opened.
    let folder = Folder::of(&["greet"]);
    assert_eq!(served(&folder, &[preload, ("TOOLS_LIST", "!*")]), [""; 0]);
    assert_eq!(
        served(&folder, &[("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")]),
        ["greet"]
    );
    let provisioned = [("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency")];
    assert!(refused(&folder, &provisioned).starts_with("MANIFEST_DRIFT: "));
}
