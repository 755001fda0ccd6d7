//! Tools that ask their client: answered round by round, also by another process than the one that asked.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{
    Answer, Client, FrontDoor, Host, Layer, Retry,
    author_crate::{AuthorCrate, manifest},
    documents,
};

const KEY: (&str, &str) = ("MCP_STATE_KEY", "a key of tests and of nothing else at all");

/// Returns the `_meta` of a client that declares all input capabilities.
fn able() -> Value {
    capable(json!({ "elicitation": { "form": {}, "url": {} }, "roots": {}, "sampling": {} }))
}

fn capable(capabilities: Value) -> Value {
    json!({ "io.modelcontextprotocol/clientCapabilities": capabilities })
}

/// The questions to a client, and the state that it must return.
#[derive(Debug)]
struct Asked {
    requests: Value,
    state: String,
}

fn asked(answer: &Answer) -> Asked {
    let body = answer.json();
    let result = &body["result"];
    assert_eq!(result["resultType"], "input_required", "{body}");
    Asked {
        requests: result["inputRequests"].clone(),
        state: result["requestState"].as_str().expect("text").to_owned(),
    }
}

fn begin(client: &Client<'_>, tool: &str, arguments: &Value) -> Asked {
    asked(&client.call_modern(tool, arguments, &able()))
}

fn again(
    client: &Client<'_>,
    tool: &str,
    arguments: &Value,
    state: &str,
    responses: Value,
) -> Answer {
    let retry = Retry {
        state: Some(state),
        responses,
    };
    client.call_again(tool, arguments, &able(), &retry)
}

