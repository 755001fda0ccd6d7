//! Compatibility of hosts and plugins of different releases.

use insta::assert_snapshot;
use serde_json::{Value, json};
use tests::{Host, Layer, declaration, manifest, script, scripted, tool};

const STOP: (&str, &str) = ("MCP_ON_BAD_PLUGIN", "stop");

/// Returns a layer with a plugin that no manifest lists.
fn bare(script: &str) -> Layer {
    let layer = Layer::empty();
    layer.put("libgrown.so", scripted(script));
    layer
}

fn refused(layer: &Layer) -> String {
    Host::refusal_message(layer, &[STOP])
}

/// Returns the response of the host to a plugin's operation.
fn asked(op: u32) -> Value {
    let declared = declaration(&[tool("hello")]);
    let layer = bare(&format!("init ok {declared}\ncall ask {op}\n"));
    let host = Host::serve_with(&layer, &[STOP]);
    let client = host.connect();
    let answer = client.call_modern("hello", &json!({}), &json!({})).json();
    answer["result"]["structuredContent"].clone()
}

fn says_hello(layer: &Layer) -> Host {
    let host = Host::serve_with(layer, &[STOP]);
    assert_eq!(host.connect().list(), ["hello"]);
    assert_eq!(host.connect().call("hello", json!({})).text(), "hello");
    host
}

#[test]
fn an_old_plugin_knows_nothing_of_later_operations() {
    // It answers `init` and `call`; `prepare` and `cancel` came later, as far as it is concerned.
    let mut declared = declaration(&[tool("hello")]);
    declared["sdk"] = json!("0.0.1");
    let layer = bare(&script(&declared));
    says_hello(&layer);
    let host = Host::serve_with(&layer, &[STOP, ("MCP_PRELOAD", "all")]);
    assert_eq!(host.connect().call("hello", json!({})).text(), "hello");
    assert!(
        !host.log().contains("could not be opened early"),
        "{}",
        host.log()
    );
}

#[test]
fn unknown_members_of_a_newer_declaration_are_ignored() {
    let mut grown = tool("hello");
    grown["tool"]["shape"] = json!({ "of": "later revisions" });
    grown["weight"] = json!(7);
    let mut declared = declaration(&[grown]);
    declared["sdk"] = json!("7.0.0");
    declared["resources"] = json!([{ "uri": "later://" }]);
    let layer = bare(&script(&declared));
    says_hello(&layer);
    // The same with a manifest, which has unknown members of its own.
    let layer = Layer::empty();
    let library = scripted(&script(&declared));
    layer.put("libgrown.so", &library);
    let mut manifest = manifest("grown", "libgrown.so", &library, &declared);
    manifest["signature"] = json!("later");
    manifest["layer"]["licence"] = json!({ "is": "later" });
    manifest["plugins"][0]["needs"] = json!(["later"]);
    layer.put("grown.layer.json", manifest.to_string());
    says_hello(&layer);
}

#[test]
fn unknown_members_of_a_newer_reply_are_ignored() {
    let call = |reply: Value| {
        let declared = declaration(&[tool("hello")]);
        bare(&format!("init ok {declared}\ncall ok {reply}\n"))
    };
    let hello = json!({ "type": "complete", "content": [{ "type": "text", "text": "hello" }], "cost": { "later": 1 } });
    says_hello(&call(hello));
    // A reply of another type is an error: its meaning is unknown.
    let host = Host::serve_with(&call(json!({ "type": "later", "content": [] })), &[STOP]);
    let failed = host.connect().call("hello", json!({}));
    assert!(
        failed
            .error_text()
            .starts_with("tool hello failed unexpectedly"),
        "{failed:?}"
    );
    host.wait_for_log("the plugin's result cannot be read: its type is");
}

#[test]
fn a_newer_plugin_may_request_unknown_operations_of_an_older_host() {
    for op in [99, 8, 7] {
        assert_eq!(asked(op)["kind"], "unknown_op", "{op}");
    }
    // Known operations are answered.
    assert_eq!(asked(3), json!({ "cancelled": false }));
}

