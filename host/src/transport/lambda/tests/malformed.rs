//! Requests that gateways pass on although no HTTP request can be made of them.

use serde_json::{Value, json};

use crate::transport::lambda::tests::{
    Function, http_api, invocation, load_balancer, message, rest_api,
};

fn ping() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })
}

#[tokio::test]
async fn the_client_gets_a_400_in_the_form_of_its_gateway() {
    let function = Function::start(&[]);
    for through in [rest_api, http_api, load_balancer] {
        for (place, value) in [
            ("/headers", json!({ "x": "a\nb" })),
            ("/headers", json!({ "a b": "x" })),
            ("/headers", json!({ "authorization": "secret\u{7f}" })),
            ("/isBase64Encoded", json!(true)),
            ("/body", json!({})),
        ] {
            let mut event = through("/mcp", &ping());
            *event.pointer_mut(place).expect("a member") = value;
            let answer = function.invoke(&event, invocation()).await;
            let answer = answer.unwrap_or_else(|error| panic!("{event}: {error:?}"));
            assert_eq!(answer["statusCode"], 400, "{event}: {answer}");
            let text = message(&answer)["error"]["message"].to_string();
            assert!(text.contains("the request cannot be read"), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }
}

#[tokio::test]
async fn an_event_of_no_gateway_still_fails_the_invocation() {
    let function = Function::start(&[]);
    for event in [
        json!({ "requestContext": {}, "headers": { "x": "a\nb" } }),
        json!({ "requestContext": 1, "httpMethod": "POST" }),
        json!({ "headers": { "x": "a\nb" } }),
    ] {
        let error = function.invoke(&event, invocation()).await;
        let error = error.expect_err("an invocation that fails");
        assert_eq!(error.code, "EVENT_UNKNOWN", "{event}");
    }
}
