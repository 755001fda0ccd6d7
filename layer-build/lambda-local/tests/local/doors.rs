//! HTTP in, HTTP out: the request that arrives at the function, and the answer that comes back.

use http::Request;
use http_body_util::Full;
use lambda_local::{FrontDoor, Function, Gateway, ResponseMode};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::harness::{ANY_PORT, all_front_doors, get, open, post, request, send, well_behaved};

/// The domain name of a Function URL.
const URL_DOMAIN: &str = "lambdalocal.lambda-url.us-east-1.on.aws";

#[tokio::test]
async fn a_request_arrives_as_it_was_sent() {
    for gateway in all_front_doors(&well_behaved()).await {
        let builder = Request::put("/some/path?x=1&y=a%20b&x=2")
            .header("content-type", "application/json")
            .header("x-multi", "one")
            .header("x-multi", "two")
            .header("cookie", "a=1; b=2")
            .header("user-agent", "tests");
        let answer = request(&gateway, builder, b"{\"hello\":\"world\"}").await;
        assert_eq!(answer.status, 200, "{}", gateway.url());
        let seen = answer.json();
        assert_eq!(seen["method"], "PUT");
        assert_eq!(seen["body"], json!(b"{\"hello\":\"world\"}"));
        // A load balancer has no name of its own in the event.
        if !seen["domainName"].is_null() {
            let own = [gateway.address().to_string(), URL_DOMAIN.to_owned()];
            let named = seen["domainName"].as_str().expect("a name").to_owned();
            assert!(own.contains(&named), "{named} of {}", gateway.url());
        }
        let mut query = seen["query"].as_array().expect("a query").clone();
        query.sort_by_key(ToString::to_string);
        assert_eq!(
            query,
            [json!(["x", "1"]), json!(["x", "2"]), json!(["y", "a b"])],
            "{}",
            gateway.url()
        );
        let values = headers(&seen, "x-multi").join(",");
        if gateway.url().ends_with("/prod") {
            // The event of a REST API has both values, but lambda_http lets the single ones replace the lists.
            assert_eq!(values, "two", "{}", gateway.url());
        } else {
            assert_eq!(values, "one,two", "{}", gateway.url());
        }
        assert_eq!(headers(&seen, "cookie"), ["a=1; b=2"], "{}", gateway.url());
        assert_eq!(
            headers(&seen, "host"),
            [gateway.address().to_string()],
            "{}",
            gateway.url()
        );
        assert_eq!(
            headers(&seen, "x-forwarded-for"),
            ["127.0.0.1"],
            "{}",
            gateway.url()
        );
        assert_eq!(
            headers(&seen, "x-forwarded-proto"),
            ["http"],
            "{}",
            gateway.url()
        );
    }
}

#[tokio::test]
async fn an_answer_leaves_as_it_was_given() {
    for mode in ["buffered", "stream"] {
        for gateway in all_front_doors(&well_behaved().env("MODE", mode)).await {
            // A load balancer takes no streams.
            if mode == "stream"
                && gateway.front_door() == &(FrontDoor::LoadBalancer { multi_value: true })
            {
                continue;
            }
            let answer = get(&gateway, "/answer").await;
            let context = format!("{mode} {}", gateway.url());
            assert_eq!(answer.status, 418, "{context}");
            assert_eq!(answer.body, b"short and stout", "{context}");
            assert_eq!(answer.all("content-type"), ["text/plain"], "{context}");
            assert_eq!(
                answer.all("set-cookie"),
                ["a=1", "b=2; Path=/"],
                "{context}"
            );
        }
    }
}

#[tokio::test]
async fn several_values_of_an_answers_header_all_leave() {
    for (front_door, answer) in [
        (
            FrontDoor::rest_api("prod"),
            json!({ "multiValueHeaders": { "x-multi": ["one", "two"] }, "headers": { "x-multi": "two" } }),
        ),
        (
            FrontDoor::rest_api("prod"),
            json!({ "multiValueHeaders": { "x-multi": ["one"] }, "headers": { "x-multi": "two" } }),
        ),
        (
            FrontDoor::http_api("$default"),
            json!({ "headers": { "x-multi": ["one", "two"] } }),
        ),
    ] {
        let gateway = open(well_behaved().env("MODE", "raw"), front_door.clone()).await;
        let mut answer = answer;
        answer["statusCode"] = json!(200);
        let answered = post(
            &gateway,
            "/",
            "application/json",
            answer.to_string().as_bytes(),
        )
        .await;
        assert_eq!(
            answered.all("x-multi"),
            ["one", "two"],
            "{front_door:?} {answer}"
        );
    }
}

