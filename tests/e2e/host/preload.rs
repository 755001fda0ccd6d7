//! `MCP_PRELOAD`: plugins are opened, and their state is built, before the first request.

use serde_json::json;
use tests::{FrontDoor, Host, Layer};

#[test]
fn preload_opens_all_served_plugins_and_its_absence_none() {
    let layer = Layer::of(["async-tools", "notifies", "custom-tools"]);
    let host = Host::serve(&layer);
    assert_eq!(host.mapped_plugins(), [""; 0]);

    let served = [("MCP_PRELOAD", "all"), ("TOOLS_LIST", "later,calls")];
    let host = Host::serve_with(&layer, &served);
    assert_eq!(
        host.mapped_plugins(),
        ["libasync_tools.so", "libnotifies.so"]
    );
    host.wait_for_log("the state is built");
    // The state of the other plugin cannot be built at the first try, which costs only the preparation.
    host.wait_for_log("a plugin could not be opened early; its first call tries again");
    host.wait_for_log("the password s3cret is wrong");
    assert_eq!(host.connect().call("calls", json!({})).text(), "100");
}

#[test]
fn provisioned_concurrency_preloads() {
    let layer = Layer::of(["async-tools"]);
    for (initialization, preloads) in [("provisioned-concurrency", true), ("on-demand", false)] {
        let variables = [("AWS_LAMBDA_INITIALIZATION_TYPE", initialization)];
        let host = Host::lambda_with(&layer, FrontDoor::http_api("$default"), &variables);
        // The environment starts with the first request.
        host.connect().list();
        host.wait_for_log("serving");
        assert_eq!(
            host.log().contains("the state is built"),
            preloads,
            "{initialization}"
        );
    }
}
