//! Cases beyond the official conformance suite, through every front door, since gateways forward requests differently.
//! (Most of them have larger tables in `host/tests` and `host/mcp-protocol/tests`.)

use std::{io::Write as _, net::TcpStream};

use serde_json::{Value, json};
use tests::{
    Answer, Client, FrontDoor, Host, Layer, StdioClient, declaration, script, scripted, tool,
};

/// The largest body that passes every front door. Unit: bytes.
/// Source: Lambda accepts events of 6 MB. The body is text in the event, with escaped quotes of two characters.
const LARGE: usize = 5 * 1024 * 1024;

/// One byte over the limit of `bootstrap serve`, and too much for an event. Unit: bytes.
/// Source: `MAX_BODY` of the host.
const TOO_LARGE: usize = 6 * 1024 * 1024 + 1;

/// Returns a layer with a tool for every row.
fn layer() -> Layer {
    let with = |name: &str, members: &[(&str, Value)], facts: &[(&str, Value)]| {
        let mut tool = tool(name);
        for (member, value) in members {
            tool["tool"][*member] = value.clone();
        }
        for (fact, value) in facts {
            tool[*fact] = value.clone();
        }
        tool
    };
    let repeated = |kind: &str, header: &str| json!({ "type": kind, "x-mcp-header": header });
    let units =
        json!({ "type": "object", "properties": { "metric": repeated("boolean", "Metric") } });
    let declared = declaration(&[
        tool("zeta"),
        tool("alpha"),
        with(
            "bounded",
            &[(
                "inputSchema",
                json!({ "type": "object", "properties": { "days": { "type": "integer", "minimum": 1 } } }),
            )],
            &[("validate", json!(true))],
        ),
        // The results of all of them have no structured content.
        with(
            "typed",
            &[("outputSchema", json!({ "type": "object" }))],
            &[],
        ),
        with(
            "routed",
            &[(
                "inputSchema",
                json!({ "type": "object", "properties": {
                    "region": repeated("string", "Region"), "days": repeated("integer", "Days"), "units": units,
                } }),
            )],
            &[(
                "headers",
                json!({ "Region": "/region", "Days": "/days", "Metric": "/units/metric" }),
            )],
        ),
    ]);
    let layer = Layer::empty();
    layer.put_declared("beyond", &scripted(&script(&declared)), &declared);
    layer
}

