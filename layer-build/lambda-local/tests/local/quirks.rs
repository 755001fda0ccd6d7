//! The quirks of each front door: in headers, paths, methods and sizes.

use http::Request;
use lambda_local::{FrontDoor, FunctionConfig};
use serde_json::{Value, json};

use crate::harness::{Answer, get, open, post, request, well_behaved};

/// Returns a function that answers with the JSON it is sent, or with the event.
fn raw() -> FunctionConfig {
    well_behaved().env("MODE", "raw")
}

/// Returns a function's answer as a client sees it.
async fn client_answer(front_door: FrontDoor, answer: &Value) -> Answer {
    let gateway = open(raw(), front_door).await;
    let answer = answer.to_string();
    post(&gateway, "/", "application/json", answer.as_bytes()).await
}

/// Every header that some front door treats in its own way, and one that none does.
const HEADERS: [&str; 20] = [
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "referer",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "warn",
    "www-authenticate",
];

#[tokio::test]
async fn each_front_door_renames_response_headers_in_its_own_way() {
    let all: serde_json::Map<_, _> = HEADERS
        .iter()
        .map(|&name| (name.to_owned(), json!(format!("of {name}"))))
        .collect();
    let answer =
        json!({ "statusCode": 200, "headers": all, "multiValueHeaders": all, "body": "x" });
    // The names that a client finds unchanged, and those that it finds renamed.
    for (front_door, kept, renamed) in [
        (
            FrontDoor::rest_api("prod"),
            vec!["cache-control", "referer", "warn"],
            vec![
                "authorization",
                "connection",
                "content-length",
                "content-md5",
                "date",
                "max-forwards",
                "server",
                "user-agent",
                "www-authenticate",
            ],
        ),
        (
            FrontDoor::function_url(),
            vec![
                "authorization",
                "cache-control",
                "content-md5",
                "expect",
                "host",
                "max-forwards",
                "proxy-authenticate",
                "referer",
                "te",
                "trailer",
                "user-agent",
                "via",
                "warn",
            ],
            vec!["date", "server", "www-authenticate"],
        ),
        (
            FrontDoor::http_api("$default"),
            vec![
                "authorization",
                "cache-control",
                "content-md5",
                "date",
                "expect",
                "host",
                "max-forwards",
                "proxy-authenticate",
                "referer",
                "server",
                "te",
                "trailer",
                "user-agent",
                "via",
                "warn",
                "www-authenticate",
            ],
            vec![],
        ),
    ] {
        let answer = client_answer(front_door.clone(), &answer).await;
        assert_eq!(answer.status, 200, "{front_door:?}");
        let under = |prefix: &str| {
            let is = |name: &&str| {
                let wanted = format!("of {name}");
                answer.all(&format!("{prefix}{name}")) == [wanted.as_str()]
            };
            HEADERS.into_iter().filter(is).collect::<Vec<_>>()
        };
        assert_eq!(under(""), kept, "{front_door:?}");
        assert_eq!(under("x-amzn-remapped-"), renamed, "{front_door:?}");
        // The server's own headers are not those of the function.
        assert_eq!(answer.all("content-length"), ["1"], "{front_door:?}");
        assert_eq!(answer.all("date").len(), 1, "{front_door:?}");
    }
}

#[tokio::test]
async fn all_values_of_a_renamed_header_are_renamed_in_streams_too() {
    let challenges = json!(["Bearer", "Basic realm=\"a\""]);
    let answer =
        json!({ "statusCode": 401, "multiValueHeaders": { "WWW-Authenticate": challenges } });
    let answer = client_answer(FrontDoor::rest_api("prod"), &answer).await;
    assert_eq!(
        answer.all("x-amzn-remapped-www-authenticate"),
        ["Bearer", "Basic realm=\"a\""]
    );
    for front_door in [
        FrontDoor::streaming_rest_api("prod"),
        FrontDoor::streaming_function_url(),
    ] {
        let gateway = open(well_behaved().env("MODE", "stream"), front_door.clone()).await;
        let answer = get(&gateway, "/answer").await;
        assert_eq!(
            answer.all("x-amzn-remapped-www-authenticate"),
            ["Bearer"],
            "{front_door:?}"
        );
        assert!(answer.all("www-authenticate").is_empty(), "{front_door:?}");
    }
}

