//! The path of the endpoint behind each front door, and the answers for other paths.

use serde_json::{Value, json};

use crate::transport::lambda::tests::{
    Function, function_url, http_api, invocation, load_balancer, message, rest_api,
};

fn ping() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" })
}

fn with(mut event: Value, member: &str, value: &str) -> Value {
    event["requestContext"][member] = json!(value);
    event
}

/// Calls through an HTTP API with this stage.
fn staged(stage: &str, path: &str) -> Value {
    with(http_api(path, &ping()), "stage", stage)
}

/// Calls through a REST API by this resource, optionally below the base path of a domain.
fn by_resource(resource: &str, path: &str) -> Value {
    with(rest_api(path, &ping()), "resourcePath", resource)
}

/// Calls through an HTTP API by this route.
fn by_route(route: &str, path: &str) -> Value {
    with(http_api(path, &ping()), "routeKey", route)
}

#[tokio::test]
async fn the_endpoint_is_at_the_root_and_at_mcp_below_any_stage_and_base_path() {
    let function = Function::start(&[]);
    let mut everywhere: Vec<Value> = Vec::new();
    for path in ["/", "", "/mcp", "/mcp/", "//mcp", "/v1/mcp", "/a/b/mcp"] {
        for through in [rest_api, http_api, function_url, load_balancer] {
            everywhere.push(through(path, &ping()));
        }
    }
    for event in everywhere.into_iter().chain([
        staged("prod", "/prod"),
        staged("prod", "/prod/"),
        staged("prod", "/prod/mcp"),
        staged("prod", "/mcp"),
        staged("mcp", "/mcp"),
        staged("mcp", "/mcp/mcp"),
        staged("mcp", "/mcp/mcp/"),
        with(rest_api("/mcp", &ping()), "stage", "mcp"),
        // The root of an API below the base path of a domain.
        by_resource("/", "/v1"),
        by_resource("/", "/v1/"),
        by_resource("/{proxy+}", "/v1/mcp"),
        by_route("ANY /", "/v1"),
        by_route("POST /", "/v1/"),
        by_route("ANY /mcp", "/v1/mcp"),
    ]) {
        let answer = function
            .invoke(&event, invocation())
            .await
            .expect("an answer");
        assert_eq!(answer["statusCode"], 200, "{event}\n{answer}");
        assert_eq!(message(&answer)["result"], json!({}), "{event}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found_and_the_answer_names_the_endpoint() {
    let function = Function::start(&[]);
    let mut elsewhere: Vec<Value> = Vec::new();
    for path in [
        "/MCP",
        "/mcp/x",
        "/x/mcp/y",
        "/xmcp",
        "/mcp2",
        "/v1",
        "/%6dcp",
        "/mcp%2f",
        "/mcp/%2e%2e",
        "/mcp/..",
        "/..",
        "/favicon.ico",
        "/.well-known/oauth-protected-resource",
        "/mcp;x",
        "/health",
        "/a b",
        "mcpx",
    ] {
        for through in [rest_api, http_api, function_url, load_balancer] {
            elsewhere.push(through(path, &ping()));
        }
    }
    for event in elsewhere.into_iter().chain([
        staged("prod", "/production/mcps"),
        staged("prod", "/pro%64"),
        by_route("$default", "/v1"),
        by_resource("/{proxy+}", "/v1"),
    ]) {
        let answer = function
            .invoke(&event, invocation())
            .await
            .expect("an answer");
        assert_eq!(answer["statusCode"], 404, "{event}\n{answer}");
        let told = message(&answer)["error"]["message"].clone();
        let told = told.as_str().expect("words");
        let help = "; the MCP endpoint is /mcp, and GET /health lists what is served";
        assert!(
            told.starts_with("not found: ") && told.ends_with(help),
            "{told}"
        );
    }
}

#[tokio::test]
async fn health_is_served_below_any_stage_and_base_path() {
    let function = Function::start(&[]);
    for (mut event, status) in [
        (rest_api("/health", &ping()), 200),
        (rest_api("/v1/health/", &ping()), 200),
        (with(rest_api("/health", &ping()), "stage", "health"), 200),
        (http_api("/health", &ping()), 200),
        (staged("prod", "/prod/health"), 200),
        (staged("health", "/health/health"), 200),
        // The root of a stage of this name is the endpoint.
        (staged("health", "/health"), 405),
        (function_url("/health", &ping()), 200),
        (load_balancer("/health", &ping()), 200),
        (load_balancer("/HEALTH", &ping()), 404),
    ] {
        match event["requestContext"].get_mut("http") {
            Some(http) => http["method"] = json!("GET"),
            None => event["httpMethod"] = json!("GET"),
        }
        let answer = function
            .invoke(&event, invocation())
            .await
            .expect("an answer");
        assert_eq!(answer["statusCode"], status, "{event}");
        assert_eq!(message(&answer)["status"] == "ok", status == 200, "{event}");
    }
}

#[tokio::test]
async fn an_invalid_host_header_is_ignored_behind_a_gateway() {
    let function = Function::start(&[]);
    for host in [
        "1.2.3.999",
        "a b",
        "[",
        "http://x",
        "x:99999",
        "",
        "a@b",
        "\u{e4}",
    ] {
        for through in [rest_api, load_balancer] {
            for all_values in [false, true] {
                let mut event = through("/mcp", &ping());
                event["headers"]["Host"] = json!(host);
                if all_values {
                    event["multiValueHeaders"]["Host"] = json!([host]);
                }
                let answer = function.invoke(&event, invocation()).await;
                let answer = answer.unwrap_or_else(|error| panic!("{host}: {error:?}"));
                assert_eq!(answer["statusCode"], 200, "{host}: {answer}");
            }
        }
    }
    let mut event = http_api("/mcp", &ping());
    event["rawQueryString"] = json!("a=\"<>\"&b= \u{7f}");
    let answer = function
        .invoke(&event, invocation())
        .await
        .expect("an answer");
    assert_eq!(answer["statusCode"], 200, "{answer}");
}

#[tokio::test]
async fn a_header_sent_twice_keeps_both_values() {
    let function = Function::start(&[("MCP_ALLOWED_ORIGINS", "https://good.example")]);
    for through in [rest_api, load_balancer] {
        for (origins, status) in [
            (vec!["https://good.example"], 200),
            (vec!["https://bad.example"], 403),
            (vec!["https://bad.example", "https://good.example"], 403),
        ] {
            let mut event = through("/mcp", &ping());
            // The last value, as in the event of a REST API.
            event["headers"]["Origin"] = json!(origins.last());
            event["multiValueHeaders"]["Origin"] = json!(origins);
            let answer = function
                .invoke(&event, invocation())
                .await
                .expect("an answer");
            assert_eq!(answer["statusCode"], status, "{origins:?}: {answer}");
        }
    }
}