fn text(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(body["result"]["resultType"], "complete", "{body}");
    let text = body["result"]["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("no text: {body}")).to_owned()
}

fn accept(content: Value) -> Value {
    json!({ "action": "accept", "content": content })
}

#[test]
fn a_tool_asks_round_by_round_through_every_door() {
    let layer = Layer::of(["elicits"]);
    for host in [
        Host::serve_with(&layer, &[KEY]),
        Host::lambda_with(&layer, FrontDoor::rest_api("prod"), &[KEY]),
        Host::lambda_with(&layer, FrontDoor::http_api("$default"), &[KEY]),
    ] {
        let client = host.connect();
        let nothing = json!({});
        let first = begin(&client, "introduce", &nothing);
        assert_eq!(
            first.requests,
            json!({ "name": {
                "method": "elicitation/create",
                "params": {
                    "message": "What is your name?",
                    "requestedSchema": {
                        "type": "object",
                        "properties": { "name": { "type": "string", "description": "Your name" } },
                        "required": ["name"],
                    },
                },
            } })
        );
        let responses = json!({ "name": accept(json!({ "name": "Ann" })) });
        let second = again(&client, "introduce", &nothing, &first.state, responses);
        let second = asked(&second);
        let params = &second.requests["color"]["params"];
        assert_eq!(params["message"], "Which colour do you like best, Ann?");
        assert_eq!(
            params["requestedSchema"]["properties"],
            json!({
                "color": { "type": "string", "enum": ["red", "green"], "description": "Your favourite colour" },
                "stars": { "type": "integer", "minimum": 1, "maximum": 10, "description": "How much you like it" },
            })
        );
        assert_ne!(first.state, second.state);
        // Out of the form's range: it is asked again.
        let responses = json!({ "color": accept(json!({ "color": "green", "stars": 11 })) });
        let third = again(&client, "introduce", &nothing, &second.state, responses);
        let third = asked(&third);
        let responses = json!({ "color": accept(json!({ "color": "green", "stars": 9 })) });
        let last = again(&client, "introduce", &nothing, &third.state, responses);
        assert_eq!(text(&last), "Ann likes green (Some(9))");
    }
}

#[test]
fn invalid_answers_are_asked_again_and_misspelled_ones_are_converted() {
    let host = Host::serve(&Layer::of(["elicits"]));
    let client = host.connect();
    let first = begin(&client, "send", &json!({}));
    let properties = &first.requests["address"]["params"]["requestedSchema"]["properties"];
    assert_eq!(
        properties["country"],
        json!({ "type": "string", "description": "Two capital letters" })
    );
    let answer = |content: Value, state: &str| {
        let responses = json!({ "address": accept(content) });
        again(&client, "send", &json!({}), state, responses)
    };
    let second = answer(json!({ "country": "Germany" }), &first.state);
    let second = asked(&second);
    let message = second.requests["address"]["params"]["message"].as_str();
    insta::assert_snapshot!(message.expect("text"), @r#"
    Where to?

    The last answer was not accepted: /country must be a string that matches the pattern ^[A-Z]{2}$, not "Germany".
    "#);
    host.wait_for_log("the values do not fit the form: /country");
    assert!(!host.log().contains("Germany"), "{}", host.log());
    for (house, sent) in [
        (json!(5.0), "sent to DE Some(5)"),
        (json!("5"), "sent to DE Some(5)"),
        (Value::Null, "sent to DE None"),
    ] {
        let content = json!({ "country": "DE", "house": house });
        assert_eq!(text(&answer(content, &second.state)), sent);
    }
}

#[test]
fn several_questions_are_asked_at_once() {
    let host = Host::serve(&Layer::of(["elicits"]));
    let client = host.connect();
    let first = begin(&client, "welcome", &json!({}));
    assert_eq!(
        first.requests["roots"],
        json!({ "method": "roots/list", "params": {} })
    );
    assert_eq!(
        first.requests["greeting"],
        json!({
            "method": "sampling/createMessage",
            "params": {
                "messages": [{ "role": "user", "content": { "type": "text", "text": "A greeting, please." } }],
                "maxTokens": 50,
                "systemPrompt": "Be brief.",
            },
        })
    );
    let responses = json!({
        "name": accept(json!({ "name": "Ann" })),
        "greeting": {
            "role": "assistant", "model": "m", "content": { "type": "text", "text": "Hello" },
        },
        "roots": { "roots": [{ "uri": "file:///a" }, { "uri": "file:///b", "name": "b" }] },
    });
    let last = again(&client, "welcome", &json!({}), &first.state, responses);
    assert_eq!(
        text(&last),
        "Hello, Ann! You are in file:///a and file:///b."
    );
}

#[test]
fn a_call_begun_on_one_process_is_finished_on_another() {
    let layer = Layer::of(["elicits"]);
    let path = json!({ "path": "a.txt" });
    let one = Host::serve_with(&layer, &[KEY]);
    let rotated = format!("the key of another year that comes first, {}", KEY.1);
    let another = Host::serve_with(&layer, &[("MCP_STATE_KEY", &rotated)]);
    let first = begin(&one.connect(), "delete", &path);
    let message = &first.requests["confirmation"]["params"]["message"];
    assert_eq!(message, "a.txt will be gone.");
    let sure = || json!({ "confirmation": accept(json!({ "sure": true })) });
    let last = again(&another.connect(), "delete", &path, &first.state, sure());
    assert_eq!(text(&last), "a.txt is deleted");
    // Two environments of one function, through different front doors.
    let environments = [FrontDoor::rest_api("prod"), FrontDoor::http_api("$default")]
        .map(|door| Host::lambda_with(&layer, door, &[KEY]));
    let state = begin(&environments[0].connect(), "delete", &path).state;
    let last = again(&environments[1].connect(), "delete", &path, &state, sure());
    assert_eq!(text(&last), "a.txt is deleted");
    // A process that is not a function, or another function, rejects it.
    let refused = again(&one.connect(), "delete", &path, &state, sure()).json();
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    for (action, words) in [
        ("decline", "the user declined to answer \"confirmation\""),
        ("cancel", "the user dismissed \"confirmation\""),
    ] {
        let no = json!({ "confirmation": { "action": action } });
        let last = again(&another.connect(), "delete", &path, &first.state, no);
        assert_eq!(last.json()["result"]["isError"], true, "{}", last.body);
        assert_eq!(text(&last), words);
    }
}

#[test]
fn a_state_of_another_call_is_refused() {
    let layer = Layer::of(["elicits"]);
    let path = json!({ "path": "a.txt" });
    let of =
        |variables: &[_]| Host::lambda_with(&layer, FrontDoor::http_api("$default"), variables);
    let host = of(&[KEY]);
    let client = host.connect();
    let state = begin(&client, "delete", &path).state;
    let sure = || json!({ "confirmation": accept(json!({ "sure": true })) });
    let expiring = of(&[KEY, ("MCP_STATE_TTL_SECONDS", "1")]);
    let expired = begin(&expiring.connect(), "delete", &path).state;
    std::thread::sleep(Duration::from_secs(1));
    let stranger = of(&[("MCP_STATE_KEY", "another key of tests and of nothing else")]);
    let strange = begin(&stranger.connect(), "delete", &path).state;
    for (what, tool, arguments, state) in [
        ("tampered", "delete", &path, format!("{state}-TAMPERED")),
        ("cut", "delete", &path, state[..state.len() - 2].to_owned()),
        ("expired", "delete", &path, expired),
        ("another key's", "delete", &path, strange),
        ("another tool's", "forgetful", &json!({}), state.clone()),
        (
            "of another file",
            "delete",
            &json!({ "path": "b.txt" }),
            state.clone(),
        ),
        (
            "another principal's",
            "delete",
            &path,
            state_of_alice(&layer),
        ),
    ] {
        let answer = again(&client, tool, arguments, &state, sure());
        let body = answer.json();
        assert_eq!(body["error"]["code"], -32602, "{what}: {body}");
    }
    host.wait_for_log("a requestState was rejected");
    let last = again(&client, "delete", &path, &state, sure());
    assert_eq!(text(&last), "a.txt is deleted");
}

#[test]
fn a_state_is_bound_to_the_arguments_as_the_tool_reads_them() {
    let host = Host::serve(&Layer::of(["elicits"]));
    let client = host.connect();
    let path = json!({ "path": "a.txt" });
    let state = begin(&client, "delete", &path).state;
    let mut meta = able();
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    let params = json!({
        "name": "delete", "arguments": path, "requestState": state, "_meta": meta,
        "inputResponses": { "confirmation": accept(json!({ "sure": true })) },
    });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let headers = [
        ("Content-Type", "application/json"),
        ("MCP-Protocol-Version", "2026-07-28"),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", "delete"),
    ];
    // If two members have the same name, one reader uses the first and another the last.
    let own = r#"{"path":"a.txt"}"#;
    let twice = r#"{"path":"b.txt","path":"a.txt"}"#;
    for (arguments, accepted) in [(twice, false), (own, true)] {
        let body = body.to_string().replacen(own, arguments, 1);
        assert!(body.contains(arguments), "{body}");
        let answer = client.send("POST", &headers, &body).json();
        let code = (!accepted).then_some(-32602);
        assert_eq!(
            answer["error"]["code"].as_i64(),
            code,
            "{arguments}: {answer}"
        );
    }
}

/// Returns the state of a call that a gateway's authorizer attributed to Alice.
fn state_of_alice(layer: &Layer) -> String {
    let host = Host::lambda_with(layer, FrontDoor::http_api("$default"), &[KEY]);
    let mut meta = able();
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    let params = json!({ "name": "delete", "arguments": { "path": "a.txt" }, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let headers = json!({
        "content-type": "application/json", "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call", "mcp-name": "delete",
    });
    let answer = host.invoke_as(Some("alice"), "POST", &headers, &body);
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON");
    let state = body["result"]["requestState"].as_str();
    state
        .unwrap_or_else(|| panic!("no state: {body}"))
        .to_owned()
}

#[test]
fn a_question_is_asked_even_if_the_tool_fails() {
    let host = Host::serve(&Layer::of(["elicits"]));
    let client = host.connect();
    for (tool, expected) in [("forgetful", "never mind"), ("hasty", "Ann")] {
        let first = begin(&client, tool, &json!({}));
        let responses = json!({ "name": accept(json!({ "name": "Ann" })) });
        let last = again(&client, tool, &json!({}), &first.state, responses);
        assert_eq!(text(&last), expected);
    }
    // A panic of the tool is still logged as one.
    host.wait_for_log(
        "a call failed after it asked its client for input; the client still gets the questions",
    );
    // An answer is valid only for its question, and this tool changes its question each time.
    let first = begin(&client, "fickle", &json!({}));
    let responses = || json!({ "name": accept(json!({ "name": "Ann" })) });
    let second = again(&client, "fickle", &json!({}), &first.state, responses());
    let third = again(
        &client,
        "fickle",
        &json!({}),
        &asked(&second).state,
        responses(),
    );
    asked(&third);
}

#[test]
fn a_client_that_cannot_be_asked_gets_the_reason() {
    let layer = Layer::of(["elicits"]);
    let host = Host::serve(&layer);
    let client = host.connect();
    // A client of an older revision.
    let told = client.call("introduce", json!({}));
    insta::assert_snapshot!(told.error_text(), @"tool introduce asks its client for input, which needs revision 2026-07-28 of MCP; this client speaks 2025-03-26");
    let told = client.call("ponder", json!({}));
    insta::assert_snapshot!(told.error_text(), @"tool ponder needs the client capability sampling, which this client has not declared; use a client that has it");
    // A client without the capability that the tool requires, and one without an optional capability.
    let answer = client.call_modern("ponder", &json!({}), &capable(json!({ "roots": {} })));
    assert_eq!(answer.status, 400);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], -32021, "{error}");
    assert_eq!(
        error["data"],
        json!({ "requiredCapabilities": { "sampling": {} } })
    );
    let answer = client.call_modern("introduce", &json!({}), &capable(json!({ "roots": {} })));
    insta::assert_snapshot!(text(&answer), @r#"the client cannot be asked for "name": it has not declared the capability elicitation.form; use a client that has it"#);
    let answer = client.call_modern("signIn", &json!({}), &capable(json!({ "elicitation": {} })));
    insta::assert_snapshot!(text(&answer), @r#"the client cannot be asked for "page": it has not declared the capability elicitation.url; use a client that has it"#);
    let first = begin(&client, "signIn", &json!({}));
    assert_eq!(
        first.requests["page"]["params"],
        json!({ "mode": "url", "message": "Please sign in.", "url": "https://example.com/sign-in" })
    );
    let done = json!({ "page": { "action": "accept" } });
    let last = again(&client, "signIn", &json!({}), &first.state, done);
    assert_eq!(text(&last), "signed in, perhaps");
    // Faults of the author are reported to the operator.
    let answer = client.call_modern("impossible", &json!({}), &able());
    let told = text(&answer);
    assert!(
        told.starts_with("the tool asks an invalid question (request id "),
        "{told}"
    );
    host.wait_for_log("\"inner\" is not a string, number, boolean, or choice of strings");
    // Environments share a key only if one is configured.
    let on_lambda = Host::lambda(&layer, FrontDoor::rest_api("prod"));
    let answer = on_lambda
        .connect()
        .call_modern("introduce", &json!({}), &able());
    insta::assert_snapshot!(text(&answer), @"tool introduce asks its client for input, but this server has no key to seal the state; its operator has to set MCP_STATE_KEY");
    on_lambda.wait_for_log("tools cannot ask clients for input");
    on_lambda.wait_for_log("the tool cannot ask its client: MCP_STATE_KEY is not set");
}

#[test]
fn the_documented_tool_asks_as_its_page_shows() {
    const PAGE: &str = "docs/author/elicitation.md";
    let author = AuthorCrate::new(
        "asks-first",
        &manifest(""),
        &documents::code(PAGE, "A tool that asks", "rust").join("\n"),
    );
    let layer = Layer::empty();
    let library = fs_err::read(author.library()).expect("a library");
    layer.put("libasks_first.so", &library);
    let host = Host::serve(&layer);
    let client = host.connect();
    let shown = documents::code(PAGE, "On the wire", "json").join("\n");
    let shown: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&shown)
        .into_iter()
        .collect();
    let requests = documents::code(PAGE, "On the wire", "http").join("\n");
    let requests = requests.split("POST /mcp HTTP/1.1\n").skip(1);
    let mut state = "...".to_owned();
    let mut rounds = 0;
    for (request, shown) in requests.zip(shown.expect("answers in JSON")) {
        let (headers, body) = request.split_once("\n\n").expect("headers, then a body");
        let headers: Vec<_> = headers
            .lines()
            .map(|line| line.split_once(": ").expect("a header"))
            .collect();
        let body = body.replace(
            r#""requestState": "...""#,
            &format!(r#""requestState": "{state}""#),
        );
        let mut answer = client.send("POST", &headers, &body).json();
        let result = answer["result"].as_object_mut();
        let result = result.unwrap_or_else(|| panic!("no result of {body}"));
        result.remove("_meta");
        if let Some(given) = result.get_mut("requestState") {
            state = given.as_str().expect("text").to_owned();
            *given = json!("...");
        }
        assert_eq!(answer, shown);
        rounds += 1;
    }
    assert_eq!(rounds, 2);
}