#[tokio::test]
async fn each_front_door_drops_some_request_headers() {
    // The client itself drops hop-by-hop headers, or they would break the connection.
    let sent = [
        ("Authorization", "Bearer abc"),
        ("Content-MD5", "x"),
        ("Date", "x"),
        ("Max-Forwards", "1"),
        ("Proxy-Authenticate", "x"),
        ("Proxy-Authorization", "x"),
        ("Server", "x"),
        ("TE", "trailers"),
        ("Via", "x"),
        ("Warn", "x"),
        ("WWW-Authenticate", "x"),
        ("X-Mine", "x"),
    ];
    for (front_door, headers, missing) in [
        (
            FrontDoor::rest_api("prod"),
            "headers",
            vec![
                "Content-MD5",
                "Max-Forwards",
                "Proxy-Authenticate",
                "Proxy-Authorization",
                "Server",
                "TE",
                "WWW-Authenticate",
            ],
        ),
        (
            FrontDoor::http_api("$default"),
            "headers",
            vec!["Proxy-Authorization", "TE"],
        ),
        (
            FrontDoor::function_url(),
            "headers",
            vec!["Proxy-Authorization", "TE"],
        ),
        (
            FrontDoor::LoadBalancer { multi_value: true },
            "multiValueHeaders",
            vec!["Proxy-Authorization", "TE"],
        ),
    ] {
        let gateway = open(raw(), front_door.clone()).await;
        let builder = sent
            .iter()
            .fold(Request::get("/"), |builder, (name, value)| {
                builder.header(*name, *value)
            });
        let event = request(&gateway, builder, b"").await.json();
        let seen = event[headers].as_object().expect("headers");
        let is_missing = |(name, _): &(&'static str, &str)| {
            // REST APIs keep the case of names; our server does not know it.
            let seen = seen.keys().any(|seen| seen.eq_ignore_ascii_case(name));
            (!seen).then_some(*name)
        };
        let gone: Vec<_> = sent.iter().filter_map(is_missing).collect();
        assert_eq!(gone, missing, "{front_door:?}");
        let lower = seen.keys().all(|name| *name == name.to_ascii_lowercase());
        assert_eq!(
            lower,
            front_door != FrontDoor::rest_api("prod"),
            "{front_door:?} {seen:?}"
        );
    }
}

#[tokio::test]
async fn a_signature_of_aws_is_for_the_rest_api_and_not_for_the_function() {
    for (authorization, passed) in [
        ("AWS4-HMAC-SHA256 Credential=a, Signature=b", false),
        ("Bearer AWS4-HMAC-SHA256", true),
    ] {
        let gateway = open(raw(), FrontDoor::rest_api("prod")).await;
        let builder = Request::get("/").header("authorization", authorization);
        let event = request(&gateway, builder, b"").await.json();
        let seen = event["headers"].get("Authorization");
        assert_eq!(seen.is_some(), passed, "{authorization}: {event}");
    }
}

#[tokio::test]
async fn a_rest_api_takes_another_method_from_a_header() {
    for (front_door, method, is_seen) in [
        (FrontDoor::rest_api("prod"), "PATCH", false),
        (FrontDoor::http_api("$default"), "GET", true),
    ] {
        let gateway = open(raw(), front_door.clone()).await;
        let builder = Request::get("/").header("x-http-method-override", "PATCH");
        let event = request(&gateway, builder, b"").await.json();
        let seen = event["httpMethod"]
            .as_str()
            .or_else(|| event["requestContext"]["http"]["method"].as_str());
        assert_eq!(seen, Some(method), "{front_door:?} {event}");
        let text = event["headers"].to_string().to_ascii_lowercase();
        assert_eq!(
            text.contains("x-http-method-override"),
            is_seen,
            "{front_door:?}"
        );
    }
}

