//! Several layers in one folder, and very many plugins.

use serde_json::{Value, json};
use tests::{Host, Layer, replace_bytes, sha256_of};

const STOP: (&str, &str) = ("MCP_ON_BAD_PLUGIN", "stop");

#[test]
fn five_layers_over_each_other_are_their_union_in_one_order() {
    let layers = ["custom-tools", "notifies", "panics", "sleeps", "time-tools"]
        .map(|name| Layer::of([name]));
    let expected: Vec<_> = layers
        .iter()
        .flat_map(|layer| Host::serve(layer).connect().list())
        .collect();
    let forwards = Layer::merged(&layers);
    let backwards = Layer::merged(layers.iter().rev());
    for layer in [forwards, backwards] {
        let host = Host::serve_with(&layer, &[STOP]);
        let client = host.connect();
        assert_eq!(client.list(), expected);
        assert_eq!(client.list(), expected, "also the second time");
        assert_eq!(client.call("add", json!({ "a": 1, "b": 2 })).text(), "3");
        assert_eq!(client.call("say", json!({ "text": "hi" })).text(), "hi");
        assert_eq!(client.call("count", json!({ "to": 2 })).text(), "2");
        let rested = client.call("nap", json!({ "seconds": 0 }));
        assert_eq!(rested.message()["result"], json!({ "content": [] }));
        let span = json!({ "to": "2026-01-31", "span": "1 day" });
        assert_eq!(client.call("addToDate", span).text(), "2026-02-01 (Sunday)");
        let layers = host.health()["layers"].clone();
        assert_eq!(layers.as_array().map(Vec::len), Some(5), "{layers}");
    }
}

#[test]
fn two_layers_of_one_name_keep_the_later_manifest_and_both_plugins() {
    // Both are named `tools`.
    let (one, other) = (
        Layer::of(["custom-tools", "panics"]),
        Layer::of(["sleeps", "time-tools"]),
    );
    for layers in [[&one, &other], [&other, &one]] {
        let host = Host::serve_with(&Layer::merged(layers), &[STOP]);
        host.wait_for_log(
            "If two layers have the same name, the later one overwrites the manifest of the other.",
        );
        let client = host.connect();
        assert_eq!(client.call("add", json!({ "a": 1, "b": 2 })).text(), "3");
        assert_eq!(client.call("say", json!({ "text": "hi" })).text(), "hi");
        let rested = client.call("nap", json!({ "seconds": 0 }));
        assert_eq!(rested.message()["result"], json!({ "content": [] }));
        let span = json!({ "to": "2026-01-31", "span": "1 day" });
        assert_eq!(client.call("addToDate", span).text(), "2026-02-01 (Sunday)");
        // In the order of the files' names, in any order of opening.
        let list = client.list();
        let position = |name: &str| list.iter().position(|listed| listed == name);
        assert!(
            position("add") < position("say") && position("say") < position("nap"),
            "{list:?}"
        );
        assert!(position("nap") < position("addToDate"), "{list:?}");
    }
}

/// Turns a layer of one plugin into one of a hundred: each library has another name of the same width in it, and the
/// manifest an entry for each. The host checks that they agree.
fn hundred() -> Layer {
    const NAME: &str = "tool_000";
    let layer = Layer::of(["renamable"]);
    let library = layer.read("librenamable.so");
    layer.edit("renamable.layer.json", |text| {
        // As text, so that declarations stay as they are, byte for byte.
        let mut manifest: Value = serde_json::from_str(&text).expect("a manifest");
        let entry = manifest["plugins"][0].take();
        // The last of this name: its checksum comes before it.
        let begin =
            text.rfind("\"declaration\": ").expect("a declaration") + "\"declaration\": ".len();
        let mut values = serde_json::Deserializer::from_str(&text[begin..]).into_iter::<Value>();
        values.next().expect("a declaration").expect("JSON");
        let declaration = &text[begin..begin + values.byte_offset()];
        assert_eq!(
            entry["digest"],
            sha256_of(declaration.as_bytes()),
            "the declaration is written as it came"
        );
        let entries = (0..100).map(|number| {
            let name = format!("tool_{number:03}");
            let file = format!("librenamable_{number:03}.so");
            let declaration = declaration.replace(NAME, &name);
            let renamed = replace_bytes(library.clone(), NAME.as_bytes(), name.as_bytes());
            let mut entry = entry.clone();
            entry["file"] = json!(file);
            entry["sha256"] = json!(sha256_of(&renamed));
            // The form of the first releases.
            entry.as_object_mut().expect("an object").remove("xxh3");
            entry["digest"] = json!(sha256_of(declaration.as_bytes()));
            entry["declaration"] = json!("[declaration]");
            layer.put(&file, renamed);
            entry.to_string().replace("\"[declaration]\"", &declaration)
        });
        let entries: Vec<_> = entries.collect();
        manifest["plugins"] = json!("[plugins]");
        manifest
            .to_string()
            .replace("\"[plugins]\"", &format!("[{}]", entries.join(",")))
    });
    layer.remove("librenamable.so");
    layer
}

#[test]
fn a_hundred_plugins_are_listed_in_order_opened_one_by_one_and_all_answer() {
    let layer = hundred();
    let names: Vec<_> = (0..100).map(|number| format!("tool_{number:03}")).collect();
    let host = Host::serve_with(&layer, &[STOP]);
    let client = host.connect();
    assert_eq!(client.list(), names);
    assert_eq!(host.mapped_plugins(), [""; 0]);
    for (number, name) in names.iter().enumerate().rev() {
        assert_eq!(
            client.call(name, json!({})).text(),
            format!("this is {name}")
        );
        assert_eq!(host.mapped_plugins().len(), 100 - number);
    }
    let host = Host::serve_with(&layer, &[STOP, ("MCP_PRELOAD", "all")]);
    assert_eq!(host.mapped_plugins().len(), 100);
    assert_eq!(
        host.connect().call("tool_050", json!({})).text(),
        "this is tool_050"
    );
}
