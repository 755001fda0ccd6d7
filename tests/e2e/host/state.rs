//! Sessions and the state of tools, in several hosts with and without a shared table.

use std::{process::Command, thread};

use serde_json::{Value, json};
use tests::{Client, Dynamo, FrontDoor, Host, Layer, Retry, node_client, output_of, python_client};

pub(crate) const TABLE: &str = "sessions";

/// Returns the environment of a host that stores its sessions behind this endpoint.
pub(crate) fn shared(endpoint: &str) -> Vec<(&str, &str)> {
    vec![
        ("MCP_SESSION_TABLE", TABLE),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "tests"),
        ("AWS_SECRET_ACCESS_KEY", "tests"),
    ]
}

pub(crate) fn shared_and<'a>(
    endpoint: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    [&shared(endpoint), more].concat()
}

pub(crate) fn initialize() -> Value {
    let params = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "tests", "version": "1" },
    });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })
}

/// Performs a handshake, and returns its session.
pub(crate) fn session(client: &Client<'_>) -> String {
    let answer = client.post(&[], &initialize());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
        .header("mcp-session-id")
        .expect("a session")
        .to_owned()
}

pub(crate) fn post(
    client: &Client<'_>,
    session: &str,
    method: &str,
    params: &Value,
) -> tests::Answer {
    let headers = [
        ("Mcp-Session-Id", session),
        ("MCP-Protocol-Version", "2025-11-25"),
    ];
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    client.post(&headers, &message)
}

/// Calls a tool in a session.
pub(crate) fn call(client: &Client<'_>, session: &str, tool: &str, arguments: &Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    let answer = post(client, session, "tools/call", &params);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["result"].clone()
}

pub(crate) fn text(result: &Value) -> &str {
    assert_ne!(result["isError"], true, "{result}");
    words(result)
}

pub(crate) fn words(result: &Value) -> &str {
    let text = result["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text: {result}"))
}

