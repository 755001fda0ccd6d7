//! Output of plugins goes to the log, and never to the host's stdout.

use serde_json::json;
use tests::{FrontDoor, Host, Layer};

#[test]
fn output_of_a_tool_is_logged_also_without_a_newline() {
    let layer = Layer::of(["prints"]);
    // The log lines of requests would come between.
    let host = Host::serve_with(&layer, &[("AWS_LAMBDA_LOG_LEVEL", "WARN")]);
    for text in ["a line\n", "no end of a line"] {
        host.connect().call("shout", json!({ "text": text }));
    }
    host.connect().call("shout", json!({ "text": "\n" }));
    host.wait_for_log("a line\n");
    host.wait_for_log("no end of a line\n");
    assert_eq!(host.kill_and_read_stdout(), "");

    let host = Host::lambda(&layer, FrontDoor::http_api("$default"));
    let text = "printed on Lambda\n";
    host.connect().call("shout", json!({ "text": text }));
    host.wait_for_log("printed on Lambda");
}
