//! A log that nobody reads, or that fails, costs no answer.

use serde_json::json;
use tests::{BadStderr, FrontDoor, Host, Layer, StdioClient};

/// The variables for long log lines: two of them for each request, 1 KB together.
const LONG_LINES: [(&str, &str); 1] = [("MCP_METRICS", "emf")];

/// The number of requests with more lines than a pipe (64 KB) and the queue (1 MiB) take together.
const REQUESTS: usize = 1600;

/// The number of requests on Lambda, where lines are not queued.
const INVOCATIONS: usize = 200;

fn assert_answers(host: &Host, requests: usize) {
    let client = host.connect();
    for _ in 0..requests {
        assert_eq!(client.call("say", json!({ "text": "hi" })).text(), "hi");
    }
    // The plugin's own report of a panic goes to the log as well.
    let error = client.call("explode", json!({ "secret": "s" }));
    assert!(error.error_text().contains("failed unexpectedly"));
    assert_eq!(client.call("say", json!({ "text": "hi" })).text(), "hi");
}

/// The health of a host, without and with the reason for a log that fails.
fn assert_health_shows(host: &Host, stderr: BadStderr) {
    let health = host.health();
    assert_eq!(health["status"], "degraded", "{stderr:?}: {health}");
    let fault = health["log"]["fault"].as_str().expect("a fault");
    let expected = match stderr {
        BadStderr::Unread => "nobody reads the log",
        BadStderr::Full => "No space left on device",
        BadStderr::Closed => "Broken pipe",
        BadStderr::Limited => "File too large",
    };
    assert!(fault.contains(expected), "{stderr:?}: {health}");
    assert!(health["log"]["dropped"].as_u64() > Some(0), "{health}");
}

#[test]
fn serve_answers_and_ends_whatever_becomes_of_its_log() {
    let layer = Layer::of(["panics"]);
    for stderr in BadStderr::ALL {
        let host = Host::serve_with_bad_stderr(&layer, stderr, &LONG_LINES);
        assert_answers(&host, REQUESTS);
        assert_health_shows(&host, stderr);
        assert_eq!(host.terminate().0, Some(0), "{stderr:?}");
    }
}

#[test]
fn lambda_answers_whatever_becomes_of_its_log() {
    let layer = Layer::of(["panics"]);
    for stderr in BadStderr::ALL {
        let front_door = FrontDoor::http_api("$default");
        let host = Host::lambda_with_bad_stderr(&layer, front_door, stderr, &LONG_LINES);
        assert_answers(&host, INVOCATIONS);
        assert_health_shows(&host, stderr);
    }
}

#[test]
fn stdio_answers_whatever_becomes_of_its_log() {
    let layer = Layer::of(["panics"]);
    for stderr in BadStderr::ALL {
        let mut client = StdioClient::open_with_bad_stderr(&layer, stderr);
        for id in 0..INVOCATIONS {
            let params = json!({ "name": "say", "arguments": { "text": "hi" } });
            client.send(&json!({
                "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params
            }));
            let answer = client.receive();
            assert_eq!(answer["result"]["content"][0]["text"], "hi", "{stderr:?}");
        }
    }
}

#[test]
fn a_start_with_a_bad_log_fails_with_its_exit_code_alone() {
    for stderr in BadStderr::ALL {
        let variables = [("MCP_LIST_TTL_MS", "soon")];
        let mut host = Host::serve_with_bad_stderr(&Layer::of(["panics"]), stderr, &variables);
        assert_eq!(host.wait_for_exit(), Some(1), "{stderr:?}");
    }
}
