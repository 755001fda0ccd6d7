//! The flow of the sample client in the article that inspired this, unchanged, behind both kinds of API Gateway.

use serde_json::json;
use tests::{FrontDoor, Host, Layer};

#[test]
fn the_articles_client_works_unchanged_behind_a_rest_api() {
    the_articles_client_works_unchanged(FrontDoor::rest_api("prod"));
}

#[test]
fn the_articles_client_works_unchanged_behind_an_http_api() {
    the_articles_client_works_unchanged(FrontDoor::http_api("$default"));
}

#[test]
fn the_articles_client_works_unchanged_behind_an_http_api_with_a_stage() {
    the_articles_client_works_unchanged(FrontDoor::http_api("dev"));
}

fn the_articles_client_works_unchanged(door: FrontDoor) {
    let layer = Layer::of(["custom-tools"]);
    let host = Host::lambda(&layer, door);
    let client = host.connect();

    let answer = client.post(
        &[],
        &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} }),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    let session = answer
        .header("mcp-session-id")
        .expect("a session")
        .to_owned();
    assert_eq!(
        answer.json()["result"]["serverInfo"]["name"],
        "custom-tools"
    );

    let session = [("MCP-Session-Id", session.as_str())];
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    let listed = client.post(&session, &list).json();
    let tools = listed["result"]["tools"].as_array().expect("tools");
    let names: Vec<_> = tools.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["greet", "multiply", "add"]);

    let params = json!({ "name": "multiply", "arguments": { "x": "5", "y": "3" } });
    let called = client.post(
        &session,
        &json!({ "jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params }),
    );
    assert_eq!(
        called.json()["result"]["content"],
        json!([{ "type": "text", "text": "15" }])
    );

    let ended = client.send("DELETE", &session, "");
    assert_eq!((ended.status, ended.body.as_str()), (204, ""));
    let after = client.post(&session, &list);
    assert_eq!(after.status, 404, "{}", after.body);
    assert_eq!(after.json()["id"], 2);

    let preflight = [
        ("Origin", "http://localhost:5173"),
        ("Access-Control-Request-Method", "POST"),
        (
            "Access-Control-Request-Headers",
            "content-type, mcp-session-id",
        ),
    ];
    let allowed = client.send("OPTIONS", &preflight, "");
    assert_eq!(allowed.status, 204, "{}", allowed.body);
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        Some("http://localhost:5173")
    );
    assert_eq!(
        allowed.header("access-control-allow-methods"),
        Some("POST, DELETE, OPTIONS")
    );
    let headers = allowed
        .header("access-control-allow-headers")
        .expect("allowed headers");
    assert!(
        headers.contains("content-type") && headers.contains("mcp-session-id"),
        "{headers}"
    );

    let get = client.send("GET", &[("Accept", "text/event-stream")], "");
    assert_eq!(get.status, 405, "{}", get.body);
    assert_eq!(get.header("allow"), Some("POST, DELETE, OPTIONS"));
}