/// Returns the layer behind every front door, with its list in pages. Sessions are in memory: on Lambda there is one environment.
fn doors() -> [(&'static str, Host); 3] {
    let layer = layer();
    let pages = [("MCP_LIST_PAGE_SIZE", "3")];
    let lambda = |door| Host::lambda_with_one_environment(&layer, door, &pages);
    [
        ("serve", Host::serve_with(&layer, &pages)),
        ("a REST API", lambda(FrontDoor::rest_api("prod"))),
        ("an HTTP API", lambda(FrontDoor::http_api("stage"))),
    ]
}

/// Returns a summary of a response: status, code of an error, and the text of the result.
fn short(answer: &Answer) -> String {
    let mut short = answer.status.to_string();
    let message = match answer.header("content-type") {
        Some("text/event-stream") => answer.events().pop().unwrap_or_default(),
        _ => serde_json::from_str(&answer.body).unwrap_or_default(),
    };
    if let Some(code) = message.pointer("/error/code") {
        short += &format!(" {code}");
    }
    if message.get("error").is_some() && message.get("id").is_none() {
        short += " without id";
    }
    let result = &message["result"];
    if result["isError"] == true {
        short += " isError";
    }
    if let Some(text) = result.pointer("/content/0/text").and_then(Value::as_str) {
        short += &format!(" {}", text.split([' ', ':']).next().unwrap_or_default());
    }
    short
}

fn message(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

/// Returns the `_meta` of a request of revision 2026-07-28.
fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// Returns a complete request of revision 2026-07-28, with additional or replaced headers.
fn modern(
    client: &Client<'_>,
    method: &str,
    mut params: Value,
    headers: &[(&str, &str)],
) -> Answer {
    params["_meta"] = meta();
    let name = params["name"].as_str().unwrap_or_default().to_owned();
    let mut owed = vec![
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", method),
    ];
    if !name.is_empty() {
        owed.push(("Mcp-Name", &name));
    }
    owed.retain(|(owed, _)| headers.iter().all(|(name, _)| name != owed));
    owed.extend(headers.iter().filter(|(_, value)| *value != ABSENT));
    client.post(&owed, &message(method, params.clone()))
}

/// The value of an omitted header.
const ABSENT: &str = "(absent)";

fn initialized(client: &Client<'_>, revision: &str) -> (String, String) {
    let params = json!({
        "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "tests", "version": "1" },
    });
    let answer = client.post(&[], &message("initialize", params));
    let session = answer
        .header("mcp-session-id")
        .expect("a session")
        .to_owned();
    let negotiated = answer.json()["result"]["protocolVersion"].clone();
    (session, negotiated.as_str().expect("a revision").to_owned())
}

#[test]
fn a_client_gets_the_older_revision_that_it_asks_for() {
    for (door, host) in doors() {
        let client = host.connect();
        for (asked, expected, knows_structure) in [
            ("2024-11-05", "2024-11-05", false),
            ("2025-03-26", "2025-03-26", false),
            ("2025-06-18", "2025-06-18", true),
            ("2025-11-25", "2025-11-25", true),
            ("2026-07-28", "2025-11-25", true),
            ("1999-01-01", "2025-11-25", true),
        ] {
            let (session, negotiated) = initialized(&client, asked);
            assert_eq!(negotiated, expected, "{asked} through {door}");
            let headers = [("Mcp-Session-Id", session.as_str())];
            let cursor = json!({ "cursor": "after:bounded" });
            let listed = client.post(&headers, &message("tools/list", cursor)).json();
            let typed = &listed["result"]["tools"][0];
            assert_eq!(typed["name"], "typed", "{asked} through {door}: {listed}");
            assert_eq!(
                typed.get("outputSchema").is_some(),
                knows_structure,
                "{asked} through {door}"
            );
        }
    }
}

#[test]
fn batches_are_of_one_revision_alone() {
    let ping = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let initialized_notification =
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    for (door, host) in doors() {
        let client = host.connect();
        for (version, batch, expected) in [
            ("2025-03-26", json!([ping(1), ping(2)]), "200 of 2"),
            (
                "2025-03-26",
                json!([ping(1), initialized_notification]),
                "200 of 1",
            ),
            ("2025-03-26", json!([initialized_notification]), "202"),
            ("2025-03-26", json!([]), "400 -32600 without id"),
            ("2024-11-05", json!([ping(1)]), "400 -32600 without id"),
            ("2025-06-18", json!([ping(1)]), "400 -32600 without id"),
            ("2025-11-25", json!([ping(1)]), "400 -32600 without id"),
            ("2026-07-28", json!([ping(1)]), "400 -32600 without id"),
        ] {
            let answer = client.post(&[("MCP-Protocol-Version", version)], &batch);
            let seen = match serde_json::from_str(&answer.body) {
                Ok(Value::Array(answers)) => format!("{} of {}", answer.status, answers.len()),
                _ => short(&answer),
            };
            assert_eq!(seen, expected, "{version} {batch} through {door}");
        }
    }
}

#[test]
fn an_ended_session_is_not_found_and_a_missing_one_is_a_bad_request() {
    let unknown = "4f0c1ef2-9d51-4b8b-9d4c-6c9a3c0f9b11";
    for (door, host) in doors() {
        let client = host.connect();
        let (session, _) = initialized(&client, "2025-06-18");
        let ping = message("ping", json!({}));
        // The rows run in order: each depends on the state that the earlier ones left.
        for (method, id, expected) in [
            ("POST", None, "200"),
            ("POST", Some(session.as_str()), "200"),
            ("POST", Some(unknown), "200"),
            ("POST", Some("not-an-id"), "404 -32600"),
            ("DELETE", None, "400 -32600 without id"),
            ("DELETE", Some("not-an-id"), "404 -32600 without id"),
            ("DELETE", Some(&session), "204"),
            ("DELETE", Some(&session), "404 -32600 without id"),
            ("POST", Some(&session), "404 -32600"),
            ("DELETE", Some(unknown), "204"),
            ("POST", Some(unknown), "404 -32600"),
            ("GET", Some(&session), "405 -32600 without id"),
        ] {
            let headers: Vec<_> = id.iter().map(|id| ("Mcp-Session-Id", *id)).collect();
            let answer = match method {
                "POST" => client.post(&headers, &ping),
                _ => client.send(method, &headers, ""),
            };
            assert_eq!(short(&answer), expected, "{method} {id:?} through {door}");
        }
    }
}

#[test]
fn accept_and_content_type_decide_formats_only() {
    let call = message(
        "tools/call",
        json!({ "name": "zeta", "_meta": { "progressToken": 1 } }),
    )
    .to_string();
    for (door, host) in doors() {
        for (kind, accept, expected) in [
            (
                "application/json",
                "application/json, text/event-stream",
                "200 hello",
            ),
            ("application/json", "application/json", "200 hello"),
            ("application/json", "text/html", "200 hello"),
            ("application/json; charset=utf-8", "*/*", "200 hello"),
            ("Application/JSON", "*/*", "200 hello"),
            ("text/plain", "*/*", "415 -32600 without id"),
            ("application/jsonp", "*/*", "415 -32600 without id"),
        ] {
            let headers = [("Content-Type", kind), ("Accept", accept)];
            let answer = host.connect().send("POST", &headers, &call);
            assert_eq!(short(&answer), expected, "{kind}, {accept} through {door}");
        }
    }
}

#[test]
fn headers_and_body_of_a_modern_request_agree() {
    let version = "MCP-Protocol-Version";
    let arguments = json!({ "region": "eu", "days": 2, "units": { "metric": true } });
    let agreeing = [
        ("Mcp-Param-Region", "eu"),
        ("Mcp-Param-Days", "2"),
        ("Mcp-Param-Metric", "true"),
    ];
    let but = |name: &'static str, value: &'static str| {
        agreeing.map(|(known, said)| (known, if known == name { value } else { said }))
    };
    for (door, host) in doors() {
        let client = host.connect();
        for (tool, arguments, headers, expected) in [
            ("zeta", json!({}), &[][..], "200 hello"),
            ("zeta", json!({}), &[(version, ABSENT)], "400 -32020"),
            ("zeta", json!({}), &[(version, "2025-11-25")], "400 -32020"),
            ("zeta", json!({}), &[("Mcp-Method", ABSENT)], "400 -32020"),
            (
                "zeta",
                json!({}),
                &[("Mcp-Method", "tools/list")],
                "400 -32020",
            ),
            ("zeta", json!({}), &[("Mcp-Name", ABSENT)], "400 -32020"),
            ("zeta", json!({}), &[("Mcp-Name", "alpha")], "400 -32020"),
            ("routed", arguments.clone(), &agreeing, "200 hello"),
            (
                "routed",
                arguments.clone(),
                &but("Mcp-Param-Region", "=?base64?ZXU=?="),
                "200 hello",
            ),
            (
                "routed",
                arguments.clone(),
                &but("Mcp-Param-Region", "us"),
                "400 -32020",
            ),
            (
                "routed",
                arguments.clone(),
                &but("Mcp-Param-Region", ABSENT),
                "400 -32020",
            ),
            (
                "routed",
                arguments.clone(),
                &but("Mcp-Param-Days", "2.0"),
                "200 hello",
            ),
            (
                "routed",
                arguments.clone(),
                &but("Mcp-Param-Days", "3"),
                "400 -32020",
            ),
            (
                "routed",
                arguments.clone(),
                &but("Mcp-Param-Metric", "false"),
                "400 -32020",
            ),
            (
                "routed",
                arguments.clone(),
                &but("Mcp-Param-Metric", "TRUE"),
                "400 -32020",
            ),
            ("routed", json!({}), &[], "200 hello"),
            (
                "routed",
                json!({}),
                &[("Mcp-Param-Region", "eu")],
                "400 -32020",
            ),
            (
                "routed",
                json!({ "units": {} }),
                &[("Mcp-Param-Metric", "true")],
                "400 -32020",
            ),
        ] {
            let params = json!({ "name": tool, "arguments": arguments });
            let answer = modern(&client, "tools/call", params, headers);
            assert_eq!(
                short(&answer),
                expected,
                "{tool} {arguments} {headers:?} through {door}"
            );
        }
    }
}

#[test]
fn an_invalid_message_is_refused_without_an_id() {
    for (door, host) in doors() {
        for (body, expected) in [
            ("", "400 -32700 without id"),
            ("hello", "400 -32700 without id"),
            (r#"{"jsonrpc":"2.0","id":1"#, "400 -32700 without id"),
            ("1", "400 -32600 without id"),
            ("{}", "400 -32600 without id"),
            (
                r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
                "400 -32600 without id",
            ),
            (
                r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
                "400 -32600 without id",
            ),
            (r#"{"jsonrpc":"2.0","id":"ü","method":"ping"}"#, "200"),
        ] {
            let headers = [("Content-Type", "application/json")];
            let answer = host.connect().send("POST", &headers, body);
            assert_eq!(short(&answer), expected, "{body:?} through {door}");
        }
    }
}

#[test]
fn the_list_is_in_one_order_on_pages_that_hold_it_all() {
    for (door, host) in doors() {
        let client = host.connect();
        let names = |params: Value| -> (Vec<String>, Value) {
            let result = modern(&client, "tools/list", params, &[]).json()["result"].clone();
            let tools = result["tools"].as_array().expect("tools").iter();
            let names = tools.map(|tool| tool["name"].as_str().expect("a name").to_owned());
            (names.collect(), result["nextCursor"].clone())
        };
        for _ in 0..2 {
            let (first, cursor) = names(json!({}));
            assert_eq!(first, ["zeta", "alpha", "bounded"], "through {door}");
            let (second, end) = names(json!({ "cursor": cursor }));
            assert_eq!(second, ["typed", "routed"], "through {door}");
            assert_eq!(end, Value::Null, "through {door}");
        }
        for cursor in [json!("nowhere"), json!(""), json!("after:routed"), json!(3)] {
            let params = json!({ "cursor": cursor });
            let seen = short(&modern(&client, "tools/list", params.clone(), &[]));
            assert_eq!(seen, "200 -32602", "{cursor} through {door}");
            let seen = short(&client.post(&[], &message("tools/list", params)));
            assert_eq!(seen, "200 -32602", "{cursor}, legacy, through {door}");
        }
    }
}

#[test]
fn errors_of_a_call_reach_their_addressee() {
    for (door, host) in doors() {
        let client = host.connect();
        for (params, expected) in [
            (json!({ "name": "zeta" }), "200 hello"),
            (json!({ "name": "nothing" }), "200 -32602"),
            (json!({ "name": "Zeta" }), "200 -32602"),
            (json!({ "name": "zeta", "arguments": [] }), "200 -32602"),
            (
                json!({ "name": "bounded", "arguments": { "days": 1 } }),
                "200 hello",
            ),
            (
                json!({ "name": "bounded", "arguments": { "days": "1" } }),
                "200 hello",
            ),
            (
                json!({ "name": "bounded", "arguments": { "days": 0 } }),
                "200 isError Invalid",
            ),
            (
                json!({ "name": "bounded", "arguments": { "days": "many" } }),
                "200 isError Invalid",
            ),
            // The result does not match its schema: the tool's failure, not the client's.
            (json!({ "name": "typed" }), "200 isError tool"),
        ] {
            let seen = short(&modern(&client, "tools/call", params.clone(), &[]));
            assert_eq!(seen, expected, "{params} through {door}");
            let seen = short(&client.post(&[], &message("tools/call", params.clone())));
            assert_eq!(seen, expected, "{params}, legacy, through {door}");
        }
    }
}

#[test]
fn cancellations_are_accepted_in_both_eras() {
    for (door, host) in doors() {
        let client = host.connect();
        for (params, headers) in [
            (json!({ "requestId": 1 }), &[][..]),
            (json!({ "requestId": "never sent", "reason": "x" }), &[]),
            (
                json!({ "requestId": 1, "_meta": meta() }),
                &[
                    ("MCP-Protocol-Version", "2026-07-28"),
                    ("Mcp-Method", "notifications/cancelled"),
                ],
            ),
        ] {
            let notification =
                json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
            let answer = client.post(headers, &notification);
            let seen = (answer.status, answer.body.as_str());
            assert_eq!(seen, (202, ""), "{params} through {door}");
        }
    }
}

#[test]
fn a_modern_client_that_hangs_up_cancels_its_call() {
    let host = Host::serve(&Layer::of(["async-tools"]));
    let address = host.url().trim_start_matches("http://");
    let address = address.trim_end_matches("/mcp");
    let mut call = message("tools/call", json!({ "name": "withoutLimit" }));
    call["params"]["_meta"] = meta();
    let call = call.to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: withoutLimit\r\n\r\n{call}",
        call.len()
    );
    let mut stream = TcpStream::connect(address).expect("the host listens");
    stream.write_all(request.as_bytes()).expect("it is sent");
    host.wait_for_log("the tool has begun");
    drop(stream);
    host.wait_for_log("the tool was dropped");
}

#[test]
fn large_arguments_pass_and_larger_ones_get_an_error() {
    for (door, host) in doors() {
        for (length, expected) in [(LARGE, "200 hello"), (TOO_LARGE, "413")] {
            let call = |text: &str| {
                let arguments = json!({ "text": text });
                let params = json!({ "name": "zeta", "arguments": arguments });
                message("tools/call", params)
            };
            let frame = call("").to_string().len();
            let call = call(&"x".repeat(length - frame));
            let seen = short(&host.connect().post(&[], &call));
            // Gateways have their own messages.
            assert!(
                seen.starts_with(expected),
                "{length} bytes through {door}: {seen}"
            );
        }
    }
}

#[test]
fn a_large_answer_passes_where_no_gateway_is_in_the_way() {
    // Each of its bytes comes back twice: structured, and as text.
    let arguments = json!({ "query": "x".repeat(TOO_LARGE / 2) });
    let params = json!({ "name": "raw", "arguments": arguments });
    let layer = Layer::of(["all-types"]);
    let host = Host::serve(&layer);
    let answer = modern(&host.connect(), "tools/call", params.clone(), &[]).json();
    assert_eq!(answer["result"]["structuredContent"], arguments);
    let mut pipe = StdioClient::open(&layer);
    let mut sent = message("tools/call", params.clone());
    sent["params"]["_meta"] = meta();
    let answer = pipe.request(&sent);
    assert_eq!(answer["result"]["structuredContent"], arguments);
    // Lambda rejects such a response, and the model gets the reason.
    for door in [
        FrontDoor::rest_api("prod"),
        FrontDoor::http_api("$default"),
        FrontDoor::function_url(),
        FrontDoor::LoadBalancer { multi_value: true },
    ] {
        let host = Host::lambda(&layer, door.clone());
        let client = host.connect();
        // A load balancer accepts a sixth of it.
        let length = door.max_payload().min(TOO_LARGE) / 2;
        let arguments = json!({ "query": "x".repeat(length) });
        let params = json!({ "name": "raw", "arguments": arguments });
        let result = modern(&client, "tools/call", params, &[]).json()["result"].clone();
        assert_eq!(result["isError"], true, "{door:?}");
        let told = result["content"][0]["text"].as_str().expect("words");
        let begin = "tool raw did its work, but its result has ";
        assert!(
            told.starts_with(begin) && told.contains("; request less data in one call"),
            "{told}"
        );
        assert_eq!(client.call("number", json!({})).text(), "2.5");
    }
}

#[test]
fn a_session_belongs_to_the_principal_of_the_gateway() {
    let host = Host::lambda_with_one_environment(&layer(), FrontDoor::http_api("$default"), &[]);
    let send = |principal: Option<&str>, method: &str, session: Option<&str>, body: &Value| {
        let mut headers = json!({ "content-type": "application/json" });
        if let Some(session) = session {
            headers["mcp-session-id"] = json!(session);
        }
        host.invoke_as(principal, method, &headers, body)
    };
    let begin = message("initialize", json!({ "protocolVersion": "2025-11-25" }));
    let ping = message("ping", json!({}));
    for (owner, other) in [
        (Some("alice"), Some("bob")),
        (Some("alice"), None),
        (None, Some("bob")),
    ] {
        let begun = send(owner, "POST", None, &begin);
        let session = begun["headers"]["mcp-session-id"].as_str();
        assert!(session.is_some(), "{begun}");
        for (who, method, expected) in [
            (owner, "POST", 200),
            (other, "POST", 404),
            (other, "DELETE", 404),
            (owner, "POST", 200),
            (owner, "DELETE", 204),
            (owner, "POST", 404),
        ] {
            let answer = send(who, method, session, &ping);
            assert_eq!(
                answer["statusCode"], expected,
                "{method} by {who:?} in the session of {owner:?}: {answer}"
            );
        }
    }
}
