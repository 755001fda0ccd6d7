//! Answers that are streamed: through doors that hand them on as they come, and through those that do not.

use std::{fs, path::Path, time::Duration};

use lambda_local::{Door, Function, FunctionConfig, Gateway};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{ANY_PORT, Started, all_doors, file, get, open, start, well_behaved};

fn streaming_doors() -> [Door; 2] {
    [
        Door::streaming_function_url(),
        Door::streaming_rest_api("prod"),
    ]
}

fn streaming() -> FunctionConfig {
    well_behaved().env("MODE", "stream")
}

/// A stream that has said its first part, and says the second when it is told to go on.
struct Halfway {
    place: TempDir,
    started: Started,
}

impl Halfway {
    async fn of(gateway: &Gateway, then: &str) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        let path = path(place.path(), then);
        let mut started = start(gateway, &path).await;
        assert_eq!(started.status, 418, "{}", gateway.url());
        // The function does not say more before it is told to: whoever waits for all of it waits in vain.
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

async fn gateway(function: &Function, door: Door) -> Gateway {
    Gateway::start(function.clone(), door, ANY_PORT)
        .await
        .expect("a gateway")
}

#[tokio::test]
async fn a_client_reads_what_was_said_before_the_function_says_more() {
    for door in streaming_doors() {
        let gateway = open(streaming(), door.clone()).await;
        // The second is served by the environment that the first has left warm.
        let mut processes = Vec::new();
        for _ in 0..2 {
            let halfway = Halfway::of(&gateway, "").await;
            let headers = &halfway.started.headers;
            let cookies: Vec<_> = headers.get_all("set-cookie").iter().collect();
            assert_eq!(cookies, ["a=1", "b=2; Path=/"], "{door:?}");
            assert_eq!(headers["content-type"], "text/plain", "{door:?}");
            assert!(!headers.contains_key("content-length"), "{door:?}");
            processes.push(headers["x-process"].clone());
            halfway.go_on();
            let rest = halfway.started.rest().await.expect("a whole body");
            assert_eq!(rest, "two", "{door:?}");
        }
        assert_eq!(processes[0], processes[1], "{door:?}");
    }
}

#[tokio::test]
async fn other_doors_wait_for_all_that_is_streamed() {
    for gateway in all_doors(&streaming()).await {
        // A load balancer takes no streams.
        if matches!(gateway.door(), Door::LoadBalancer { .. }) {
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
    for door in streaming_doors() {
        let function = Function::new(streaming().max_environments(1));
        let gateway = gateway(&function, door.clone()).await;
        let Halfway { place, started } = Halfway::of(&gateway, "").await;
        let processes = function.process_ids();
        started.hang_up().await;
        fs::write(place.path().join("go"), "").expect("a file");
        file(&place.path().join("done")).await;
        let answer = get(&gateway, "/echo").await;
        assert_eq!(answer.status, 200, "{door:?}");
        assert_eq!(function.process_ids(), processes, "{door:?}");
    }
}

#[tokio::test]
async fn a_function_that_ends_in_mid_stream_cuts_the_connection() {
    for door in streaming_doors() {
        let function = Function::new(streaming());
        let gateway = gateway(&function, door.clone()).await;
        let halfway = Halfway::of(&gateway, "exit").await;
        halfway.go_on();
        halfway.started.rest().await.expect_err("it is cut");
        let logs = function.logs().join("\n");
        assert!(
            logs.contains("Runtime.ExitError")
                && logs.contains("during an invocation with exit status: 3"),
            "{door:?} {logs}"
        );
        assert_eq!(get(&gateway, "/echo").await.status, 200, "{door:?}");
    }
}

#[tokio::test]
async fn a_function_that_takes_too_long_in_mid_stream_is_killed() {
    for door in streaming_doors() {
        let function = Function::new(streaming().timeout(Duration::from_secs(2)));
        let gateway = gateway(&function, door.clone()).await;
        let halfway = Halfway::of(&gateway, "hang").await;
        halfway.go_on();
        halfway.started.rest().await.expect_err("it is cut");
        let logs = function.logs().join("\n");
        assert!(
            logs.contains("Task timed out after 2.00"),
            "{door:?} {logs}"
        );
        assert_eq!(get(&gateway, "/echo").await.status, 200, "{door:?}");
    }
}

#[tokio::test]
async fn a_gateway_that_gives_up_in_mid_stream_cuts_the_connection_and_the_function_goes_on() {
    for door in streaming_doors() {
        let function = Function::new(streaming());
        function.warm_up().await.expect("an environment");
        let limit = Duration::from_secs(2);
        let gateway = Gateway::start_with_timeout(function.clone(), door.clone(), ANY_PORT, limit)
            .await
            .expect("a gateway");
        let Halfway { place, started } = Halfway::of(&gateway, "").await;
        let processes = function.process_ids();
        started.rest().await.expect_err("it is cut");
        let logs = function.logs().join("\n");
        assert!(logs.contains("the stream was cut"), "{door:?} {logs}");
        fs::write(place.path().join("go"), "").expect("a file");
        file(&place.path().join("done")).await;
        assert_eq!(function.process_ids(), processes, "{door:?}");
    }
}

#[tokio::test]
async fn stopping_cuts_what_is_streamed() {
    let function = Function::new(streaming());
    let gateway = gateway(&function, Door::streaming_function_url()).await;
    let halfway = Halfway::of(&gateway, "").await;
    function.stop().await;
    assert!(function.process_ids().is_empty());
    halfway.started.rest().await.expect_err("it is cut");
    assert_eq!(get(&gateway, "/echo").await.status, 200);
}

#[tokio::test]
async fn a_stream_ends_with_the_function_it_began_with() {
    let gateway = gateway(&Function::new(streaming()), Door::streaming_function_url()).await;
    let halfway = Halfway::of(&gateway, "").await;
    gateway.switch(Function::new(streaming()));
    assert_eq!(get(&gateway, "/echo").await.status, 200);
    halfway.go_on();
    let rest = halfway.started.rest().await.expect("a whole body");
    assert_eq!(rest, "two");
}

#[tokio::test]
async fn a_url_that_streams_hands_on_what_a_function_answers_that_does_not() {
    let gateway = open(well_behaved(), Door::streaming_function_url()).await;
    let answer = get(&gateway, "/answer").await;
    assert_eq!(answer.status, 200);
    let payload = answer.json();
    assert_eq!(payload["statusCode"], 418);
    assert_eq!(payload["body"], "short and stout");
    assert_eq!(answer.all("content-type"), ["application/octet-stream"]);
    assert_eq!(get(&gateway, "/fail").await.status, 502);
}

#[tokio::test]
async fn a_rest_api_that_streams_takes_no_answers_of_a_function_that_does_not() {
    let function = Function::new(well_behaved());
    let gateway = gateway(&function, Door::streaming_rest_api("prod")).await;
    assert_eq!(get(&gateway, "/answer").await.status, 502);
    let last = function.logs().pop().unwrap_or_default();
    assert!(
        last.contains("the API streams, and the function does not"),
        "{last}"
    );
}

#[tokio::test]
async fn a_stream_without_a_head_that_makes_sense_never_begins() {
    for door in streaming_doors() {
        let function = Function::new(streaming());
        let gateway = gateway(&function, door.clone()).await;
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
            assert_eq!(answer.status, 502, "{door:?} {head}");
            let logs = function.logs();
            let told = |line: &String| {
                line.contains("malformed Lambda proxy response") && line.contains(why)
            };
            assert!(logs.iter().any(told), "{door:?} {why}: {logs:?}");
        }
    }
}

#[tokio::test]
async fn an_error_in_the_trailers_cuts_the_connection_and_is_in_the_logs() {
    let function = Function::new(streaming());
    let gateway = gateway(&function, Door::streaming_function_url()).await;
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
    for door in streaming_doors() {
        let gateway = open(streaming(), door.clone()).await;
        let answer = get(&gateway, &path).await;
        assert_eq!(answer.body.len(), size, "{door:?}");
    }
    for (door, status, message) in [
        (Door::function_url(), 502, "Internal Server Error"),
        (Door::rest_api("prod"), 502, "Internal server error"),
        (Door::http_api("$default"), 500, "Internal Server Error"),
    ] {
        let function = Function::new(streaming().max_environments(1));
        let gateway = gateway(&function, door.clone()).await;
        let answer = get(&gateway, &path).await;
        let said: Value = answer.json();
        assert_eq!(
            (answer.status.as_u16(), said),
            (status, json!({ "message": message })),
            "{door:?}"
        );
        let logs = function.logs().join("\n");
        assert!(
            logs.contains("Function.ResponseSizeTooLarge"),
            "{door:?} {logs}"
        );
        // The process has noticed nothing.
        let processes = function.process_ids();
        assert_eq!(get(&gateway, "/echo").await.status, 200, "{door:?}");
        assert_eq!(function.process_ids(), processes, "{door:?}");
    }
}
