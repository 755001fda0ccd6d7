//! Crashes: a log line names the tool, the plugin and the place, and the next environment serves.

use serde_json::{Value, json};
use tests::{Answer, FrontDoor, Host, Layer};

fn call(host: &Host, tool: &str, arguments: &Value) -> Answer {
    let params = json!({ "name": tool, "arguments": arguments });
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    host.connect().post(&[], &message)
}

#[test]
fn a_tool_that_ends_the_process_is_named_and_the_next_environment_serves() {
    let layer = Layer::of(["crashes"]);
    let host = Host::lambda(&layer, FrontDoor::rest_api("prod"));
    for (tool, arguments, words) in [
        (
            "segfault",
            json!({}),
            "fatal: SIGSEGV at address 0xdead, in libcrashes.so+0x",
        ),
        (
            "overflow_the_stack",
            json!({}),
            "(the stack is exhausted), in libcrashes.so+0x",
        ),
        (
            "abort",
            json!({}),
            "fatal: SIGABRT, called from libcrashes.so+0x",
        ),
        (
            "raise_signal",
            json!({ "signal": 4 }),
            "fatal: SIGILL, called from libcrashes.so+0x",
        ),
        (
            "raise_signal",
            json!({ "signal": 7 }),
            "fatal: SIGBUS, called from libcrashes.so+0x",
        ),
        (
            "raise_signal",
            json!({ "signal": 8 }),
            "fatal: SIGFPE, called from libcrashes.so+0x",
        ),
    ] {
        let answer = call(&host, tool, &arguments);
        assert_eq!(answer.status, 502, "{tool}: {}", answer.body);
        host.wait_for_log(words);
        let log = host.log();
        let line = log.lines().rfind(|line| line.contains("fatal: "));
        let line = line.expect("there is such a line");
        let (_, rest) = line.split_once("(build id ").expect(line);
        let (build_id, rest) = rest.split_once(')').expect(line);
        assert!(
            build_id.len() >= 16 && build_id.chars().all(|c| c.is_ascii_hexdigit()),
            "{line}"
        );
        assert!(
            rest.starts_with(&format!(", tool {tool}, request ")),
            "{line}"
        );
        let next = host.connect().call("say", json!({ "text": tool }));
        assert_eq!(next.text(), tool);
    }
}

#[test]
fn a_tool_that_exits_ends_one_environment() {
    let layer = Layer::of(["crashes"]);
    let host = Host::lambda(&layer, FrontDoor::rest_api("prod"));
    let answer = call(&host, "exit", &json!({}));
    assert_eq!(answer.status, 502, "{}", answer.body);
    let next = host.connect().call("say", json!({ "text": "next" }));
    assert_eq!(next.text(), "next");
}
