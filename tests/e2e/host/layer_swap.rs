//! A new layer replaces the tools; the host does not change.

use serde_json::json;
use tests::{FrontDoor, Host, Layer, bootstrap, sha256, standalone};

#[test]
fn swapping_the_layer_swaps_the_tools_of_one_and_the_same_bootstrap() {
    let before = sha256(bootstrap());
    println!("bootstrap before: {before}");
    let (a, b) = (Layer::of(["custom-tools"]), Layer::of(["time-tools"]));
    let custom = ["greet", "multiply", "add"];
    let time = ["currentTime", "convertTime", "addToDate", "daysBetween"];

    for start in [Host::serve as fn(&Layer) -> Host, on_lambda] {
        let host = start(&a);
        assert_eq!(host.connect().list(), custom);
        assert_eq!(
            host.connect()
                .call("greet", json!({ "name": "Ada" }))
                .text(),
            "Hello, Ada!"
        );

        let host = start(&b);
        assert_eq!(host.connect().list(), time);
        let sum = host.connect().call(
            "addToDate",
            json!({ "to": "2026-01-31", "span": "1 month" }),
        );
        assert_eq!(sum.text(), "2026-02-28 (Saturday)");

        for both in [Layer::merged([&a, &b]), Layer::merged([&b, &a])] {
            let host = start(&both);
            assert_eq!(
                host.connect().list(),
                [custom.as_slice(), time.as_slice()].concat()
            );
            assert_eq!(
                host.connect().call("add", json!({ "a": 1, "b": 2 })).text(),
                "3"
            );
            let sum = host
                .connect()
                .call("addToDate", json!({ "to": "2026-01-31", "span": "1 day" }));
            assert_eq!(sum.text(), "2026-02-01 (Sunday)");
        }
    }

    let after = sha256(bootstrap());
    println!("bootstrap after:  {after}");
    assert_eq!(before, after);
}

fn on_lambda(layer: &Layer) -> Host {
    Host::lambda(layer, FrontDoor::http_api("$default"))
}

#[test]
fn tools_list_selects_and_other_tools_are_unknown() {
    let host = Host::serve_with(&Layer::of(["custom-tools"]), &[("TOOLS_LIST", "greet,add")]);
    let client = host.connect();
    assert_eq!(client.list(), ["greet", "add"]);
    assert_eq!(client.call("add", json!({ "a": 1, "b": 2 })).text(), "3");
    assert_eq!(
        client
            .call("multiply", json!({ "x": 1, "y": 2 }))
            .error_code(),
        -32602
    );
}

#[test]
fn entry_file_selects_plugins_and_orders_them() {
    let both = Layer::of(["custom-tools", "time-tools"]);
    let host = Host::serve_with(&both, &[("ENTRY_FILE", "libcustom_tools.so")]);
    assert_eq!(host.connect().list(), ["greet", "multiply", "add"]);
    let host = Host::serve_with(
        &both,
        &[
            ("ENTRY_FILE", "time-tools, custom_tools"),
            ("TOOLS_LIST", "add,*Time"),
        ],
    );
    assert_eq!(host.connect().list(), ["currentTime", "convertTime", "add"]);
}

#[test]
fn a_library_is_not_opened_before_its_first_call() {
    let host = Host::serve(&Layer::of(["custom-tools", "time-tools"]));
    let client = host.connect();
    client.list();
    assert!(client.discover()["result"]["capabilities"]["tools"].is_object());
    assert_eq!(host.mapped_plugins(), Vec::<String>::new());
    client.call("add", json!({ "a": 1, "b": 2 })).text();
    assert_eq!(host.mapped_plugins(), ["libcustom_tools.so"]);
}

#[test]
fn plugins_without_a_manifest_are_opened_at_startup_and_other_libraries_never() {
    let layer = Layer::of(["custom-tools"]);
    layer.remove("custom-tools.layer.json");
    // Any library of the system that is not a plugin.
    let foreign = tests::system_library();
    fs_err::copy(foreign, layer.plugin_dir().join("libnot_a_plugin.so"))
        .expect("a library to copy");
    let host = Host::serve(&layer);
    assert_eq!(host.mapped_plugins(), ["libcustom_tools.so"]);
    assert_eq!(host.connect().list(), ["greet", "multiply", "add"]);
    assert_eq!(
        host.connect()
            .call("greet", json!({ "name": "Ada" }))
            .text(),
        "Hello, Ada!"
    );
    host.wait_for_log("no manifest names this plugin");
}