#[tokio::test]
async fn binary_bodies_pass_in_both_directions() {
    let all: Vec<u8> = (0..=255).collect();
    for front_door in [
        FrontDoor::http_api("$default"),
        FrontDoor::http_api("beta"),
        FrontDoor::function_url(),
        FrontDoor::LoadBalancer { multi_value: true },
        binary_rest_api(&["application/json", "application/octet-stream"]),
        binary_rest_api(&["*/*"]),
    ] {
        let gateway = open(well_behaved(), front_door.clone()).await;
        for content_type in ["application/octet-stream", "application/json"] {
            let answer = post(&gateway, "/echo", content_type, &all).await;
            assert_eq!(
                answer.json()["body"],
                json!(all),
                "{front_door:?} {content_type}"
            );
        }
    }
    for front_door in [
        FrontDoor::http_api("$default"),
        FrontDoor::function_url(),
        FrontDoor::LoadBalancer { multi_value: false },
        binary_rest_api(&["*/*"]),
    ] {
        let gateway = open(well_behaved(), front_door.clone()).await;
        let answer = get(&gateway, "/binary").await;
        assert_eq!(answer.body, all, "{front_door:?}");
        assert_eq!(answer.all("content-type"), ["application/octet-stream"]);
    }
}

#[tokio::test]
async fn a_rest_api_treats_only_configured_media_types_as_binary() {
    // The configured media type, the sent one, and whether the body arrives in base64.
    for (configured, sent, base64) in [
        (vec![], "application/octet-stream", false),
        (vec!["image/png"], "application/octet-stream", false),
        (vec!["image/png"], "Image/PNG; a=b", true),
        (vec!["*/*"], "application/json", true),
    ] {
        let gateway = open(well_behaved(), binary_rest_api(&configured)).await;
        let seen = post(&gateway, "/echo", sent, b"\xff").await.json();
        let arrived = if base64 {
            &b"\xff"[..]
        } else {
            "\u{fffd}".as_bytes()
        };
        assert_eq!(seen["body"], json!(arrived), "{configured:?} {sent}");
    }
    // The configured media type, the accepted one, and whether base64 is decoded.
    let all: Vec<u8> = (0..=255).collect();
    for (configured, accept, decoded) in [
        (vec![], "application/octet-stream", false),
        (vec!["image/png"], "image/png, */*", true),
        (vec!["image/png"], "image/png;q=0.5", true),
        (vec!["image/png"], "*/*, image/png", false),
        (vec!["*/*"], "text/html", true),
    ] {
        let gateway = open(well_behaved(), binary_rest_api(&configured)).await;
        let builder = Request::get("/binary").header("accept", accept);
        let answer = request(&gateway, builder, b"").await;
        assert_eq!(answer.body == all, decoded, "{configured:?} {accept}");
        if !decoded {
            assert!(
                answer.body.starts_with(b"AAECAwQF"),
                "{configured:?} {accept}"
            );
        }
    }
}

#[tokio::test]
async fn the_stage_is_in_the_url_where_api_gateway_has_it() {
    for (front_door, base, path, seen_path) in [
        (FrontDoor::rest_api("prod"), "/prod", "/a%20b/c", "/a%20b/c"),
        (FrontDoor::http_api("$default"), "", "/a%20b/c", "/a b/c"),
        (
            FrontDoor::http_api("beta"),
            "/beta",
            "/a%20b/c",
            "/beta/a b/c",
        ),
        (FrontDoor::rest_api("prod"), "/prod", "/", "/"),
    ] {
        let gateway = open(well_behaved(), front_door.clone()).await;
        assert_eq!(
            gateway.url(),
            format!("http://{}{base}", gateway.address()),
            "{front_door:?}"
        );
        let seen = get(&gateway, path).await.json();
        assert_eq!(seen["path"], seen_path, "{front_door:?}");
        let stage = match &front_door {
            FrontDoor::RestApi { stage, .. } | FrontDoor::HttpApi { stage } => stage.as_str(),
            _ => unreachable!("no other door is opened here"),
        };
        assert_eq!(seen["stage"], stage, "{front_door:?}");
        // In every format of events, lambda_http ends up with the URL that the client used.
        let wanted = format!("http://{}{base}{path}", gateway.address());
        assert_eq!(seen["uri"], wanted, "{front_door:?}");
    }
}

