//! Every kind of argument, result and error, from the tool's function to the client.

use insta::assert_snapshot;
use serde_json::{Value, json};
use tests::{Client, FrontDoor, Host, Layer};

/// Returns a result as a client of revision 2026-07-28 sees it, without the common members.
fn modern(client: &Client<'_>, tool: &str, arguments: &Value) -> Value {
    // The declaration requires a header that repeats one of the arguments.
    let region = arguments["region"].as_str();
    let headers: Vec<_> = region
        .map(|region| ("Mcp-Param-Region", region))
        .into_iter()
        .collect();
    let answer = client.call_modern_with(&headers, tool, arguments, &json!({}));
    assert_eq!(answer.status, 200, "{tool}: {}", answer.body);
    let mut result = answer.json()["result"].take();
    let members = result
        .as_object_mut()
        .unwrap_or_else(|| panic!("{tool}: {}", answer.body));
    assert_eq!(members.remove("resultType"), Some(json!("complete")));
    if let Some(Value::Object(meta)) = members.get_mut("_meta") {
        meta.remove("io.modelcontextprotocol/serverInfo")
            .expect("who answers");
        if meta.is_empty() {
            members.remove("_meta");
        }
    }
    result
}

#[test]
fn every_kind_of_result_reaches_the_client() {
    let layer = Layer::of(["all-types"]);
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    let base64 = "iVBORw==";
    let way = json!({ "distance": 2.5, "heading": "north", "stops": ["a", "b"] });
    let turned = json!({ "distance": 2.5, "heading": "south", "stops": ["b", "a"] });
    let raw = json!({ "query": "abc", "more": [1, { "x": null }] });
    for host in [
        Host::serve(&layer),
        Host::lambda(&layer, FrontDoor::rest_api("prod")),
        Host::lambda(&layer, FrontDoor::http_api("$default")),
    ] {
        let client = host.connect();
        for (tool, arguments, result) in [
            ("nothing", json!({}), json!({ "content": [] })),
            ("number", json!({}), json!({ "content": text("2.5") })),
            ("truth", json!({}), json!({ "content": text("true") })),
            (
                "turn",
                way.clone(),
                json!({ "content": text(&turned.to_string()), "structuredContent": turned }),
            ),
            (
                "walk",
                json!({ "way": way }),
                json!({ "content": text("5") }),
            ),
            (
                "walk",
                json!({ "way": way, "times": "4" }),
                json!({ "content": text("10") }),
            ),
            (
                "walk",
                json!({ "way": way.to_string() }),
                json!({ "content": text("5") }),
            ),
            (
                "list",
                json!({}),
                json!({ "content": text("[1,2]"), "structuredContent": [1, 2] }),
            ),
            (
                "picture",
                json!({}),
                json!({ "content": [{ "type": "image", "data": base64, "mimeType": "image/png" }] }),
            ),
            (
                "sound",
                json!({}),
                json!({ "content": [{ "type": "audio", "data": base64, "mimeType": "audio/wav" }] }),
            ),
            (
                "link",
                json!({}),
                json!({ "content": [{
                    "type": "resource_link", "uri": "https://example.com/report.csv", "name": "report",
                    "mimeType": "text/csv",
                }] }),
            ),
            (
                "brought",
                json!({}),
                json!({ "content": [
                    { "type": "resource", "resource": { "uri": "memo://1", "mimeType": "text/plain", "text": "a note" } },
                    { "type": "resource", "resource": { "uri": "memo://2", "blob": base64 } },
                ] }),
            ),
            (
                "several",
                json!({}),
                json!({ "content": [
                    { "type": "text", "text": "for the model", "annotations": { "audience": ["assistant"] } },
                    {
                        "type": "text", "text": "for both",
                        "annotations": {
                            "audience": ["user", "assistant"], "priority": 0.5,
                            "lastModified": "2026-01-12T15:00:58Z",
                        },
                        "_meta": { "example.com/source": "test" },
                    },
                ] }),
            ),
            (
                "byHand",
                json!({}),
                json!({
                    "content": text("three"), "structuredContent": { "total": 3 },
                    "_meta": { "example.com/took-ms": 12 },
                }),
            ),
            (
                "raw",
                raw.clone(),
                json!({ "content": text(&raw.to_string()), "structuredContent": raw }),
            ),
            (
                "decorated",
                json!({ "region": "eu", "count": 10 }),
                json!({ "content": text("eu Some(10)") }),
            ),
            (
                "total",
                json!({ "amounts": { "a": 1, "b": "2" } }),
                json!({ "content": text("3") }),
            ),
        ] {
            assert_eq!(
                modern(&client, tool, &arguments),
                result,
                "{tool}({arguments})"
            );
        }
    }
}

