//! The caller as a tool sees it, through each front door.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plugin_abi::host_op;
use serde_json::{Value, json};

use crate::transport::lambda::{
    gateway_limits,
    tests::{FAR, Function, function_url, http_api, invocation, rest_api},
};

#[tokio::test]
async fn a_tool_learns_who_called_and_by_when_to_answer_and_may_answer_with_a_stream() {
    let function = Function::start(&[]);
    let ops = json!([[host_op::CONTEXT, null], [host_op::PROGRESS, { "progress": 1 }]]);
    let mut call = super::call("ask", json!({ "ops": ops }));
    call["params"]["_meta"] = json!({ "progressToken": 1 });
    let alice = json!({ "principalId": "alice", "tenant": "a" });
    let mut through_rest_api = rest_api("/mcp", &call);
    through_rest_api["requestContext"]["authorizer"] = alice.clone();
    let let_in = |mut event: Value| {
        event["requestContext"]["authorizer"] = json!({ "lambda": alice });
        event
    };
    for (event, has_ceiling) in [
        (through_rest_api, true),
        (let_in(http_api("/mcp", &call)), true),
        (let_in(function_url("/mcp", &call)), false),
    ] {
        let answer = function
            .invoke(&event, invocation())
            .await
            .expect("an answer");
        let kind = &answer["headers"]["content-type"];
        let kind = kind
            .as_str()
            .or(answer["multiValueHeaders"]["content-type"][0].as_str());
        assert_eq!(kind, Some("text/event-stream"), "{answer}");
        let text = answer["body"].as_str().expect("text");
        let last = text.trim_end().rsplit("data: ").next().expect("an event");
        let last: Value = serde_json::from_str(last).expect("a message");
        let seen = last["result"]["content"][0]["text"].as_str();
        let seen: Value = serde_json::from_str(seen.expect("a text")).expect("JSON");
        let deadline = seen["deadline"].as_u64().expect("a number");
        if has_ceiling {
            let left = UNIX_EPOCH + Duration::from_millis(deadline);
            let left = left.duration_since(SystemTime::now());
            assert!(
                left.expect("in the future") < gateway_limits::REST_API.limit,
                "{event}"
            );
        } else {
            assert_eq!(deadline, FAR - 500, "{event}");
        }
        let context = &seen["outcomes"][0];
        for (member, expected) in [
            ("requestId", json!("invocation-1")),
            ("principal", json!("alice")),
            ("claims", json!({ "tenant": "a" })),
            ("headers", json!({ "accept-language": "de" })),
        ] {
            assert_eq!(context[member], expected, "{member} of {event}");
        }
    }
}