#[tokio::test]
async fn an_unknown_stage_is_refused() {
    for (front_door, status, message) in [
        (FrontDoor::rest_api("prod"), 403, "Forbidden"),
        (FrontDoor::http_api("beta"), 404, "Not Found"),
    ] {
        let function = Function::new(well_behaved());
        let gateway = Gateway::start(function.clone(), front_door.clone(), ANY_PORT)
            .await
            .expect("a gateway");
        for path in ["/", "/elsewhere/a", "/produce", "/betamax/a"] {
            let request = Request::get(path).body(Full::default()).expect("a request");
            let answer = send(&gateway, request).await;
            assert_eq!(
                (answer.status.as_u16(), answer.json()),
                (status, json!({ "message": message })),
                "{path}"
            );
        }
        assert!(
            function.process_ids().is_empty(),
            "the function is not bothered"
        );
    }
}

#[tokio::test]
async fn an_event_of_a_rest_api_looks_like_a_real_one() {
    let gateway = open(
        well_behaved().env("MODE", "raw"),
        FrontDoor::rest_api("prod"),
    )
    .await;
    let event = captured(&gateway, "/a/b?x=1&x=2").await;
    for (pointer, wanted) in [
        ("/resource", json!("/{proxy+}")),
        ("/path", json!("/a/b")),
        ("/httpMethod", json!("GET")),
        ("/pathParameters", json!({ "proxy": "a/b" })),
        ("/queryStringParameters", json!({ "x": "2" })),
        (
            "/multiValueQueryStringParameters",
            json!({ "x": ["1", "2"] }),
        ),
        ("/stageVariables", Value::Null),
        ("/body", Value::Null),
        ("/isBase64Encoded", json!(false)),
        ("/headers/X-Two", json!("b")),
        ("/multiValueHeaders/X-Two", json!(["a", "b"])),
        ("/requestContext/stage", json!("prod")),
        ("/requestContext/path", json!("/prod/a/b")),
        ("/requestContext/resourcePath", json!("/{proxy+}")),
        ("/requestContext/httpMethod", json!("GET")),
        ("/requestContext/accountId", json!("123456789012")),
        (
            "/requestContext/domainName",
            json!(gateway.address().to_string()),
        ),
        ("/requestContext/identity/sourceIp", json!("127.0.0.1")),
        ("/requestContext/identity/userAgent", json!("tests")),
        ("/requestContext/identity/apiKey", Value::Null),
        ("/requestContext/protocol", json!("HTTP/1.1")),
    ] {
        assert_eq!(
            event.pointer(pointer).unwrap_or(&Value::Null),
            &wanted,
            "{pointer} of {event}"
        );
    }
    assert!(
        event["requestContext"]["requestTimeEpoch"].is_u64(),
        "{event}"
    );
    let event = captured(&gateway, "/").await;
    for (pointer, wanted) in [
        ("/resource", json!("/")),
        ("/pathParameters", Value::Null),
        ("/queryStringParameters", Value::Null),
        ("/multiValueQueryStringParameters", Value::Null),
        ("/requestContext/path", json!("/prod/")),
    ] {
        assert_eq!(
            event.pointer(pointer),
            Some(&wanted),
            "{pointer} of {event}"
        );
    }
}

#[tokio::test]
async fn an_event_of_an_http_api_looks_like_a_real_one() {
    let gateway = open(
        well_behaved().env("MODE", "raw"),
        FrontDoor::http_api("beta"),
    )
    .await;
    let event = captured(&gateway, "/a%20b?x=1&x=2&y=%26").await;
    for (pointer, wanted) in [
        ("/version", json!("2.0")),
        ("/routeKey", json!("$default")),
        ("/rawPath", json!("/beta/a b")),
        ("/rawQueryString", json!("x=1&x=2&y=%26")),
        ("/queryStringParameters", json!({ "x": "1,2", "y": "&" })),
        ("/cookies", json!(["c=1", "d=2"])),
        ("/headers/x-two", json!("a,b")),
        ("/isBase64Encoded", json!(false)),
        ("/requestContext/http/method", json!("GET")),
        ("/requestContext/http/path", json!("/beta/a b")),
        ("/requestContext/http/protocol", json!("HTTP/1.1")),
        ("/requestContext/http/sourceIp", json!("127.0.0.1")),
        ("/requestContext/http/userAgent", json!("tests")),
        ("/requestContext/stage", json!("beta")),
        (
            "/requestContext/domainName",
            json!(gateway.address().to_string()),
        ),
    ] {
        assert_eq!(
            event.pointer(pointer),
            Some(&wanted),
            "{pointer} of {event}"
        );
    }
    assert!(event["requestContext"]["timeEpoch"].is_u64(), "{event}");
    for absent in ["body", "pathParameters", "stageVariables"] {
        assert!(event.get(absent).is_none(), "{absent} of {event}");
    }
    assert!(event["headers"].get("cookie").is_none(), "{event}");
}