#[test]
fn errors_of_a_kind_that_an_old_host_does_not_know_are_failures() {
    let declared = declaration(&[tool("hello")]);
    let layer = bare(&format!(
        "init ok {declared}\ncall err {{\"kind\":\"later\",\"detail\":\"too new\",\"news\":1}}\n"
    ));
    let host = Host::serve_with(&layer, &[STOP]);
    let failed = host.connect().call("hello", json!({}));
    assert!(
        failed
            .error_text()
            .starts_with("tool hello failed unexpectedly"),
        "{failed:?}"
    );
    host.wait_for_log("too new");
}

#[test]
fn a_plugin_that_speaks_only_later_payloads_is_refused() {
    let words = "the plugin speaks payload version 2, the host [1]; rebuild the plugin with the host's plugin-sdk";
    let layer = bare(&format!(
        "init err {}\n",
        json!({ "kind": "unavailable", "detail": words })
    ));
    assert_snapshot!(refused(&layer), @"PLUGIN_INIT_FAILED: [dir]/libgrown.so: initialization failed: the plugin speaks payload version 2, the host [1]; rebuild the plugin with the host's plugin-sdk");
    // A plugin that ignores the offered version.
    let mut declared = declaration(&[tool("hello")]);
    declared["payload"] = json!(2);
    assert_snapshot!(refused(&bare(&script(&declared))), @"PLUGIN_ABI_MISMATCH: [dir]/libgrown.so: speaks payload version 2, this host 1; rebuild it with the plugin-sdk of this host's release");
    // With a manifest, it is refused before it is opened.
    let layer = Layer::empty();
    layer.put_declared("grown", &scripted(&script(&declared)), &declared);
    assert_snapshot!(refused(&layer), @"PLUGIN_ABI_MISMATCH: [dir]/libgrown.so: speaks payload version 2, this host 1; rebuild it with the plugin-sdk of this host's release");
    let error = Host::init_error(&layer, &[]);
    assert_eq!(error.error_type(), "PLUGIN_ABI_MISMATCH");
}

#[test]
fn a_plugin_built_for_a_later_host_is_refused() {
    let mut declared = declaration(&[tool("hello")]);
    declared["sdk"] = json!("99.1.0");
    declared["minHost"] = json!("99.1.0");
    let layer = bare(&script(&declared));
    assert_snapshot!(refused(&layer), @"PLUGIN_NEEDS_NEWER_HOST: [dir]/libgrown.so: needs release 99.1.0 of the host, this is 0.1.0; deploy that release, or rebuild the plugin with the plugin-sdk of this one");
    assert_eq!(
        Host::init_error(&layer, &[]).error_type(),
        "PLUGIN_NEEDS_NEWER_HOST"
    );
    // With a manifest, it is refused before it is opened.
    let layer = Layer::empty();
    let library = scripted(&script(&declared));
    layer.put("libgrown.so", &library);
    let mut manifest = manifest("grown", "libgrown.so", &library, &declared);
    manifest["plugins"][0]["minHost"] = json!("99.1.0");
    layer.put("grown.layer.json", manifest.to_string());
    assert_snapshot!(refused(&layer), @"PLUGIN_NEEDS_NEWER_HOST: [dir]/libgrown.so: needs release 99.1.0 of the host, this is 0.1.0; deploy that release, or rebuild the plugin with the plugin-sdk of this one");
}

#[test]
fn a_plugin_with_invalid_replies_is_refused() {
    assert_snapshot!(refused(&bare("init ok not JSON\n")), @"PLUGIN_INIT_FAILED: [dir]/libgrown.so: initialization failed: its declaration cannot be read: expected ident at line 1 column 2; rebuild it with this release's plugin-sdk");
    assert_snapshot!(refused(&bare("init ok {}\n")), @"PLUGIN_INIT_FAILED: [dir]/libgrown.so: initialization failed: its declaration cannot be read: missing field `payload` at line 1 column 2; rebuild it with this release's plugin-sdk");
    assert_snapshot!(refused(&bare("init err not JSON\n")), @"PLUGIN_INIT_FAILED: [dir]/libgrown.so: initialization failed: the plugin's error payload cannot be read: expected ident at line 1 column 2");
    assert_snapshot!(refused(&bare("")), @"PLUGIN_INIT_FAILED: [dir]/libgrown.so: initialization failed: it answered with an error of kind unknown_op; rebuild it with this release's plugin-sdk");
}
