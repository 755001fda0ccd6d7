//! Streamed answers: through front doors that forward them as they arrive, and through those that do not.

use std::{fs, path::Path, time::Duration};

use lambda_local::{FrontDoor, Function, FunctionConfig, Gateway};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{ANY_PORT, Started, all_front_doors, file, get, open, start, well_behaved};

fn streaming_front_doors() -> [FrontDoor; 2] {
    [
        FrontDoor::streaming_function_url(),
        FrontDoor::streaming_rest_api("prod"),
    ]
}

fn streaming() -> FunctionConfig {
    well_behaved().env("MODE", "stream")
}

/// A stream that has sent its first part, and sends the second on request.
struct Halfway {
    place: TempDir,
    started: Started,
}

impl Halfway {
    async fn begin(gateway: &Gateway, then: &str) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let path = path(place.path(), then);
        let mut started = start(gateway, &path).await;
        assert_eq!(started.status, 418, "{}", gateway.url());
        // The function does not send more before the request: a front door that waits for the whole answer waits in
        // vain.
        assert_eq!(started.chunk().await, "one", "{}", gateway.url());
        Self { place, started }
    }

    fn go_on(&self) {
        fs::write(self.place.path().join("go"), "").expect("a file");
    }
}

fn path(place: &Path, then: &str) -> String {
    format!("/stream?place={}&then={then}", place.display())
}

async fn gateway(function: &Function, front_door: FrontDoor) -> Gateway {
    Gateway::start(function.clone(), front_door, ANY_PORT)
        .await
        .expect("a gateway")
}

#[tokio::test]
async fn a_client_reads_each_chunk_before_the_next_is_sent() {
    for front_door in streaming_front_doors() {
        let gateway = open(streaming(), front_door.clone()).await;
        // The second invocation is served by the environment that the first has left warm.
        let mut processes = Vec::new();
        for _ in 0..2 {
            let halfway = Halfway::begin(&gateway, "").await;
            let headers = &halfway.started.headers;
            let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
            assert_eq!(cookies, ["a=1", "b=2; Path=/"], "{front_door:?}");
            assert_eq!(headers["content-type"], "text/plain", "{front_door:?}");
            assert!(!headers.contains_key("content-length"), "{front_door:?}");
            processes.push(headers["x-process"].clone());
            halfway.go_on();
            let rest = halfway.started.rest().await.expect("a whole body");
            assert_eq!(rest, "two", "{front_door:?}");
        }
        assert_eq!(processes[0], processes[1], "{front_door:?}");
    }
}

