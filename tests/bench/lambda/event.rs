//! Requests as an HTTP API sends them to a function (payload format 2.0), of a client of revision 2026-07-28, or of one
//! of the handshake era.

use serde_json::{Value, json};

/// The latest revision with a handshake.
const LEGACY: &str = "2025-11-25";

/// Returns a `tools/list`.
pub(crate) fn list() -> String {
    event("tools/list", None, &json!({}))
}

/// Returns a `tools/call`.
pub(crate) fn call(tool: &str, arguments: &Value) -> String {
    event(
        "tools/call",
        Some(tool),
        &json!({ "name": tool, "arguments": arguments }),
    )
}

/// Returns an `initialize`.
pub(crate) fn initialize() -> String {
    legacy(&event(
        "initialize",
        None,
        &json!({
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": { "name": "bench", "version": "1.0.0" },
        }),
    ))
}

/// Returns the same request by a client of the handshake era.
pub(crate) fn legacy(event: &str) -> String {
    let mut event: Value = serde_json::from_str(event).unwrap_or_default();
    for name in ["mcp-method", "mcp-name"] {
        event["headers"]
            .as_object_mut()
            .map(|headers| headers.remove(name));
    }
    event["headers"]["mcp-protocol-version"] = json!(LEGACY);
    let body = event["body"].as_str().unwrap_or_default();
    let mut body: Value = serde_json::from_str(body).unwrap_or_default();
    body["params"]
        .as_object_mut()
        .map(|params| params.remove("_meta"));
    event["body"] = json!(body.to_string());
    event.to_string()
}

fn event(method: &str, name: Option<&str>, params: &Value) -> String {
    let mut params = params.clone();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1.0.0" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let domain = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
    let mut event = json!({
        "version": "2.0",
        "routeKey": "ANY /mcp",
        "rawPath": "/mcp",
        "rawQueryString": "",
        "headers": {
            "accept": "application/json, text/event-stream",
            "accept-encoding": "gzip, deflate, br",
            "content-length": body.len().to_string(),
            "content-type": "application/json",
            "host": domain,
            "mcp-method": method,
            "mcp-protocol-version": "2026-07-28",
            "user-agent": "bench/1.0.0",
            "x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
            "x-forwarded-for": "205.255.255.176",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": domain,
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": "POST",
                "path": "/mcp",
                "protocol": "HTTP/1.1",
                "sourceIp": "205.255.255.176",
                "userAgent": "bench/1.0.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "ANY /mcp",
            "stage": "$default",
            "time": "10/Mar/2026:05:16:23 +0000",
            "timeEpoch": 1_773_119_783_000_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    });
    if let Some(name) = name {
        event["headers"]["mcp-name"] = json!(name);
    }
    event.to_string()
}
