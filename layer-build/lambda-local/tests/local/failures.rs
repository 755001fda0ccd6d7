//! Failures of invocations, and the processes that remain.

use std::time::Duration;

use lambda_local::{FrontDoor, Function, FunctionConfig, Gateway, InvokeError, Phase};
use serde_json::json;

use crate::harness::{ANY_PORT, body_of, event, get, gone, open, post, well_behaved};

#[tokio::test]
async fn an_init_error_is_readable() {
    let function = Function::new(well_behaved().env("INIT", "report"));
    for outcome in [
        function.invoke(&event("/echo", "")).await.map(drop),
        function.warm_up().await,
    ] {
        let error = outcome.expect_err("it reports an error");
        assert!(matches!(error, InvokeError::Init { .. }), "{error:?}");
        assert_eq!(error.error_type(), "WellBehaved.NoLayer");
        assert_eq!(
            error.to_string(),
            "function well_behaved_runtime failed to initialize: WellBehaved.NoLayer: there is no layer"
        );
    }
    function.stop().await;
    let logs = function.logs().join("\n");
    assert!(logs.contains("there is no layer"), "{logs}");
    assert!(
        logs.contains("asked to fail"),
        "what the process said itself: {logs}"
    );
}

#[tokio::test]
async fn a_process_that_exits_during_init_is_noticed_with_its_last_output() {
    let function = Function::new(well_behaved().env("INIT", "exit"));
    let error = function
        .invoke(&event("/echo", ""))
        .await
        .expect_err("it exits");
    assert!(
        matches!(
            error,
            InvokeError::Exit {
                phase: Phase::Init,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.error_type(), "Runtime.ExitError");
    let message = error.to_string();
    assert!(
        message.contains("during init with exit status: 1") && message.contains("asked to exit"),
        "{message}"
    );
}

#[tokio::test]
async fn a_process_that_never_initializes_is_killed() {
    let mut config = well_behaved().env("INIT", "hang");
    config.init_timeout = Duration::from_millis(200);
    let function = Function::new(config);
    let error = function
        .invoke(&event("/echo", ""))
        .await
        .expect_err("it hangs");
    assert!(
        matches!(error, InvokeError::InitTimeout { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("within 0.20 seconds"), "{error}");
    function.stop().await;
    assert!(function.process_ids().is_empty());
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_named() {
    let function = Function::new(FunctionConfig::new("/nonexistent/bootstrap"));
    let error = function
        .invoke(&json!({}))
        .await
        .expect_err("there is no such program");
    assert!(matches!(error, InvokeError::Start { .. }), "{error:?}");
    assert!(
        error.to_string().starts_with("/nonexistent/bootstrap: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_process_that_exits_during_an_invocation_is_noticed_and_replaced() {
    let function = Function::new(well_behaved());
    for (path, message) in [
        ("/exit", "during an invocation with exit status: 3"),
        ("/abort", "signal: 6 (SIGABRT)"),
    ] {
        let error = function
            .invoke(&event(path, ""))
            .await
            .expect_err("it exits");
        assert!(
            matches!(
                error,
                InvokeError::Exit {
                    phase: Phase::Invoke,
                    ..
                }
            ),
            "{path}: {error:?}"
        );
        assert!(error.to_string().contains(message), "{path}: {error}");
        function
            .invoke(&event("/echo", ""))
            .await
            .expect("an answer of a fresh environment");
    }
    let logs = function.logs().join("\n");
    assert!(
        logs.contains("I was asked to go") && logs.contains("Runtime.ExitError"),
        "{logs}"
    );
}

#[tokio::test]
async fn a_process_that_exits_after_its_answer_costs_no_answer() {
    let function = Function::new(well_behaved());
    for _ in 0..3 {
        let answer = function
            .invoke(&event("/answer-and-exit", ""))
            .await
            .expect("an answer");
        assert_eq!(answer.json().expect("JSON"), "my last");
    }
    function.stop().await;
    let logs = function.logs().join("\n");
    assert!(
        logs.contains("after its answer, with exit status: 3"),
        "{logs}"
    );
}

#[tokio::test]
async fn an_error_of_the_function_leaves_its_environment_alive() {
    let function = Function::new(well_behaved());
    let before = body_of(
        &function
            .invoke(&event("/echo", ""))
            .await
            .expect("an answer"),
    );
    for (path, message) in [("/fail", "asked to fail"), ("/panic", "asked to panic")] {
        let error = function
            .invoke(&event(path, ""))
            .await
            .expect_err("it fails");
        assert!(
            matches!(error, InvokeError::Function { .. }),
            "{path}: {error:?}"
        );
        assert!(error.to_string().contains(message), "{path}: {error}");
        assert!(
            function.logs().join("\n").contains(message),
            "{path}: {:?}",
            function.logs()
        );
    }
    let after = body_of(
        &function
            .invoke(&event("/echo", ""))
            .await
            .expect("an answer"),
    );
    assert_eq!(after["process"], before["process"]);
}

#[tokio::test]
async fn a_timeout_kills_the_process_and_the_next_invocation_gets_a_fresh_one() {
    let function = Function::new(well_behaved().timeout(Duration::from_secs(2)));
    let before = body_of(
        &function
            .invoke(&event("/echo", ""))
            .await
            .expect("an answer"),
    );
    let error = function
        .invoke(&event("/sleep", ""))
        .await
        .expect_err("it sleeps");
    assert!(matches!(error, InvokeError::Timeout { .. }), "{error:?}");
    assert_eq!(error.to_string(), "Task timed out after 2.00 seconds");
    gone(u32::try_from(before["process"].as_u64().expect("a process id")).expect("a process id"))
        .await;
    let after = body_of(
        &function
            .invoke(&event("/echo", ""))
            .await
            .expect("an answer"),
    );
    assert_ne!(after["process"], before["process"]);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused_and_the_process_lives_on() {
    let function = Function::new(well_behaved());
    // The frame around the body is what lambda_http makes it: measure it.
    let frame = function
        .invoke(&event("/big", "bytes=0"))
        .await
        .expect("an answer")
        .payload
        .len();
    let largest = 6_291_556 - frame;
    let answer = function
        .invoke(&event("/big", &format!("bytes={largest}")))
        .await
        .expect("an answer");
    // An empty body is framed a little differently from one with text in it.
    assert!(
        answer.payload.len() <= 6_291_556,
        "{}",
        answer.payload.len()
    );
    let process = function.process_ids();
    let error = function
        .invoke(&event("/big", "bytes=6291556"))
        .await
        .expect_err("it is too large");
    assert!(
        matches!(
            error,
            InvokeError::ResponseTooLarge {
                limit: 6_291_556,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.error_type(), "Function.ResponseSizeTooLarge");
    function
        .invoke(&event("/echo", ""))
        .await
        .expect("an answer");
    assert_eq!(function.process_ids(), process);
}

#[tokio::test]
async fn an_event_over_the_limit_never_reaches_the_function() {
    let function = Function::new(well_behaved());
    let error = function
        .invoke_bytes(vec![b' '; (6 << 20) + 1])
        .await
        .expect_err("it is too large");
    assert!(
        matches!(error, InvokeError::RequestTooLarge { .. }),
        "{error:?}"
    );
    assert!(function.process_ids().is_empty());
}

#[tokio::test]
async fn an_unknown_request_id_is_refused() {
    let function = Function::new(well_behaved());
    let seen = body_of(
        &function
            .invoke(&event("/bogus-request-id", ""))
            .await
            .expect("an answer"),
    );
    assert_eq!(
        seen,
        json!({ "status": 400, "body": { "errorType": "InvalidRequestID", "errorMessage": "Invalid request ID" } })
    );
}

#[tokio::test]
async fn a_failing_function_is_the_gateways_own_error() {
    for (front_door, status, message) in [
        (FrontDoor::rest_api("prod"), 502, "Internal server error"),
        (
            FrontDoor::http_api("$default"),
            500,
            "Internal Server Error",
        ),
    ] {
        let gateway = open(well_behaved(), front_door.clone()).await;
        for path in ["/fail", "/panic", "/exit"] {
            let answer = get(&gateway, path).await;
            assert_eq!(answer.status, status, "{front_door:?} {path}");
            assert_eq!(
                answer.json(),
                json!({ "message": message }),
                "{front_door:?} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_malformed_answer_is_the_gateways_own_error_and_in_the_logs() {
    for (front_door, status) in [
        (FrontDoor::rest_api("prod"), 502),
        (FrontDoor::http_api("$default"), 500),
    ] {
        let function = Function::new(well_behaved().env("MODE", "raw"));
        let gateway = Gateway::start(function.clone(), front_door.clone(), ANY_PORT)
            .await
            .expect("a gateway");
        for (malformed, why) in [
            (json!({ "statusCode": "teapot" }), "statusCode"),
            (json!({ "statusCode": 99 }), "statusCode"),
            (
                json!({ "statusCode": 200, "body": { "a": 1 } }),
                "body must be a string, not an object",
            ),
            (
                json!({ "statusCode": 200, "headers": { "bad name": "x" } }),
                "not a valid header name",
            ),
            (
                json!({ "statusCode": 200, "headers": { "x": {} } }),
                "must be a string",
            ),
        ] {
            let answer = post(
                &gateway,
                "/",
                "application/json",
                malformed.to_string().as_bytes(),
            )
            .await;
            assert_eq!(answer.status, status, "{front_door:?} {malformed}");
            let last = function.logs().pop().unwrap_or_default();
            assert!(
                last.contains("malformed Lambda proxy response") && last.contains(why),
                "{malformed}: {last}"
            );
        }
    }
}

#[tokio::test]
async fn invalid_base64_is_malformed_where_it_is_decoded() {
    let answer = json!({ "statusCode": 200, "body": "!", "isBase64Encoded": true }).to_string();
    for (front_door, status) in [
        (FrontDoor::http_api("$default"), 500),
        (FrontDoor::function_url(), 502),
        (FrontDoor::LoadBalancer { multi_value: false }, 502),
        (FrontDoor::rest_api("prod"), 200),
    ] {
        let gateway = open(well_behaved().env("MODE", "raw"), front_door.clone()).await;
        let answer = post(&gateway, "/", "application/json", answer.as_bytes()).await;
        assert_eq!(answer.status, status, "{front_door:?}");
    }
}

#[tokio::test]
async fn an_answer_without_a_status_is_malformed_for_a_rest_api_and_a_body_for_an_http_api() {
    let gateway = open(
        well_behaved().env("MODE", "raw"),
        FrontDoor::rest_api("prod"),
    )
    .await;
    assert_eq!(
        post(&gateway, "/", "application/json", b"{\"a\":1}")
            .await
            .status,
        502
    );
    let gateway = open(
        well_behaved().env("MODE", "raw"),
        FrontDoor::http_api("$default"),
    )
    .await;
    let answer = post(&gateway, "/", "application/json", b"{\"a\":1}").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (200, json!({ "a": 1 }))
    );
    assert_eq!(answer.all("content-type"), ["application/json"]);
}

#[tokio::test]
async fn a_gateway_gives_up_before_the_function_does() {
    for (front_door, status, message) in [
        (
            FrontDoor::rest_api("prod"),
            504,
            "Endpoint request timed out",
        ),
        (FrontDoor::http_api("$default"), 503, "Service Unavailable"),
    ] {
        let function = Function::new(well_behaved());
        let limit = Duration::from_millis(100);
        let gateway =
            Gateway::start_with_timeout(function.clone(), front_door.clone(), ANY_PORT, limit)
                .await
                .expect("a gateway");
        let answer = get(&gateway, "/sleep").await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()),
            (status, json!({ "message": message })),
            "{front_door:?}"
        );
        assert_eq!(function.process_ids().len(), 1, "the function goes on");
    }
}

#[tokio::test]
async fn a_body_over_the_gateways_or_lambdas_limit_is_refused() {
    for (front_door, message) in [
        (FrontDoor::rest_api("prod"), "Request Too Long"),
        (FrontDoor::http_api("$default"), "Request Entity Too Large"),
    ] {
        let gateway = open(well_behaved(), front_door.clone()).await;
        // The first is too large for the gateway, the second only for an event.
        for size in [(10 << 20) + 1, 7 << 20] {
            let answer = post(&gateway, "/", "text/plain", &vec![b'x'; size]).await;
            assert_eq!(
                (answer.status.as_u16(), answer.json()),
                (413, json!({ "message": message })),
                "{front_door:?} {size}"
            );
        }
    }
}
