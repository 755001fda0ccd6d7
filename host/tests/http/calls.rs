//! Lists and calls, as far as they go without a library that can be opened.

use serde_json::{Value, json};

use crate::{
    folder::{Folder, plugin, plugin_with},
    server::{Server, modern},
};

#[test]
fn tools_are_listed_in_their_order_and_the_same_in_both_eras() {
    let folder = Folder::empty()
        .with("b-layer", &[plugin("liba.so", &["zeta", "alpha"])])
        .with("a-layer", &[plugin("libb.so", &["mid"])]);
    let server = Server::of(folder, &[("MCP_LIST_TTL_MS", "5")]);
    let names = |list: &Value| -> Vec<String> {
        let tools = list["result"]["tools"].as_array().expect("tools").clone();
        tools
            .iter()
            .map(|tool| tool["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    for _ in 0..2 {
        let modern = server.modern("tools/list", json!({})).json();
        let legacy = server.legacy(None, "tools/list", json!({})).json();
        assert_eq!(names(&modern), ["zeta", "alpha", "mid"]);
        assert_eq!(names(&legacy), ["zeta", "alpha", "mid"]);
        assert_eq!(modern["result"]["ttlMs"], 5);
        assert_eq!(modern["result"]["cacheScope"], "public");
        // With two layers, neither names the server.
        let server = &modern["result"]["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(server["name"], "mcp-layer-host");
    }
}

#[test]
fn an_unknown_tool_is_an_error_of_the_client() {
    let server = Server::of(Folder::of(&["greet"]), &[("TOOLS_LIST", "greet")]);
    for name in ["nope", "Greet", "greet ", "", "libtools.so"] {
        let params = json!({ "name": name, "arguments": {} });
        let answered = server.legacy(None, "tools/call", params);
        assert_eq!(answered.outcome(), "200 -32602", "name: {name:?}");
        assert_eq!(answered.json()["id"], 1);
    }
    insta::assert_snapshot!(
        server.modern("tools/call", json!({ "name": "nope" })).error_text(),
        @"unknown tool: nope; the list of tools may have changed, request it again with tools/list"
    );
}

#[test]
fn a_skipped_tool_is_unknown() {
    let folder = Folder::of(&["greet", "danger"]);
    let server = Server::of(folder, &[("TOOLS_LIST", "!danger")]);
    let answered = server.legacy(None, "tools/call", json!({ "name": "danger" }));
    assert_eq!(answered.outcome(), "200 -32602");
}

#[test]
fn a_library_that_cannot_be_opened_fails_the_call_without_details_for_the_model() {
    let server = Server::greeting();
    for _ in 0..2 {
        for answered in [
            server.legacy(None, "tools/call", json!({ "name": "greet" })),
            server.modern(
                "tools/call",
                json!({ "name": "greet", "arguments": { "x": 1 } }),
            ),
        ] {
            assert_eq!(answered.outcome(), "200");
            let result = &answered.json()["result"];
            assert_eq!(result["isError"], true);
            assert_eq!(
                result["content"],
                json!([{ "type": "text", "text": "tool greet failed unexpectedly (request id request-1)" }])
            );
            assert_eq!(result.get("structuredContent"), None);
        }
    }
}

#[test]
fn arguments_outside_the_schema_are_reported_to_the_model_without_a_call() {
    let tool = json!({
        "tool": {
            "name": "forecast",
            "description": "Forecasts.",
            "inputSchema": {
                "type": "object",
                "properties": { "days": { "type": "integer", "minimum": 1 } },
                "required": ["days"],
            },
        },
        "function": "forecast",
        "validate": true,
    });
    let folder = Folder::empty().with("a-layer", &[plugin_with("libtools.so", &[tool])]);
    let server = Server::of(folder, &[]);
    for arguments in [
        json!({ "days": 0 }),
        json!({}),
        json!({ "days": "many" }),
        Value::Null,
    ] {
        let params = json!({ "name": "forecast", "arguments": arguments });
        let answered = server.legacy(None, "tools/call", params);
        let result = &answered.json()["result"];
        assert_eq!(result["isError"], true, "{arguments}");
        let text = result["content"][0]["text"].as_str().expect("a text");
        assert!(
            text.starts_with("Invalid arguments for tool forecast: ") && text.contains("days"),
            "{arguments}: {text}"
        );
    }
    // Arguments that the schema accepts, unchanged or coerced, get as far as the library.
    for arguments in [json!({ "days": 1 }), json!({ "days": "1" })] {
        let params = json!({ "name": "forecast", "arguments": arguments });
        let answered = server.legacy(None, "tools/call", params);
        let text = answered.json()["result"]["content"][0]["text"].clone();
        assert_eq!(
            text, "tool forecast failed unexpectedly (request id request-1)",
            "{arguments}"
        );
    }
}

#[test]
fn a_call_that_has_the_wrong_shape_is_an_error_of_the_client_in_both_eras() {
    let server = Server::greeting();
    for params in [
        json!({ "name": "greet", "arguments": [] }),
        json!({ "arguments": {} }),
    ] {
        let legacy = server.legacy(None, "tools/call", params.clone());
        assert_eq!(legacy.outcome(), "200 -32602", "{params}");
        let modern = server.modern("tools/call", params.clone());
        assert_eq!(modern.outcome(), "200 -32602", "{params}");
    }
}

#[test]
fn capabilities_are_checked_after_the_tool_and_before_the_arguments() {
    let tool = |required: &str| {
        json!({
            "tool": {
                "name": "book",
                "description": "Books.",
                "inputSchema": { "type": "object", "required": ["city"] },
            },
            "function": "book",
            "validate": true,
            "requires": [required],
        })
    };
    // The second is one that only a newer layer knows: no client has declared it.
    for required in ["elicitation.url", "smelling"] {
        let entry = plugin_with("libtools.so", &[tool(required)]);
        let server = Server::of(Folder::empty().with("a-layer", &[entry]), &[]);
        let params = json!({ "name": "book", "arguments": {} });
        let modern = server.modern("tools/call", params.clone());
        assert_eq!(modern.outcome(), "400 -32021", "{required}");
        assert_eq!(modern.json()["id"], 1);
        let legacy = server.legacy(None, "tools/call", params).json();
        assert_eq!(legacy["result"]["isError"], true, "{required}");
        assert_eq!(
            legacy["result"]["content"][0]["text"],
            format!(
                "tool book needs the client capability {required}, which this client has not declared; use a client that has it"
            )
        );
        let unknown = server.modern("tools/call", json!({ "name": "nope" }));
        assert_eq!(unknown.outcome(), "200 -32602");
    }
}

/// Returns the names on the pages of a list, as a client reads them.
fn pages(page: impl Fn(Value) -> Value) -> Vec<Vec<String>> {
    let mut params = json!({});
    let mut pages = Vec::new();
    loop {
        let result = page(params)["result"].clone();
        let tools = result["tools"].as_array().expect("tools");
        let names = tools.iter().map(|tool| tool["name"].as_str());
        pages.push(names.map(|name| name.expect("a name").to_owned()).collect());
        assert!(pages.len() < 10, "{pages:?}");
        match result.get("nextCursor") {
            None => return pages,
            Some(cursor) => params = json!({ "cursor": cursor }),
        }
    }
}

#[test]
fn the_pages_of_a_list_hold_every_tool_in_order_in_both_eras() {
    for (tools, size, expected) in [
        (
            &["e", "d", "c", "b", "a"][..],
            "2",
            &[&["e", "d"][..], &["c", "b"], &["a"]][..],
        ),
        (&["d", "c", "b", "a"], "2", &[&["d", "c"], &["b", "a"]]),
        (&["b", "a"], "1", &[&["b"], &["a"]]),
        (&["b", "a"], "2", &[&["b", "a"]]),
        (&["b", "a"], "18446744073709551615", &[&["b", "a"]]),
        (&["b", "a"], "", &[&["b", "a"]]),
    ] {
        let server = Server::of(Folder::of(tools), &[("MCP_LIST_PAGE_SIZE", size)]);
        for _ in 0..2 {
            let legacy = pages(|params| server.legacy(None, "tools/list", params).json());
            let modern = pages(|params| server.modern("tools/list", params).json());
            assert_eq!(legacy, expected, "MCP_LIST_PAGE_SIZE: {size}");
            assert_eq!(modern, expected, "MCP_LIST_PAGE_SIZE: {size}");
        }
    }
    let nothing = Server::of(
        Folder::of(&["a"]),
        &[("TOOLS_LIST", "!a"), ("MCP_LIST_PAGE_SIZE", "1")],
    );
    let modern = pages(|params| nothing.modern("tools/list", params).json());
    assert_eq!(modern, [[""; 0]]);
}

#[test]
fn a_cursor_is_the_same_in_every_environment_and_an_unknown_one_is_an_error() {
    let tools = ["a", "b", "c", "d"];
    let start = || Server::of(Folder::of(&tools), &[("MCP_LIST_PAGE_SIZE", "2")]);
    let (server, other) = (start(), start());
    let first = server.modern("tools/list", json!({})).json();
    let cursor = first["result"]["nextCursor"].clone();
    let second = other.modern("tools/list", json!({ "cursor": cursor }));
    assert_eq!(second.json()["result"]["tools"][0]["name"], "c");
    for cursor in [
        "", "1", "c", "after:", "after:a", "after:d", "after:x", "AFTER:b", " after:b",
    ] {
        for answered in [
            server.legacy(None, "tools/list", json!({ "cursor": cursor })),
            server.modern("tools/list", json!({ "cursor": cursor })),
        ] {
            assert_eq!(answered.outcome(), "200 -32602", "cursor: {cursor:?}");
        }
    }
    let whole = Server::of(Folder::of(&tools), &[]);
    let answered = whole.modern("tools/list", json!({ "cursor": cursor }));
    assert_eq!(answered.outcome(), "200 -32602");
}

#[test]
fn a_principals_list_is_private() {
    let server = Server::of(Folder::of(&["a", "b"]), &[("MCP_LIST_PAGE_SIZE", "1")]);
    for (principal, scope) in [
        (None, "public"),
        (Some("alice"), "private"),
        (None, "public"),
    ] {
        for (method, params) in [
            ("server/discover", json!({})),
            ("tools/list", json!({})),
            ("tools/list", json!({ "cursor": "after:a" })),
        ] {
            let answered = server.answer_as(principal, &modern(method, params.clone()));
            let result = &answered.json()["result"];
            assert_eq!(
                result["cacheScope"], scope,
                "{method} {params}, {principal:?}"
            );
            assert_eq!(result["ttlMs"], 60_000, "{method} {params}, {principal:?}");
        }
    }
}

/// Starts a server with a tool that wants three arguments repeated in headers, one of them nested.
fn routed() -> Server {
    let property = |kind: &str, header: &str| json!({ "type": kind, "x-mcp-header": header });
    let tool = json!({
        "tool": {
            "name": "forecast",
            "description": "Forecasts.",
            "inputSchema": {
                "type": "object",
                "properties": {
                    "region": property("string", "Region"),
                    "days": property("integer", "Days"),
                    "units": { "type": "object", "properties": { "metric": property("boolean", "Metric") } },
                },
            },
        },
        "function": "forecast",
        "headers": { "Region": "/region", "Days": "/days", "Metric": "/units/metric" },
    });
    let folder = Folder::empty().with("a-layer", &[plugin_with("libtools.so", &[tool])]);
    Server::of(folder, &[])
}

#[test]
fn headers_that_repeat_arguments_say_what_was_sent_or_the_call_is_refused() {
    let server = routed();
    let all = json!({ "region": "eu", "days": 2, "units": { "metric": true } });
    for (arguments, headers, expected) in [
        (
            &all,
            &[("Region", "eu"), ("Days", "2"), ("Metric", "true")][..],
            "200",
        ),
        (
            &all,
            &[
                ("region", "=?base64?ZXU=?="),
                ("DAYS", "2.0"),
                ("Metric", " true "),
            ],
            "200",
        ),
        (&all, &[("Region", "eu"), ("Days", "2")], "400 -32020"),
        (
            &all,
            &[("Region", "us"), ("Days", "2"), ("Metric", "true")],
            "400 -32020",
        ),
        (
            &all,
            &[("Region", "eu"), ("Days", "3"), ("Metric", "true")],
            "400 -32020",
        ),
        (
            &all,
            &[("Region", "eu"), ("Days", "2"), ("Metric", "false")],
            "400 -32020",
        ),
        (
            &all,
            &[
                ("Region", "eu"),
                ("Region", "eu"),
                ("Days", "2"),
                ("Metric", "true"),
            ],
            "400 -32020",
        ),
        // The header repeats the argument as sent, not as coerced for the tool.
        (&json!({ "days": "2" }), &[("Days", "2")], "200"),
        (&json!({ "days": "2" }), &[("Days", "2.0")], "400 -32020"),
        (&json!({}), &[], "200"),
        (&json!({}), &[("Other", "x")], "200"),
        (&json!({}), &[("Region", "eu")], "400 -32020"),
        (&json!({ "region": null }), &[], "200"),
        (
            &json!({ "units": null }),
            &[("Metric", "true")],
            "400 -32020",
        ),
        (&Value::Null, &[], "200"),
        (&Value::Null, &[("Region", "eu")], "400 -32020"),
    ] {
        let params = json!({ "name": "forecast", "arguments": arguments });
        let mut request = modern("tools/call", params.clone());
        for (name, value) in headers {
            let name: http::HeaderName = format!("Mcp-Param-{name}").parse().expect("a name");
            let value = value.parse().expect("a value");
            request.headers_mut().append(name, value);
        }
        let answered = server.answer(&request);
        assert_eq!(answered.outcome(), expected, "{arguments} {headers:?}");
        assert_eq!(answered.json()["id"], 1);
        // The handshake era knows no such headers.
        let legacy = server.legacy(None, "tools/call", params);
        assert_eq!(legacy.outcome(), "200", "{arguments}");
    }
}

#[test]
fn headers_that_repeat_arguments_come_after_the_shape_and_the_tool() {
    let server = routed();
    for (params, expected) in [
        (json!({ "name": "forecast", "arguments": [] }), "200 -32602"),
        (json!({ "name": "nope", "arguments": {} }), "200 -32602"),
        (json!({ "name": "forecast", "arguments": {} }), "400 -32020"),
    ] {
        let mut request = modern("tools/call", params.clone());
        let value = "eu".parse().expect("a value");
        request.headers_mut().insert("mcp-param-region", value);
        assert_eq!(server.answer(&request).outcome(), expected, "{params}");
    }
}
