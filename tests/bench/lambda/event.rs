//! Requests as an HTTP API hands them to a function (payload format 2.0), of a client of revision 2026-07-28.

use serde_json::{Value, json};

/// A `tools/list`.
pub(crate) fn list() -> String {
    event("tools/list", None, &json!({}))
}

/// A `tools/call`.
pub(crate) fn call(tool: &str, arguments: &Value) -> String {
    event(
        "tools/call",
        Some(tool),
        &json!({ "name": tool, "arguments": arguments }),
    )
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
