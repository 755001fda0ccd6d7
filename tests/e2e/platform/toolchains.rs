//! Plugin and host need not come from the same compiler, nor be built alike.

use std::process::Command;

use serde_json::json;
use tests::{Host, Layer, bootstrap, build_library, build_program, rustc_version, toolchains};

/// Checks that the plugin `notifies` works: it calls back into the host, keeps state, and logs.
fn works(host: &Host) {
    let client = host.connect();
    let meta = json!({ "progressToken": 1 });
    let events = client
        .call_modern("count", &json!({ "to": 3 }), &meta)
        .events();
    assert_eq!(events.len(), 4, "{events:?}");
    assert_eq!(events[3]["result"]["content"][0]["text"], "3");
    client.call("calls", json!({})).error_text();
    assert_eq!(client.call("calls", json!({})).text(), "100");
    client.call("write", json!({ "text": "well" }));
    host.wait_for_log("by log: well");
}

#[test]
fn a_plugin_of_another_rust_release_loads_and_works() {
    let ours = rustc_version(None);
    let other = toolchains()
        .into_iter()
        .map(|toolchain| (rustc_version(Some(&toolchain)), toolchain))
        .find(|(version, _)| *version != ours);
    let Some((version, toolchain)) = other else {
        eprintln!(
            "not tested: no toolchain but {ours} is installed; `rustup toolchain install nightly` brings one"
        );
        return;
    };
    println!("a plugin by {version} in a host by {ours}");
    let layer = Layer::built_with_toolchain(&toolchain, "notifies");
    works(&Host::serve(&layer));
}

#[test]
fn a_debug_plugin_works_in_a_release_host() {
    let layer = Layer::from_library(&build_library("notifies"));
    works(&Host::serve_with_program(bootstrap(), &layer));
}

#[test]
fn a_release_plugin_works_in_a_debug_host() {
    let host = Host::serve_with_program(&build_program("bootstrap"), &Layer::of(["notifies"]));
    works(&host);
}

#[test]
fn the_host_prints_its_version() {
    let mut command = Command::new(bootstrap());
    let version = tests::output_of(command.arg("--version"));
    assert!(version.contains("plugin ABI 1.0.0"), "{version}");
}