#[tokio::test]
async fn an_event_of_a_function_url_has_its_own_domain() {
    let gateway = open(well_behaved().env("MODE", "raw"), FrontDoor::function_url()).await;
    let event = captured(&gateway, "/a%20b?x=1").await;
    for (pointer, wanted) in [
        ("/version", json!("2.0")),
        ("/rawPath", json!("/a b")),
        ("/requestContext/stage", json!("$default")),
        ("/requestContext/accountId", json!("anonymous")),
        ("/requestContext/domainName", json!(URL_DOMAIN)),
    ] {
        assert_eq!(
            event.pointer(pointer),
            Some(&wanted),
            "{pointer} of {event}"
        );
    }
}

#[tokio::test]
async fn an_event_of_a_load_balancer_has_headers_in_one_form() {
    for (multi_value, header, parameter) in [
        (true, json!(["a", "b"]), json!(["1", "2%20"])),
        (false, json!("b"), json!("2%20")),
    ] {
        let front_door = FrontDoor::LoadBalancer { multi_value };
        let gateway = open(well_behaved().env("MODE", "raw"), front_door).await;
        let event = captured(&gateway, "/a%20b?x=1&x=2%20").await;
        let (headers, parameters) = if multi_value {
            ("multiValueHeaders", "multiValueQueryStringParameters")
        } else {
            ("headers", "queryStringParameters")
        };
        assert_eq!(event[headers]["x-two"], header, "{event}");
        // As the client has encoded it.
        assert_eq!(event[parameters]["x"], parameter, "{event}");
        assert_eq!(event["path"], "/a%20b");
        assert_eq!(event["body"], "");
        assert!(event["requestContext"]["elb"]["targetGroupArn"].is_string());
        let other = if multi_value {
            "headers"
        } else {
            "multiValueHeaders"
        };
        assert!(event.get(other).is_none(), "{event}");
    }
}

#[tokio::test]
async fn each_front_door_has_its_own_errors_and_limits() {
    for (front_door, path, status, limit) in [
        (FrontDoor::function_url(), "/fail", 502, 6 << 20),
        (
            FrontDoor::LoadBalancer { multi_value: true },
            "/fail",
            502,
            1 << 20,
        ),
    ] {
        let gateway = open(well_behaved(), front_door.clone()).await;
        assert_eq!(get(&gateway, path).await.status, status, "{front_door:?}");
        let large = vec![b'x'; limit + 1];
        let answer = post(&gateway, "/echo", "text/plain", &large).await;
        assert_eq!(answer.status, 413, "{front_door:?}");
    }
}

#[tokio::test]
async fn requests_after_a_switch_reach_the_other_function() {
    let first = Function::new(well_behaved().env("WHICH", "first"));
    let gateway = Gateway::start(first, FrontDoor::http_api("$default"), ANY_PORT)
        .await
        .expect("a gateway");
    let which = async |gateway: &Gateway| get(gateway, "/variables").await.json()["WHICH"].clone();
    assert_eq!(which(&gateway).await, "first");
    gateway.switch(Function::new(well_behaved().env("WHICH", "second")));
    assert_eq!(which(&gateway).await, "second");
}

#[tokio::test]
async fn a_stopped_gateway_takes_no_more_connections() {
    let gateway = open(well_behaved(), FrontDoor::http_api("$default")).await;
    let address = gateway.address();
    drop(gateway);
    // The task that holds the listener ends as soon as the runtime gets to it.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let gateway = open(well_behaved(), FrontDoor::http_api("$default")).await;
    let again = Gateway::start(
        Function::new(well_behaved()),
        FrontDoor::http_api("$default"),
        gateway.address(),
    )
    .await;
    let error = again.expect_err("the address is in use").to_string();
    assert!(error.contains(&gateway.address().to_string()), "{error}");
}

/// Returns a REST API with these binary media types.
fn binary_rest_api(binary: &[&str]) -> FrontDoor {
    FrontDoor::RestApi {
        stage: "prod".to_owned(),
        mode: ResponseMode::Buffered,
        binary_media_types: binary
            .iter()
            .map(|&media_type| media_type.to_owned())
            .collect(),
    }
}

/// Returns all values of a header that the function saw.
fn headers(seen: &Value, name: &str) -> Vec<String> {
    let all = seen["headers"].as_array().expect("headers");
    all.iter()
        .filter(|header| header[0] == name)
        .map(|header| header[1].as_str().expect("text").to_owned())
        .collect()
}

/// Returns the event of a request.
async fn captured(gateway: &Gateway, path: &str) -> Value {
    let builder = Request::get(path)
        .header("x-two", "a")
        .header("x-two", "b")
        .header("cookie", "c=1; d=2")
        .header("user-agent", "tests");
    request(gateway, builder, b"").await.json()
}