#[tokio::test]
async fn a_rest_api_takes_no_bars_and_braces_in_a_query_and_splits_it_at_semicolons() {
    let gateway = open(raw(), FrontDoor::rest_api("prod")).await;
    for query in ["a|b", "a=%7B}", "{a=1"] {
        assert_eq!(
            get(&gateway, &format!("/?{query}")).await.status,
            400,
            "{query}"
        );
    }
    let event = get(&gateway, "/?a=1;b=2&c=%7C%3B").await.json();
    assert_eq!(
        event["queryStringParameters"],
        json!({ "a": "1", "b": "2", "c": "|;" })
    );
    let gateway = open(raw(), FrontDoor::http_api("$default")).await;
    let event = get(&gateway, "/?a=1;b|").await.json();
    assert_eq!(event["queryStringParameters"], json!({ "a": "1;b|" }));
}

#[tokio::test]
async fn a_load_balancer_alone_refuses_web_sockets() {
    for (front_door, status) in [
        (FrontDoor::LoadBalancer { multi_value: true }, 400),
        (FrontDoor::rest_api("prod"), 200),
        (FrontDoor::http_api("$default"), 200),
        (FrontDoor::function_url(), 200),
    ] {
        let gateway = open(raw(), front_door.clone()).await;
        let builder = Request::get("/")
            .header("connection", "upgrade")
            .header("upgrade", "websocket");
        let answer = request(&gateway, builder, b"").await;
        assert_eq!(answer.status, status, "{front_door:?}");
    }
}

#[tokio::test]
async fn headers_have_a_limit_where_one_is_documented() {
    for (front_door, limit) in [
        (FrontDoor::rest_api("prod"), Some(10_240)),
        (FrontDoor::http_api("$default"), Some(10_240)),
        (FrontDoor::function_url(), None),
        (FrontDoor::LoadBalancer { multi_value: true }, None),
    ] {
        assert_eq!(front_door.max_headers_size(), limit);
        let gateway = open(well_behaved(), front_door.clone()).await;
        for (size, fits) in [(9_000, true), (10_240, limit.is_none())] {
            let builder = Request::get("/echo").header("x-long", "x".repeat(size));
            let answer = request(&gateway, builder, b"").await;
            let status = if fits { 200 } else { 431 };
            assert_eq!(answer.status, status, "{front_door:?} {size}");
        }
    }
}

#[tokio::test]
async fn bodies_count_by_their_size_in_the_event() {
    // In base64 five megabytes are nearly seven: more than an event can have.
    let five = vec![0xff; 5 << 20];
    let text = vec![b'x'; 5 << 20];
    for (front_door, content_type) in [
        (FrontDoor::function_url(), "application/octet-stream"),
        (FrontDoor::http_api("$default"), "application/octet-stream"),
    ] {
        let gateway = open(well_behaved(), front_door.clone()).await;
        let large = post(&gateway, "/big?bytes=1", content_type, &five).await;
        assert_eq!(large.status, 413, "{front_door:?}");
        let small = post(&gateway, "/big?bytes=1", "text/plain", &text).await;
        assert_eq!(small.status, 200, "{front_door:?}");
    }
}

#[tokio::test]
async fn a_load_balancer_takes_answers_of_a_megabyte() {
    for (bytes, status) in [(1_000_000, 200), (1 << 20, 502)] {
        for multi_value in [true, false] {
            let gateway = open(well_behaved(), FrontDoor::LoadBalancer { multi_value }).await;
            let answer = get(&gateway, &format!("/big?bytes={bytes}")).await;
            assert_eq!(answer.status, status, "{bytes}");
        }
    }
}