#[test]
fn every_kind_of_error_reaches_its_addressee() {
    let layer = Layer::of(["all-types"]);
    for host in [
        Host::serve(&layer),
        Host::lambda(&layer, FrontDoor::rest_api("prod")),
    ] {
        let client = host.connect();
        for (tool, arguments, told) in [
            ("failsWithText", json!({}), "a text"),
            (
                "failsWithCause",
                json!({}),
                "no forecast: the station does not answer",
            ),
            (
                "failsWithAnyhow",
                json!({}),
                "nothing was saved: the disk is full",
            ),
            (
                "failsWithSeveral",
                json!({ "text": "x" }),
                "invalid digit found in string",
            ),
            ("failsWithSeveral", json!({ "text": "255" }), "too large"),
            ("failsWithSeveral", json!({ "text": "1" }), "outer: inner"),
            (
                "raw",
                json!({ "query": "ab" }),
                "Invalid arguments for tool raw: /query must be a string of at least 3 characters, not \"ab\"",
            ),
            (
                "decorated",
                json!({ "region": "eu", "count": 11 }),
                "Invalid arguments for tool decorated: /count must be an integer from 1 to 10 or null, not 11",
            ),
            (
                "decorated",
                json!({ "region": "eu", "count": "1" }),
                "Invalid arguments for tool decorated: /count must be an integer from 1 to 10 or null, not the string \"1\"",
            ),
            (
                "turn",
                json!({ "distnace": 1, "heading": "north" }),
                "Invalid arguments for tool turn: /distance is missing (it must be a number); /distnace is unknown (did you mean `distance`? there are `distance`, `heading` and `stops`)",
            ),
            (
                "turn",
                json!({ "distance": 1, "heading": "nrth" }),
                "Invalid arguments for tool turn: /heading must be \"north\" or \"south\", not \"nrth\" (did you mean \"north\"?)",
            ),
            (
                "single",
                json!({ "number": 1e39 }),
                "Invalid arguments for tool single: /number must be a number from -3.4028235e38 to 3.4028235e38, not 1e+39",
            ),
            (
                "walk",
                json!({ "way": { "distance": 1, "heading": "north", "stopps": [] } }),
                "Invalid arguments for tool walk: /way/stopps is unknown (did you mean `stops`? there are `distance`, `heading` and `stops`)",
            ),
        ] {
            let outcome = client.call(tool, arguments.clone());
            assert_eq!(outcome.error_text(), told, "{tool}({arguments})");
        }
        for (code, sent) in [
            (-32602, -32602),
            (-32603, -32603),
            (-32000, -32603),
            (-32020, -32603),
            (4711, 4711),
        ] {
            let outcome = client.call("failsByProtocol", json!({ "code": code }));
            let error = json!({ "code": sent, "message": "not for the model" });
            assert_eq!(outcome.message()["error"], error, "code: {code}");
        }
    }
}

#[test]
fn a_tool_is_called_only_by_clients_with_its_requirements() {
    let host = Host::serve(&Layer::of(["all-types"]));
    let client = host.connect();
    let capable = |capabilities: Value| {
        let meta = json!({ "io.modelcontextprotocol/clientCapabilities": capabilities });
        client.call_modern("needsElicitation", &json!({}), &meta)
    };
    let answer = capable(json!({ "elicitation": { "form": {} } }));
    assert_eq!(answer.status, 400);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], -32021);
    assert_eq!(
        error["data"],
        json!({ "requiredCapabilities": { "elicitation": { "url": {} } } })
    );
    let answer = capable(json!({ "elicitation": { "url": {} } }));
    assert_eq!(answer.json()["result"]["content"][0]["text"], "has it");
    // The protocol of a legacy client has no such error, so its model gets the message.
    assert_snapshot!(client.call("needsElicitation", json!({})).error_text(), @"tool needsElicitation needs the client capability elicitation.url, which this client has not declared; use a client that has it");
}

#[test]
fn the_declaration_of_a_tool_is_listed() {
    let host = Host::serve(&Layer::of(["all-types"]));
    let params = json!({ "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    } });
    let answer = host.connect().post(
        &[
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/list"),
        ],
        &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params }),
    );
    let listed = answer.json();
    let tools = listed["result"]["tools"].as_array().expect("tools");
    let tool = |name: &str| {
        let tool = tools.iter().find(|tool| tool["name"] == name);
        tool.unwrap_or_else(|| panic!("no {name} in {listed}"))
    };
    assert_eq!(
        *tool("decorated"),
        json!({
            "name": "decorated", "title": "Decorated", "description": "Attributes of every kind.",
            "inputSchema": {
                "type": "object", "additionalProperties": false, "required": ["region"],
                "properties": {
                    "region": { "type": "string", "description": "Where.", "x-mcp-header": "Region" },
                    "count": { "type": ["integer", "null"], "format": "uint8", "minimum": 1, "maximum": 10 },
                },
            },
            "annotations": {
                "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false,
            },
            "icons": [{
                "src": "https://example.com/icon.png", "mimeType": "image/png", "sizes": ["48x48"], "theme": "light",
            }],
            "_meta": { "example.com/team": "tests" },
        })
    );
    assert_eq!(
        tool("turn")["inputSchema"],
        json!({
            "type": "object", "additionalProperties": false, "required": ["distance", "heading"],
            "description": "How far and which way.",
            "properties": {
                "distance": { "type": "number", "format": "double", "description": "Kilometres." },
                "heading": {
                    "description": "Where to.",
                    "oneOf": [
                        { "type": "string", "const": "north", "description": "Up on maps." },
                        { "type": "string", "const": "south", "description": "Down on maps." },
                    ],
                },
                "stops": { "type": "array", "items": { "type": "string" }, "default": [], "description": "On the way." },
            },
        })
    );
    assert_eq!(
        tool("raw")["inputSchema"],
        json!({
            "type": "object", "required": ["query"], "additionalProperties": true,
            "properties": { "query": { "type": "string", "minLength": 3 } },
        })
    );
    // Any value is valid, but MCP requires an object.
    assert_eq!(tool("raw")["outputSchema"], json!({}));
}