#[test]
fn a_library_that_is_not_a_plugin_is_never_opened() {
    let foreign = standalone("not-a-plugin", None);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mark = folder.path().join("mark");
    let variable = ("FOREIGN_MARK", mark.to_str().expect("a path of text"));

    // The constructors do run when it is opened.
    let mut opening = std::process::Command::new(bootstrap());
    opening.arg("--version").env("LD_PRELOAD", &foreign);
    tests::output_of(opening.env(variable.0, variable.1));
    assert_eq!(fs_err::read_to_string(&mark).expect("the file"), "opened");
    fs_err::remove_file(&mark).expect("the file");

    let layer = Layer::of(["custom-tools"]);
    layer.put_library("libnot_a_plugin.so", &foreign);
    for preload in ["none", "all"] {
        let host = Host::serve_with(&layer, &[variable, ("MCP_PRELOAD", preload)]);
        let client = host.connect();
        client.list();
        client.discover();
        assert_eq!(client.call("add", json!({ "a": 1, "b": 2 })).text(), "3");
        assert_eq!(host.mapped_plugins(), ["libcustom_tools.so"]);
        assert!(!mark.exists(), "MCP_PRELOAD={preload}");
    }
    // Selecting it does not open it either.
    let told = Host::refusal_output(&layer, &[variable, ("ENTRY_FILE", "not_a_plugin")]);
    assert!(told.contains("error[PLUGIN_NO_ROOT_MODULE]"), "{told}");
    assert!(!mark.exists());
}

#[test]
fn a_library_that_declares_other_tools_than_its_manifest_fails_at_its_first_call_alone() {
    let layer = Layer::of(["custom-tools", "time-tools"]);
    layer.edit("tools.layer.json", |manifest| {
        manifest.replace("Greet someone by name.", "Greet anyone by name.")
    });
    layer.edit("tools.layer.json", |manifest| {
        let digest = manifest.split("\"digest\": \"").nth(1).expect("a digest")[..64].to_owned();
        manifest.replace(&digest, &"0".repeat(64))
    });
    only_custom_tools_fail(&layer);
}

#[test]
fn a_damaged_library_of_the_right_size_fails_at_its_first_call_and_kills_nothing() {
    let layer = Layer::of(["custom-tools", "time-tools"]);
    let library = layer.plugin_dir().join("libcustom_tools.so");
    let mut bytes = fs_err::read(&library).expect("a library");
    // The header stays sound; code and data become zeros, as in a copy that was cut short.
    let kept = bytes.len() / 10;
    bytes[kept..].fill(0);
    fs_err::write(&library, bytes).expect("a file that can be changed");
    only_custom_tools_fail(&layer);
}

#[test]
fn a_library_that_cannot_be_opened_is_left_out_with_a_warning() {
    let layer = Layer::of(["custom-tools"]);
    let folder = layer.plugin_dir();
    fs_err::write(folder.join("libempty.so"), "").expect("a file");
    fs_err::create_dir(folder.join("libfolder.so")).expect("a folder");
    let host = Host::serve(&layer);
    assert_eq!(host.connect().list(), ["greet", "multiply", "add"]);
    for name in [
        "libempty.so: not a shared library",
        "libfolder.so: not a file",
    ] {
        host.wait_for_log(name);
    }
}

/// Asserts that the host starts, a tool of custom-tools fails with the reason in the log, and one of time-tools works.
fn only_custom_tools_fail(layer: &Layer) {
    let host = Host::serve(layer);
    let client = host.connect();
    let refused = client.call("greet", json!({ "name": "Ada" }));
    assert!(
        refused
            .error_text()
            .starts_with("tool greet failed unexpectedly"),
        "{refused:?}"
    );
    host.wait_for_log("[MANIFEST_DRIFT]");
    let sum = client.call("addToDate", json!({ "to": "2026-01-31", "span": "1 day" }));
    assert_eq!(sum.text(), "2026-02-01 (Sunday)");
}

#[test]
fn a_layer_carries_no_symbols() {
    let layer = Layer::of(["custom-tools"]);
    let library = layer.plugin_dir().join("libcustom_tools.so");
    let content = fs_err::read(library).expect("a library");
    // The name of the section that holds them.
    let name = b".symtab";
    assert!(!content.windows(name.len()).any(|window| window == name));
}