#[tokio::test]
async fn buffering_front_doors_wait_for_the_whole_stream() {
    for gateway in all_front_doors(&streaming()).await {
        // A load balancer takes no streams.
        if matches!(gateway.front_door(), FrontDoor::LoadBalancer { .. }) {
            continue;
        }
        let place = tempfile::tempdir().expect("a directory");
        fs::write(place.path().join("go"), "").expect("a file");
        let path = path(place.path(), "");
        // An HTTP API with a stage leaves it in the path, where the function does not look for it.
        if gateway.url().ends_with("/beta") {
            continue;
        }
        let answer = get(&gateway, &path).await;
        assert_eq!(answer.status, 418, "{}", gateway.url());
        assert_eq!(answer.body, b"onetwo", "{}", gateway.url());
        assert_eq!(answer.all("content-length"), ["6"], "{}", gateway.url());
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_costs_neither_the_stream_nor_the_environment() {
    for front_door in streaming_front_doors() {
        let function = Function::new(streaming().max_environments(1));
        let gateway = gateway(&function, front_door.clone()).await;
        let Halfway { place, started } = Halfway::begin(&gateway, "").await;
        let processes = function.process_ids();
        started.hang_up().await;
        fs::write(place.path().join("go"), "").expect("a file");
        file(&place.path().join("done")).await;
        let answer = get(&gateway, "/echo").await;
        assert_eq!(answer.status, 200, "{front_door:?}");
        assert_eq!(function.process_ids(), processes, "{front_door:?}");
    }
}

#[tokio::test]
async fn a_function_that_ends_in_mid_stream_cuts_the_connection() {
    for front_door in streaming_front_doors() {
        let function = Function::new(streaming());
        let gateway = gateway(&function, front_door.clone()).await;
        let halfway = Halfway::begin(&gateway, "exit").await;
        halfway.go_on();
        halfway.started.rest().await.expect_err("it is cut");
        let logs = function.logs().join("\n");
        assert!(
            logs.contains("Runtime.ExitError")
                && logs.contains("during an invocation with exit status: 3"),
            "{front_door:?} {logs}"
        );
        assert_eq!(get(&gateway, "/echo").await.status, 200, "{front_door:?}");
    }
}

#[tokio::test]
async fn a_function_that_takes_too_long_in_mid_stream_is_killed() {
    for front_door in streaming_front_doors() {
        let function = Function::new(streaming().timeout(Duration::from_secs(2)));
        let gateway = gateway(&function, front_door.clone()).await;
        let halfway = Halfway::begin(&gateway, "hang").await;
        halfway.go_on();
        halfway.started.rest().await.expect_err("it is cut");
        let logs = function.logs().join("\n");
        assert!(
            logs.contains("Task timed out after 2.00"),
            "{front_door:?} {logs}"
        );
        assert_eq!(get(&gateway, "/echo").await.status, 200, "{front_door:?}");
    }
}

#[tokio::test]
async fn a_gateway_that_gives_up_in_mid_stream_cuts_the_connection_and_the_function_goes_on() {
    for front_door in streaming_front_doors() {
        let function = Function::new(streaming());
        function.warm_up().await.expect("an environment");
        let limit = Duration::from_secs(2);
        let gateway =
            Gateway::start_with_timeout(function.clone(), front_door.clone(), ANY_PORT, limit)
                .await
                .expect("a gateway");
        let Halfway { place, started } = Halfway::begin(&gateway, "").await;
        let processes = function.process_ids();
        started.rest().await.expect_err("it is cut");
        let logs = function.logs().join("\n");
        assert!(logs.contains("the stream was cut"), "{front_door:?} {logs}");
        fs::write(place.path().join("go"), "").expect("a file");
        file(&place.path().join("done")).await;
        assert_eq!(function.process_ids(), processes, "{front_door:?}");
    }
}

#[tokio::test]
async fn stopping_cuts_streams() {
    let function = Function::new(streaming());
    let gateway = gateway(&function, FrontDoor::streaming_function_url()).await;
    let halfway = Halfway::begin(&gateway, "").await;
    function.stop().await;
    assert!(function.process_ids().is_empty());
    halfway.started.rest().await.expect_err("it is cut");
    assert_eq!(get(&gateway, "/echo").await.status, 200);
}

#[tokio::test]
async fn a_stream_ends_with_the_function_it_began_with() {
    let gateway = gateway(
        &Function::new(streaming()),
        FrontDoor::streaming_function_url(),
    )
    .await;
    let halfway = Halfway::begin(&gateway, "").await;
    gateway.switch(Function::new(streaming()));
    assert_eq!(get(&gateway, "/echo").await.status, 200);
    halfway.go_on();
    let rest = halfway.started.rest().await.expect("a whole body");
    assert_eq!(rest, "two");
}

#[tokio::test]
async fn a_streaming_url_forwards_buffered_answers() {
    let gateway = open(well_behaved(), FrontDoor::streaming_function_url()).await;
    let answer = get(&gateway, "/answer").await;
    assert_eq!(answer.status, 200);
    let payload = answer.json();
    assert_eq!(payload["statusCode"], 418);
    assert_eq!(payload["body"], "short and stout");
    assert_eq!(answer.all("content-type"), ["application/octet-stream"]);
    assert_eq!(get(&gateway, "/fail").await.status, 502);
}

#[tokio::test]
async fn a_streaming_rest_api_refuses_buffered_answers() {
    let function = Function::new(well_behaved());
    let gateway = gateway(&function, FrontDoor::streaming_rest_api("prod")).await;
    assert_eq!(get(&gateway, "/answer").await.status, 502);
    let last = function.logs().pop().unwrap_or_default();
    assert!(
        last.contains("the API streams, but the function does not"),
        "{last}"
    );
}

#[tokio::test]
async fn a_stream_without_a_valid_head_is_refused() {
    for front_door in streaming_front_doors() {
        let function = Function::new(streaming());
        let gateway = gateway(&function, front_door.clone()).await;
        for (head, trailer, why) in [
            ("", "", "the stream ends in its head"),
            (
                "%7B%22statusCode%22:200%7D",
                "",
                "the stream ends in its head",
            ),
            ("%7B", "A", "the head of the stream: EOF"),
            ("%7B%7D", "A", "statusCode is missing"),
            ("%5B%5D", "A", "must be an object"),
            ("x&times=17000", "", "does not end within 16384 bytes"),
        ] {
            let path = format!("/stream-and-exit?head={head}&trailer={trailer}");
            let answer = get(&gateway, &path).await;
            assert_eq!(answer.status, 502, "{front_door:?} {head}");
            let logs = function.logs();
            let matches = |line: &String| {
                line.contains("malformed Lambda proxy response") && line.contains(why)
            };
            assert!(logs.iter().any(matches), "{front_door:?} {why}: {logs:?}");
        }
    }
}

#[tokio::test]
async fn an_error_in_the_trailers_cuts_the_connection_and_is_in_the_logs() {
    let function = Function::new(streaming());
    let gateway = gateway(&function, FrontDoor::streaming_function_url()).await;
    let head = "%7B%22statusCode%22:200%7D";
    let path = format!("/stream-and-exit?head={head}&trailer=WellBehaved.Told");
    let mut started = start(&gateway, &path).await;
    assert_eq!(started.status, 200);
    assert_eq!(started.chunk().await, "one");
    started.rest().await.expect_err("it is cut");
    let logs = function.logs().join("\n");
    assert!(logs.contains("WellBehaved.Told"), "{logs}");
}

#[tokio::test]
async fn a_stream_may_be_larger_than_an_answer() {
    let size = 7 << 20;
    let path = format!("/big?bytes={size}");
    for front_door in streaming_front_doors() {
        let gateway = open(streaming(), front_door.clone()).await;
        let answer = get(&gateway, &path).await;
        assert_eq!(answer.body.len(), size, "{front_door:?}");
    }
    for (front_door, status, message) in [
        (FrontDoor::function_url(), 502, "Internal Server Error"),
        (FrontDoor::rest_api("prod"), 502, "Internal server error"),
        (
            FrontDoor::http_api("$default"),
            500,
            "Internal Server Error",
        ),
    ] {
        let function = Function::new(streaming().max_environments(1));
        let gateway = gateway(&function, front_door.clone()).await;
        let answer = get(&gateway, &path).await;
        let said: Value = answer.json();
        assert_eq!(
            (answer.status.as_u16(), said),
            (status, json!({ "message": message })),
            "{front_door:?}"
        );
        let logs = function.logs().join("\n");
        assert!(
            logs.contains("Function.ResponseSizeTooLarge"),
            "{front_door:?} {logs}"
        );
        // The process has noticed nothing.
        let processes = function.process_ids();
        assert_eq!(get(&gateway, "/echo").await.status, 200, "{front_door:?}");
        assert_eq!(function.process_ids(), processes, "{front_door:?}");
    }
}
