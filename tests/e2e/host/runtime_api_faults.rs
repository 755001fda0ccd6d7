//! Faults of Lambda's Runtime API: the environment goes on, or ends as a whole.

use serde_json::json;
use tests::{FaultyRuntimeApi, Layer, NextAnswer, http_api_event};

/// The number of concurrent invocations.
const CONCURRENCY: usize = 4;

fn event() -> NextAnswer {
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let headers = json!({ "content-type": "application/json" });
    NextAnswer::Event(http_api_event(None, "POST", &headers, &ping))
}

#[test]
fn workers_go_on_after_requests_that_fail() {
    let layer = Layer::of(["panics"]);
    for fault in [NextAnswer::Status(500), NextAnswer::Close] {
        for concurrency in [1, CONCURRENCY] {
            // More faults than workers, but not more than one worker repeats.
            let faults = vec![fault.clone(); 3];
            let events = vec![event(); 2 * CONCURRENCY];
            let script = [vec![event()], faults, events].concat();
            let api = FaultyRuntimeApi::start(&layer, concurrency, script, None);
            for _ in 0..=2 * CONCURRENCY {
                assert_eq!(api.response()["statusCode"], 200, "{fault:?}");
            }
        }
    }
}

#[test]
fn an_environment_ends_when_no_invocation_can_be_fetched() {
    let layer = Layer::of(["panics"]);
    for fault in [
        NextAnswer::Status(403),
        NextAnswer::Status(500),
        NextAnswer::Close,
    ] {
        for concurrency in [1, CONCURRENCY] {
            let mut api =
                FaultyRuntimeApi::start(&layer, concurrency, [event()], Some(fault.clone()));
            assert_eq!(api.response()["statusCode"], 200);
            assert_eq!(api.wait_for_exit(), Some(1), "{fault:?}");
        }
    }
}

#[test]
fn one_worker_without_invocations_ends_the_others() {
    // Four workers ask: three wait for an event that never comes, and one gets errors alone.
    let faults = vec![NextAnswer::Status(500); CONCURRENCY * 4];
    let mut api = FaultyRuntimeApi::start(&Layer::of(["panics"]), CONCURRENCY, faults, None);
    assert_eq!(api.wait_for_exit(), Some(1));
}