/// Calls a tool as a client of revision 2026-07-28.
pub(crate) fn modern(client: &Client<'_>, tool: &str, arguments: &Value) -> Value {
    let answer = client.call_modern(tool, arguments, &json!({}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["result"].clone()
}

#[test]
fn two_hosts_share_a_session_and_a_handle_and_lose_no_count() {
    let dynamo = Dynamo::with_table(TABLE);
    let layer = Layer::of(["stateful"]);
    let hosts = [
        Host::serve_with(&layer, &shared(dynamo.endpoint())),
        Host::serve_with(
            &layer,
            &shared_and(dynamo.endpoint(), &[("MCP_SESSION_MODE", "strict")]),
        ),
    ];
    let clients = hosts.each_ref().map(Host::connect);
    let session = session(&clients[0]);
    let handle = modern(&clients[0], "create", &json!({ "value": 0 }));
    let handle = json!({ "handle": text(&handle) });
    for turn in 1..=200u64 {
        let client = &clients[usize::from(turn % 2 == 0)];
        let counted = call(client, &session, "count", &json!({}));
        assert_eq!(text(&counted), turn.to_string());
        assert_eq!(text(&modern(client, "count", &handle)), turn.to_string());
    }
    thread::scope(|scope| {
        for number in 0..8 {
            let (client, session, handle) = (&hosts[number % 2], &session, &handle);
            scope.spawn(move || {
                let client = client.connect();
                for _ in 0..25 {
                    call(&client, session, "count", &json!({}));
                    text(&modern(&client, "count", handle));
                }
            });
        }
    });
    let looked = call(&clients[1], &session, "look", &json!({}));
    assert_eq!(looked["structuredContent"]["kept"], 400);
    let looked = modern(&clients[0], "look", &handle);
    assert_eq!(looked["structuredContent"]["kept"], 400);
}

#[test]
fn state_is_stored_only_when_the_call_succeeds() {
    let dynamo = Dynamo::with_table(TABLE);
    let layer = Layer::of(["stateful"]);
    for host in [
        Host::serve(&layer),
        Host::serve_with(&layer, &shared(dynamo.endpoint())),
    ] {
        let client = host.connect();
        let session = session(&client);
        let look =
            || call(&client, &session, "look", &json!({}))["structuredContent"]["kept"].clone();
        let set = |value: Value, ends: &str| {
            call(
                &client,
                &session,
                "set",
                &json!({ "value": value, "ends": ends }),
            )
        };
        assert_eq!(look(), Value::Null);
        let done = set(json!(["größe", null]), "well");
        assert_eq!(done["structuredContent"]["kept"], json!(["größe", null]));
        assert_eq!(look(), json!(["größe", null]));
        for ends in ["error", "panic", "late"] {
            assert_eq!(set(json!("lost"), ends)["isError"], true, "{ends}");
            assert_eq!(look(), json!(["größe", null]), "{ends}");
        }
        call(&client, &session, "forget", &json!({}));
        assert_eq!(look(), Value::Null);
        assert_eq!(text(&call(&client, &session, "count", &json!({}))), "1");

        // A call that asks its client has not succeeded yet.
        let handle = modern(&client, "create", &json!({ "value": "before" }));
        let handle = text(&handle).to_owned();
        let arguments = json!({ "value": "after", "ends": "ask", "handle": handle });
        let able = json!({ "io.modelcontextprotocol/clientCapabilities": { "roots": {} } });
        let asked = client.call_modern("set", &arguments, &able).json();
        let state = asked["result"]["requestState"].as_str().expect("a state");
        let look = || {
            modern(&client, "look", &json!({ "handle": handle }))["structuredContent"]["kept"]
                .clone()
        };
        assert_eq!(look(), "before");
        let retry = Retry {
            state: Some(state),
            responses: json!({ "roots": { "roots": [] } }),
        };
        client.call_again("set", &arguments, &able, &retry);
        assert_eq!(look(), "before", "the tool ended by an error");
    }
}

#[test]
fn a_conflicting_write_is_reported() {
    let host = Host::serve(&Layer::of(["stateful"]));
    let client = host.connect();
    let session = session(&client);
    call(&client, &session, "count", &json!({}));
    for updates in [false, true] {
        let told = thread::scope(|scope| {
            let overtaken = scope.spawn(|| {
                let client = host.connect();
                call(
                    &client,
                    &session,
                    "overtaken",
                    &json!({ "updates": updates }),
                )
            });
            while !overtaken.is_finished() {
                call(&client, &session, "count", &json!({}));
            }
            overtaken.join().expect("no panic")
        });
        assert_eq!(told["isError"], true, "{told}");
        assert_eq!(
            words(&told),
            "another call has changed the state of tool overtaken meanwhile, so this call's changes are lost; call it again",
            "{updates}"
        );
    }
}

#[test]
fn state_is_bounded_private_and_ends() {
    let dynamo = Dynamo::with_table(TABLE);
    let host = Host::serve_with(
        &Layer::of(["stateful", "todo-tools"]),
        &shared(dynamo.endpoint()),
    );
    let client = host.connect();
    modern(&client, "fill", &json!({ "bytes": 350 * 1024 }));
    let told = modern(&client, "fill", &json!({ "bytes": 350 * 1024 + 1 }));
    insta::assert_snapshot!(words(&told), @"the new state has 358401 bytes of JSON, more than 358400");
    // Without a session, and with an invalid handle, or one of another plugin.
    insta::assert_snapshot!(words(&modern(&client, "count", &json!({}))), @"this call has no session to store state for; for such clients a tool stores state under a handle");
    let unknown = "no state is stored under this handle; it may have expired";
    let list = modern(&client, "addTodo", &json!({ "text": "bread" }));
    let list = list["structuredContent"]["list"].clone();
    for handle in [json!("x"), json!(""), list] {
        let told = modern(&client, "look", &json!({ "handle": handle }));
        assert_eq!(words(&told), unknown, "{handle}");
    }
    let brief = modern(&client, "create", &json!({ "value": 1, "seconds": 1 }));
    let brief = json!({ "handle": text(&brief) });
    thread::sleep(std::time::Duration::from_millis(2100));
    assert_eq!(words(&modern(&client, "look", &brief)), unknown);
    // An ended session has no state any more, on any host.
    let other = Host::serve_with(&Layer::of(["stateful"]), &shared(dynamo.endpoint()));
    let session = session(&client);
    call(&client, &session, "count", &json!({}));
    let ended = client.send("DELETE", &[("Mcp-Session-Id", &session)], "");
    assert_eq!(ended.status, 204);
    let params = json!({ "name": "count", "arguments": {} });
    let told = post(&other.connect(), &session, "tools/call", &params);
    insta::assert_snapshot!(format!("{} {}", told.status, told.json()["error"]["message"]), @r#"404 "the session has ended; start over with initialize""#);
    assert_eq!(post(&client, &session, "ping", &json!({})).status, 404);
    // Environments without a shared table store nothing.
    let on_lambda = Host::lambda(&Layer::of(["stateful"]), FrontDoor::rest_api("prod"));
    let told = modern(&on_lambda.connect(), "create", &json!({ "value": 1 }));
    insta::assert_snapshot!(words(&told), @"this server stores no state between calls: its operator has to set MCP_SESSION_TABLE");
    on_lambda.wait_for_log("MCP_SESSION_TABLE is not set: tools cannot store state between calls");
}

#[test]
fn session_modes_decide_about_unknown_sessions() {
    let dynamo = Dynamo::with_table(TABLE);
    let layer = Layer::of(["stateful"]);
    let strict = || shared_and(dynamo.endpoint(), &[("MCP_SESSION_MODE", "strict")]);
    let (one, another) = (
        Host::serve_with(&layer, &strict()),
        Host::serve_with(&layer, &strict()),
    );
    let (client, elsewhere) = (one.connect(), another.connect());
    let known = session(&client);
    let never = "c232ab00-9414-41ec-b3c8-9f6bdeced846";
    let ping =
        |client: &Client<'_>, session: &str| post(client, session, "ping", &json!({})).status;
    assert_eq!(
        (ping(&client, &known), ping(&elsewhere, &known)),
        (200, 200)
    );
    assert_eq!((ping(&client, never), ping(&elsewhere, never)), (404, 404));
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(client.post(&[], &message).status, 400);
    assert_eq!(
        client
            .call_modern("create", &json!({ "value": 1 }), &json!({}))
            .status,
        200
    );
    elsewhere.send("DELETE", &[("Mcp-Session-Id", &known)], "");
    assert_eq!(ping(&client, &known), 404);

    // With one process it also works in memory.
    let alone = Host::serve_with(&layer, &[("MCP_SESSION_MODE", "strict")]);
    let client = alone.connect();
    let known = session(&client);
    assert_eq!((ping(&client, &known), ping(&client, never)), (200, 404));

    let off = Host::serve_with(&layer, &[("MCP_SESSION_MODE", "off")]);
    let client = off.connect();
    let answer = client.post(&[], &initialize());
    assert_eq!(
        (answer.status, answer.header("mcp-session-id")),
        (200, None)
    );
    assert_eq!(ping(&client, never), 200);
    insta::assert_snapshot!(words(&call(&client, never, "count", &json!({}))), @"this call has no session to store state for; for such clients a tool stores state under a handle");
}

#[test]
fn hosts_that_start_at_once_share_one_state_key() {
    let dynamo = Dynamo::with_table(TABLE);
    let layer = Layer::of(["elicits"]);
    let hosts = [(); 3].map(|()| Host::serve_with(&layer, &shared(dynamo.endpoint())));
    let able = json!({ "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} } });
    let states = thread::scope(|scope| {
        let asked = hosts.each_ref().map(|host| {
            scope.spawn(|| {
                let asked = host.connect().call_modern("introduce", &json!({}), &able);
                asked.json()["result"]["requestState"].clone()
            })
        });
        asked.map(|asked| asked.join().expect("no panic"))
    });
    let ada = json!({ "name": { "action": "accept", "content": { "name": "Ada" } } });
    for state in &states {
        for host in &hosts {
            let retry = Retry {
                state: state.as_str(),
                responses: ada.clone(),
            };
            let client = host.connect();
            let answer = client.call_again("introduce", &json!({}), &able, &retry);
            assert!(
                answer.body.contains("do you like best, Ada?"),
                "{}",
                answer.body
            );
        }
    }
}

#[test]
fn a_session_and_its_state_are_its_principals_in_every_environment() {
    let dynamo = Dynamo::with_table(TABLE);
    let layer = Layer::of(["stateful"]);
    let host = || {
        Host::lambda_with(
            &layer,
            FrontDoor::http_api("$default"),
            &shared(dynamo.endpoint()),
        )
    };
    let (one, another) = (host(), host());
    let begun = one.invoke_as(
        Some("alice"),
        "POST",
        &json!({ "content-type": "application/json" }),
        &initialize(),
    );
    let session = begun["headers"]["mcp-session-id"]
        .as_str()
        .expect("a session");
    let headers = json!({ "content-type": "application/json", "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" });
    let ask = |host: &Host, principal, method, params: &Value| {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = host.invoke_as(principal, "POST", &headers, &message);
        answer["statusCode"].clone()
    };
    let count = json!({ "name": "count", "arguments": {} });
    let level = json!({ "level": "info" });
    for stranger in [Some("bob"), None] {
        for (method, params) in [("tools/call", &count), ("logging/setLevel", &level)] {
            assert_eq!(
                ask(&another, stranger, method, params),
                404,
                "{stranger:?}: {method}"
            );
        }
    }
    // A host that has not seen the session does not let other principals end it either.
    let third = host();
    for stranger in [Some("bob"), None] {
        let ended = third.invoke_as(stranger, "DELETE", &headers, &json!(null));
        assert_eq!(ended["statusCode"], 404, "{stranger:?}");
    }
    assert_eq!(ask(&another, Some("alice"), "tools/call", &count), 200);
    let ended = third.invoke_as(Some("alice"), "DELETE", &headers, &json!(null));
    assert_eq!(ended["statusCode"], 204);
    assert_eq!(ask(&another, Some("alice"), "tools/call", &count), 404);
    // Now the host knows it.
    assert_eq!(ask(&another, Some("alice"), "ping", &json!({})), 404);
    // A host that does not know of the end learns of it when it stores something.
    assert_eq!(ask(&one, Some("alice"), "ping", &json!({})), 200);
    assert_eq!(ask(&one, Some("alice"), "logging/setLevel", &level), 404);
    assert_eq!(ask(&one, Some("alice"), "ping", &json!({})), 404);
}

/// The calls, in their order. `LIST` stands for the list that the first response named.
const TODO: &str = r#"[
    ["addTodo", { "text": "bread" }],
    ["addTodo", { "text": "größe & 漢字", "list": "LIST" }],
    ["finishTodo", { "number": 1, "list": "LIST" }],
    ["listTodos", { "list": "LIST" }]
]"#;

#[test]
fn a_list_of_things_to_do_is_kept_for_real_clients_of_both_eras_whichever_environment_they_reach() {
    let dynamo = Dynamo::with_table(TABLE);
    let layer = Layer::of(["todo-tools"]);
    let host = |door| Host::lambda_with(&layer, door, &shared(dynamo.endpoint()));
    let hosts = [
        host(FrontDoor::http_api("$default")),
        host(FrontDoor::rest_api("prod")),
        Host::serve_with(&layer, &shared(dynamo.endpoint())),
    ];
    let urls = hosts.each_ref().map(Host::url).join(",");
    for (mut client, modern) in [
        (node("legacy"), false),
        (node("v1"), false),
        (node("2026-07-28"), true),
        (python("legacy"), false),
        (python("2026-07-28"), true),
    ] {
        let told = output_of(client.args([&urls, TODO]));
        let seen: Value = serde_json::from_str(&told).expect("JSON");
        let list = seen["results"][3]["structuredContent"].clone();
        let expected =
            json!([{ "text": "bread", "done": true }, { "text": "größe & 漢字", "done": false }]);
        assert_eq!(list["items"], expected, "{client:?}: {seen}");
        // In a session the list has no name.
        assert_eq!(list["list"].is_string(), modern, "{client:?}: {seen}");
        assert!(
            seen["reached"].as_array().is_some_and(|all| all.len() == 3),
            "{client:?}: {seen}"
        );
    }
}

#[test]
fn a_legacy_client_changes_environments_without_a_table_and_without_errors() {
    let layer = Layer::of(["custom-tools"]);
    let one = Host::serve(&layer);
    let two = Host::serve(&layer);
    let urls = [one.url(), two.url()].join(",");
    let calls: Vec<_> = (0..20)
        .map(|number| json!(["multiply", { "x": number, "y": 2 }]))
        .collect();
    let calls = json!(calls).to_string();
    for mut client in [node("legacy"), node("v1"), python("legacy")] {
        let told = output_of(client.args([&urls, &calls]));
        let seen: Value = serde_json::from_str(&told).expect("JSON");
        for number in 0..20 {
            let result = &seen["results"][number];
            assert_eq!(
                words(result),
                (number * 2).to_string(),
                "{client:?}: {seen}"
            );
            assert_ne!(result["isError"], true, "{client:?}: {seen}");
        }
        // Before each call it lists the tools, and the list is always the same.
        assert_eq!(
            seen["lists"],
            json!([["greet", "multiply", "add"]]),
            "{client:?}: {seen}"
        );
        assert_eq!(seen["session"], true, "{client:?}: {seen}");
        // Both environments got every kind of message.
        for server in seen["reached"].as_array().expect("a list") {
            for (method, least) in [("tools/list", 5), ("tools/call", 5)] {
                assert!(server[method].as_u64() >= Some(least), "{client:?}: {seen}");
            }
        }
    }
}

fn node(mode: &str) -> Command {
    let mut command = node_client("calls.mjs");
    command.arg(mode);
    command
}

fn python(mode: &str) -> Command {
    let mut command = python_client("calls.py");
    command.arg(mode);
    command
}
