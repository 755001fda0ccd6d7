//! The size limit behind each front door: the answer comes complete, or says that it is too large.

use serde_json::{Value, json};

use crate::transport::lambda::tests::{
    Function, Invocation, call, function_url, http_api, invocation, load_balancer, message,
    rest_api,
};

const LAMBDA: usize = 6_291_556;
const LOAD_BALANCER: usize = 1_048_576;

/// A function from a path and a body to an event.
type Through = fn(&str, &Value) -> Value;

/// A tool's result, and its size as sent.
struct Outcome {
    result: Value,
    size: usize,
}

async fn invoke(function: &Function, event: &Value, invocation: Invocation) -> Outcome {
    let answer = function.invoke(event, invocation).await.expect("an answer");
    let size = answer.to_string().len();
    let result = if answer.get("statusCode").is_some() {
        message(&answer)["result"].clone()
    } else {
        answer.get("result").unwrap_or(&answer).clone()
    };
    Outcome { result, size }
}

#[tokio::test]
async fn a_result_that_is_too_large_for_its_door_is_an_error_that_says_so() {
    let function = Function::start(&[]);
    let mut agent_core = invocation();
    let custom = json!({ "custom": { "bedrockAgentCoreToolName": "target___reply" } });
    agent_core.client = serde_json::from_value(custom).expect("a client context");
    let doors: [(&str, usize, Through); 4] = [
        ("Lambda", LAMBDA, rest_api),
        ("Lambda", LAMBDA, http_api),
        ("Lambda", LAMBDA, function_url),
        ("a load balancer", LOAD_BALANCER, load_balancer),
    ];
    // The size of one character as sent: inside the JSON of an event, and as a payload of its own.
    for (character, quoted, plain) in [("x", 1, 1), ("\"", 4, 2), ("\u{e4}", 2, 2)] {
        let reply = |bytes: usize, each: usize| json!({ "text": character, "times": bytes / each });
        let through_doors = doors.map(|(door, most, through)| {
            let event = move |reply: Value| through("/mcp", &call("reply", reply));
            (
                door,
                most,
                quoted,
                Box::new(event) as Box<dyn Fn(Value) -> Value>,
                invocation(),
            )
        });
        let direct: Box<dyn Fn(Value) -> Value> = Box::new(|reply| call("reply", reply));
        let bare: Box<dyn Fn(Value) -> Value> = Box::new(|reply| reply);
        for (door, most, each, event, context) in through_doors.into_iter().chain([
            ("Lambda", LAMBDA, plain, direct, invocation()),
            ("Lambda", LAMBDA, plain, bare, agent_core.clone()),
        ]) {
            for (bytes, fits) in [(most - 5000, true), (most, false)] {
                let outcome = invoke(&function, &event(reply(bytes, each)), context.clone()).await;
                assert!(outcome.size <= most, "{door}: {} bytes", outcome.size);
                let is_error = outcome.result["isError"] == true;
                assert_eq!(!is_error, fits, "{door}: {bytes} bytes of {character}");
                if fits {
                    assert!(outcome.size >= bytes, "{door}: {} bytes", outcome.size);
                    continue;
                }
                let told = outcome.result["content"][0]["text"]
                    .as_str()
                    .expect("words");
                let begin = "tool reply did its work, but its result has ";
                let end = format!(
                    " bytes as sent, and {door} accepts {most}; request less data in one call (request id invocation-1)"
                );
                assert!(told.starts_with(begin) && told.ends_with(&end), "{told}");
            }
        }
    }
}
