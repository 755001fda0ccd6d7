//! The DynamoDB table behind the hosts: their requests to it, their connection, and its failures.

use std::{collections::BTreeSet, thread, time::Duration};

use serde_json::json;
use tests::{Dynamo, Fault, Host, Layer, Proxy, documents};

use crate::host::state::{TABLE, call, initialize, modern, post, session, shared_and, text};

/// A row of the table of costs in `docs/operator/sessions.md`: a request, and its requests to DynamoDB in each mode.
type Cost = (&'static str, &'static str, &'static str);

const COSTS: [Cost; 16] = [
    ("`initialize`", "1 PutItem", "1 PutItem"),
    (
        "`tools/list`, `ping`, notifications in a session",
        "0",
        "1 GetItem",
    ),
    ("a call in a session that keeps nothing", "0", "1 GetItem"),
    ("a request of 2026-07-28 that keeps nothing", "0", "0"),
    (
        "a call that reads its session's state",
        "2 GetItem",
        "2 GetItem",
    ),
    (
        "a call that updates its session's state",
        "2 GetItem, 1 PutItem",
        "2 GetItem, 1 PutItem",
    ),
    (
        "a call in a session that makes a handle",
        "1 PutItem",
        "1 GetItem, 1 PutItem",
    ),
    (
        "a call in a session that updates the state of a handle",
        "1 GetItem, 1 PutItem",
        "2 GetItem, 1 PutItem",
    ),
    (
        "a call of 2026-07-28 that makes a handle",
        "1 PutItem",
        "1 PutItem",
    ),
    (
        "a call of 2026-07-28 that updates the state of a handle",
        "1 GetItem, 1 PutItem",
        "1 GetItem, 1 PutItem",
    ),
    (
        "`logging/setLevel`",
        "1 UpdateItem",
        "1 GetItem, 1 UpdateItem",
    ),
    (
        "`logging/setLevel` in another environment than the session began in",
        "1 GetItem, 1 UpdateItem",
        "1 GetItem, 1 UpdateItem",
    ),
    ("DELETE of a session", "1 PutItem", "1 GetItem, 1 PutItem"),
    (
        "the first call of an environment that asks its client, without `MCP_STATE_KEY`",
        "1 GetItem",
        "1 GetItem",
    ),
    (FIRST_OF_ALL, "1 GetItem, 1 PutItem", "1 GetItem, 1 PutItem"),
    (
        "a session or a state that is used, once in a tenth of its life",
        "1 UpdateItem more",
        "1 UpdateItem more",
    ),
];

/// The row that occurs once for each table.
const FIRST_OF_ALL: &str = "the very first of them on a table";

#[test]
fn each_kind_of_request_costs_as_documented() {
    let dynamo = Dynamo::with_table(TABLE);
    let proxy = Proxy::new(dynamo.endpoint());
    let layer = Layer::of(["stateful", "elicits"]);
    let mut operations = BTreeSet::new();
    let mut cost = || {
        let seen = proxy.take_operations();
        operations.extend(seen.keys().cloned());
        let words = seen
            .iter()
            .map(|(operation, times)| format!("{times} {operation}"));
        let words = words.collect::<Vec<_>>().join(", ");
        if words.is_empty() {
            "0".to_owned()
        } else {
            words
        }
    };
    let mut measured: Vec<Vec<String>> = Vec::new();
    // The first request that needs the key creates it.
    let able = json!({ "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} } });
    let first = Host::serve_with(&layer, &shared_and(proxy.endpoint(), &[]));
    first.connect().call_modern("introduce", &json!({}), &able);
    let first_of_all = cost();
    first.connect().call_modern("introduce", &json!({}), &able);
    assert_eq!(cost(), "0");
    for mode in ["lenient", "strict"] {
        let variables = [("MCP_SESSION_MODE", mode)];
        let start = || Host::serve_with(&layer, &shared_and(proxy.endpoint(), &variables));
        let (host, elsewhere) = (start(), start());
        let client = host.connect();
        let mut costs = Vec::new();
        let session = session(&client);
        costs.push(cost());
        post(&client, &session, "tools/list", &json!({}));
        costs.push(cost());
        post(&client, &session, "ping", &json!({}));
        assert_eq!(Some(&cost()), costs.last(), "{mode}");
        // It fails before it stores anything.
        call(&client, &session, "fill", &json!({ "bytes": 1_000_000 }));
        costs.push(cost());
        modern(&client, "fill", &json!({ "bytes": 1_000_000 }));
        client.discover();
        costs.push(cost());
        call(&client, &session, "look", &json!({}));
        costs.push(cost());
        call(&client, &session, "count", &json!({}));
        costs.push(cost());
        let handle = call(&client, &session, "create", &json!({ "value": 0 }));
        costs.push(cost());
        let handle = json!({ "handle": text(&handle) });
        call(&client, &session, "count", &handle);
        costs.push(cost());
        let handle = modern(&client, "create", &json!({ "value": 0 }));
        costs.push(cost());
        let handle = json!({ "handle": text(&handle) });
        modern(&client, "count", &handle);
        costs.push(cost());
        let level = json!({ "level": "info" });
        post(&client, &session, "logging/setLevel", &level);
        costs.push(cost());
        post(&elsewhere.connect(), &session, "logging/setLevel", &level);
        costs.push(cost());
        client.send("DELETE", &[("Mcp-Session-Id", &session)], "");
        costs.push(cost());
        client.call_modern("introduce", &json!({}), &able);
        costs.push(cost());
        costs.push(first_of_all.clone());
        client.call_modern("introduce", &json!({}), &able);
        assert_eq!(cost(), "0", "{mode}: the key is known now");
        measured.push(costs);
    }
    let page = documents::text("docs/operator/sessions.md");
    for (number, (what, lenient, strict)) in COSTS.into_iter().enumerate() {
        let row = format!("| {what} | {lenient} | {strict} |");
        assert!(page.contains(&row), "the page has no row {row}");
        // Another test covers the last row.
        if number < COSTS.len() - 1 {
            let costs = [&measured[0][number], &measured[1][number]];
            assert_eq!(costs, [lenient, strict], "{what}");
        }
    }
    // The documented permissions are exactly those that were used.
    operations.insert("UpdateItem".to_owned());
    let rights = page
        .split_once("\"Action\": ")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(rights, _)| format!("{rights}]"));
    let rights: BTreeSet<String> =
        serde_json::from_str(&rights.expect("a list of actions")).expect("JSON");
    let used = operations
        .iter()
        .map(|operation| format!("dynamodb:{operation}"));
    assert_eq!(rights, used.collect());
}

#[test]
fn a_used_session_survives_a_failed_extension() {
    let dynamo = Dynamo::with_table(TABLE);
    let proxy = Proxy::new(dynamo.endpoint());
    let layer = Layer::of(["stateful"]);
    for (mode, each) in [("lenient", ""), ("strict", "GetItem")] {
        let variables = [
            ("MCP_SESSION_MODE", mode),
            ("MCP_SESSION_TTL_SECONDS", "40"),
        ];
        let host = Host::serve_with(&layer, &shared_and(proxy.endpoint(), &variables));
        let client = host.connect();
        let session = session(&client);
        let ping = || {
            proxy.take_operations();
            let answer = post(&client, &session, "ping", &json!({}));
            assert_eq!(answer.status, 200, "{mode}: {}", answer.body);
            proxy
                .take_operations()
                .into_keys()
                .collect::<Vec<_>>()
                .join(", ")
        };
        let handle = modern(&client, "create", &json!({ "value": 1 }));
        let handle = json!({ "handle": text(&handle) });
        let look = || {
            proxy.take_operations();
            let looked = modern(&client, "look", &handle);
            assert_eq!(looked["structuredContent"]["kept"], 1, "{mode}: {looked}");
            proxy
                .take_operations()
                .into_keys()
                .collect::<Vec<_>>()
                .join(", ")
        };
        let a_tenth = || thread::sleep(Duration::from_millis(5100));
        a_tenth();
        assert_eq!(
            ping(),
            [each, "UpdateItem"].join(", ").trim_start_matches(", "),
            "{mode}"
        );
        assert_eq!(ping(), each, "{mode}");
        assert_eq!(look(), "GetItem, UpdateItem", "{mode}");
        assert_eq!(look(), "GetItem", "{mode}");
        a_tenth();
        for fault in [Fault::Deny, Fault::Hang] {
            proxy.set_only("UpdateItem", fault);
            ping();
            look();
            ping();
        }
        host.wait_for_log(
            "the expiry of tool state cannot be extended; it can be read until it expires",
        );
        host.wait_for_log("the expiry of a session cannot be extended; it is served until it expires error=UpdateItem on table sessions: AccessDeniedException");
        // Once a minute, not each time.
        assert_eq!(host.log().matches("cannot be extended").count(), 2);
        proxy.set(Fault::None);
    }
}

#[test]
fn a_failing_table_loses_no_count_and_is_reported_in_time() {
    let dynamo = Dynamo::with_table(TABLE);
    let proxy = Proxy::new(dynamo.endpoint());
    let layer = Layer::of(["stateful"]);
    let variables = [
        ("MCP_SESSION_MODE", "strict"),
        ("MCP_CALL_TIMEOUT_MS", "3000"),
    ];
    let host = Host::serve_with(&layer, &shared_and(proxy.endpoint(), &variables));
    let client = host.connect();
    let session = session(&client);
    let handle = modern(&client, "create", &json!({ "value": 0 }));
    let handle = json!({ "handle": text(&handle) });
    for fault in [
        Fault::Refuse,
        Fault::Error500,
        Fault::Throttle,
        Fault::Deny,
        Fault::Html,
        Fault::Hang,
    ] {
        proxy.set(fault);
        let begun = std::time::Instant::now();
        let answer = post(&client, &session, "ping", &json!({}));
        assert_eq!(answer.status, 503, "{fault:?}: {}", answer.body);
        assert_eq!(answer.header("retry-after"), Some("1"), "{fault:?}");
        assert_eq!(answer.json()["error"]["code"], -32603, "{fault:?}");
        // A minute is far above all limits of the host.
        assert!(begun.elapsed().as_secs() < 60, "{fault:?}");
        let told = client.call_modern("count", &handle, &json!({}));
        assert_eq!(told.status, 503, "{fault:?}: {}", told.body);
        assert_eq!(told.header("retry-after"), Some("1"), "{fault:?}");
        assert_eq!(told.json()["error"]["code"], -32603, "{fault:?}");
        let refused = client.post(&[], &initialize());
        assert_eq!(refused.status, 503, "{fault:?}: {}", refused.body);
        assert_eq!(refused.header("mcp-session-id"), None, "{fault:?}");
        // Requests that do not need the table still work.
        assert_eq!(
            client.discover()["result"]["resultType"],
            "complete",
            "{fault:?}"
        );
        proxy.set(Fault::None);
    }
    let log = host.log();
    for words in [
        "GetItem on table sessions: ProvisionedThroughputExceededException: as the test wants it",
        "GetItem on table sessions: AccessDeniedException: as the test wants it",
        "GetItem on table sessions: InternalServerError: as the test wants it",
        "GetItem on table sessions: HTTP status 502, which is not a response of DynamoDB",
        // The call's limit applies, not the longer ones of the AWS SDK.
        "error=GetItem on table sessions: timed out after the remaining ",
        "error=PutItem on table sessions: timed out after the remaining ",
    ] {
        assert!(log.contains(words), "{words}\n{log}");
    }
    // One line for each failure, and no other.
    let lines = log.matches("cannot be read or written").count();
    assert_eq!(lines, 6 * 3, "{log}");
    // The session still exists, and no failed call was counted.
    assert_eq!(post(&client, &session, "ping", &json!({})).status, 200);
    let looked = modern(&client, "look", &handle);
    assert_eq!(looked["structuredContent"]["kept"], 0);
}

#[test]
fn a_call_that_fails_by_itself_reports_its_own_error() {
    let dynamo = Dynamo::with_table(TABLE);
    let proxy = Proxy::new(dynamo.endpoint());
    let host = Host::serve_with(
        &Layer::of(["stateful", "elicits"]),
        &shared_and(proxy.endpoint(), &[]),
    );
    let client = host.connect();
    let handle = modern(&client, "create", &json!({ "value": 0 }));
    let handle = text(&handle).to_owned();
    let shrug = |passes: bool| {
        let arguments = json!({ "passes": passes, "handle": handle });
        client.call_modern("shrug", &arguments, &json!({}))
    };
    let own = |answer: &tests::Answer| {
        let result = answer.json()["result"].clone();
        assert_eq!(result["content"][0]["text"], "no such city", "{result}");
    };
    own(&shrug(true));
    proxy.set(Fault::Deny);
    own(&shrug(false));
    assert_eq!(shrug(true).status, 503);
    // If the key is in the table, the missing part is the key, not the session.
    let able = json!({ "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} } });
    let told = client.call_modern("introduce", &json!({}), &able);
    assert_eq!(told.status, 503, "{}", told.body);
    insta::assert_snapshot!(told.json()["error"]["message"], @r#""tools cannot ask clients for input at the moment; try again""#);
    host.wait_for_log("the key that seals requestState cannot be read from the table");
}

#[test]
fn stored_state_is_not_logged() {
    let dynamo = Dynamo::with_table(TABLE);
    let layer = Layer::of(["stateful"]);
    let level = ("AWS_LAMBDA_LOG_LEVEL", "TRACE");
    let host = Host::serve_with(&layer, &shared_and(dynamo.endpoint(), &[level]));
    let client = host.connect();
    let session = session(&client);
    let set = json!({ "value": "a private matter", "ends": "well" });
    text(&call(&client, &session, "set", &set));
    let looked = call(&client, &session, "look", &json!({}));
    assert_eq!(looked["structuredContent"]["kept"], "a private matter");
    let handle = modern(&client, "create", &json!({ "value": "a private matter" }));
    let log = host.log();
    assert!(log.contains("serving"), "{log}");
    for secret in ["a private matter", &session, text(&handle)] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn lost_answers_of_the_table_neither_lose_nor_repeat_a_count() {
    let dynamo = Dynamo::with_table(TABLE);
    let proxy = Proxy::new(dynamo.endpoint());
    let strict = [("MCP_SESSION_MODE", "strict")];
    let host = Host::serve_with(
        &Layer::of(["stateful"]),
        &shared_and(proxy.endpoint(), &strict),
    );
    let client = host.connect();
    let session = session(&client);
    let handle = modern(&client, "create", &json!({ "value": 0 }));
    let handle = json!({ "handle": text(&handle) });
    proxy.set(Fault::LoseEveryThird);
    for turn in 1..=30 {
        let counted = call(&client, &session, "count", &json!({}));
        assert_eq!(text(&counted), turn.to_string());
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let client = host.connect();
                for _ in 0..10 {
                    text(&modern(&client, "count", &handle));
                }
            });
        }
    });
    proxy.set(Fault::None);
    let looked = modern(&client, "look", &handle);
    assert_eq!(looked["structuredContent"]["kept"], 40);
}

#[test]
fn a_missing_table_is_reported_and_fails_only_calls_that_need_it() {
    let dynamo = Dynamo::with_table(TABLE);
    let layer = Layer::of(["stateful"]);
    let nobody_listens = "http://127.0.0.1:1";
    for (endpoint, words) in [
        (dynamo.endpoint(), "ResourceNotFoundException"),
        (nobody_listens, "GetItem on table elsewhere: "),
    ] {
        let host = Host::serve_with(
            &layer,
            &shared_and(endpoint, &[("MCP_SESSION_TABLE", "elsewhere")]),
        );
        let client = host.connect();
        let never = "c232ab00-9414-41ec-b3c8-9f6bdeced846";
        // An unknown session is served until something is stored for it.
        assert_eq!(post(&client, never, "tools/list", &json!({})).status, 200);
        let params = json!({ "name": "count", "arguments": {} });
        let counted = post(&client, never, "tools/call", &params);
        assert_eq!(counted.status, 503, "{}", counted.body);
        host.wait_for_log(words);
    }
}

#[test]
fn missing_settings_of_the_table_are_reported_in_one_line() {
    let layer = Layer::of(["stateful"]);
    // Without a profile.
    let nowhere = ("HOME", "/nonexistent");
    // EC2's metadata service is not used.
    let no_instance = ("AWS_EC2_METADATA_DISABLED", "true");
    let table = ("MCP_SESSION_TABLE", TABLE);
    for (variables, words) in [
        (
            vec![table, nowhere, no_instance],
            "PutItem on table sessions: no AWS region is configured; set AWS_REGION",
        ),
        (
            vec![table, nowhere, no_instance, ("AWS_REGION", "us-east-1")],
            "PutItem on table sessions: ",
        ),
    ] {
        let host = Host::serve_with(&layer, &variables);
        let client = host.connect();
        let told = client.call_modern("create", &json!({ "value": 1 }), &json!({}));
        assert_eq!(told.status, 503, "{}", told.body);
        host.wait_for_log(words);
        let log = host.log();
        let started = |line: &&str| line.contains("INFO") || line.starts_with("listening");
        let lines = log.lines().filter(|line| !started(line));
        assert_eq!(lines.count(), 1, "{log}");
    }
}

#[test]
fn the_table_is_reached_over_tls_with_the_configured_authority() {
    let dynamo = Dynamo::with_table(TABLE);
    let (proxy, authority) = Proxy::with_tls(dynamo.endpoint());
    let layer = Layer::of(["stateful"]);
    let file = |name: &str, text: &str| {
        let path = layer.plugin_dir().with_file_name(name);
        fs_err::write(&path, text).expect("a file");
        path.to_string_lossy().into_owned()
    };
    let (good, none) = (file("good.pem", &authority), file("none.pem", "nothing"));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let broken = file("broken.pem", broken);
    for (variables, refusal) in [
        (vec![("AWS_CA_BUNDLE", good.as_str())], None),
        (vec![("SSL_CERT_FILE", good.as_str())], None),
        (
            vec![],
            Some("PutItem on table sessions: dispatch failure: io error: "),
        ),
        (
            vec![("AWS_CA_BUNDLE", none.as_str())],
            Some("none.pem has no certificates"),
        ),
        (
            vec![("AWS_CA_BUNDLE", broken.as_str())],
            Some("AWS_CA_BUNDLE: "),
        ),
        (
            vec![("AWS_CA_BUNDLE", "/nonexistent")],
            Some("AWS_CA_BUNDLE: "),
        ),
    ] {
        let host = Host::serve_with(&layer, &shared_and(proxy.endpoint(), &variables));
        let answer = host.connect().post(&[], &initialize());
        match refusal {
            None => assert_eq!(answer.status, 200, "{variables:?}: {}", host.log()),
            Some(words) => {
                assert_eq!(answer.status, 503, "{variables:?}: {}", answer.body);
                assert!(!host.log().contains("panic"), "{}", host.log());
                host.wait_for_log(words);
            }
        }
    }
}
