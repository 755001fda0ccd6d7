//! The cost of a request inside of the host, step by step: reading it and deciding its era, listing, calling a tool.
//!
//! ```text
//! cargo bench -p request-path
//! ```

use std::sync::OnceLock;

use divan::Bencher;
use host::{
    config::Config,
    plugin::Caller,
    server::{
        McpServer,
        record::RequestRecord,
        request::{Exposure, IncomingRequest},
    },
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use mcp_protocol::{Headers, route};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// Returns a request of either era.
fn message(method: &str, params: Value, is_modern: bool) -> String {
    let mut params = params;
    if is_modern {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "1.0.0" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
    }
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string()
}

fn call(is_modern: bool) -> String {
    let params = json!({ "name": "add", "arguments": { "a": 2, "b": 3 } });
    message("tools/call", params, is_modern)
}

#[divan::bench(args = [true, false])]
fn read_and_decide_the_era(bencher: Bencher<'_, '_>, is_modern: bool) {
    let body = call(is_modern);
    let headers = Headers {
        protocol_version: Some(if is_modern {
            "2026-07-28"
        } else {
            "2025-11-25"
        }),
        method: is_modern.then_some("tools/call"),
        name: is_modern.then_some("add"),
    };
    bencher.bench(|| {
        // Its borrows end before the next one.
        drop(divan::black_box(route(headers, body.as_bytes())));
    });
}

#[divan::bench(args = [3, 100])]
fn answer_a_list(bencher: Bencher<'_, '_>, tools: usize) {
    let body = message("tools/list", json!({}), true);
    answered(bencher, app(tools), "tools/list", None, &body);
}

#[divan::bench]
fn answer_a_call(bencher: Bencher<'_, '_>) {
    answered(bencher, app(3), "tools/call", Some("add"), &call(true));
}

fn answered(
    bencher: Bencher<'_, '_>,
    app: &McpServer,
    method: &str,
    name: Option<&str>,
    body: &str,
) {
    let headers = [
        ("content-type", Some("application/json")),
        ("mcp-protocol-version", Some("2026-07-28")),
        ("mcp-method", Some(method)),
        ("mcp-name", name),
    ];
    let headers: HeaderMap = headers
        .into_iter()
        .filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value?).ok()?;
            Some((HeaderName::from_static(name), value))
        })
        .collect();
    let answer = || {
        let incoming = IncomingRequest {
            method: Method::POST,
            path: "/mcp",
            headers: &headers,
            body: body.as_bytes(),
            exposure: Exposure::Gateway("a.execute-api.us-east-1.amazonaws.com"),
            caller: Caller::default(),
            request_id: "1",
            deadline: None,
            gateway_timeout: None,
            notifications: None,
            response_limit: None,
            record: RequestRecord::default(),
        };
        runtime().block_on(app.handle(&incoming))
    };
    let body = answer().into_body();
    let text = String::from_utf8_lossy(&body);
    assert!(
        text.contains("\"result\"") && !text.contains("isError\":true"),
        "{text}"
    );
    bencher.bench(answer);
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime")
    })
}

/// Returns the host with so many tools.
fn app(tools: usize) -> &'static McpServer {
    static APPS: [OnceLock<McpServer>; 2] = [OnceLock::new(), OnceLock::new()];
    let (app, package) = match tools {
        3 => (&APPS[0], "custom-tools"),
        _ => (&APPS[1], "hundred"),
    };
    app.get_or_init(|| {
        let plugins = bench::layer(package).expect("a layer");
        let plugins = plugins.display().to_string();
        // Log lines of requests would be written to any stderr.
        let config = Config::from_env(|name| match name {
            "MCP_PLUGIN_DIR" => Some(plugins.clone()),
            _ => None,
        });
        McpServer::start(&config).expect("the layer can be served")
    })
}
