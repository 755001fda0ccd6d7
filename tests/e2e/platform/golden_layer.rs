//! A layer of an earlier build, and a plugin that an author wrote for an earlier SDK: both work with this host.
//!
//! `tests/golden/layer.zip` was built from commit 760749f by
//! `cargo layer build -p custom-tools -p time-tools -p todo-tools`. It is never built again: every host must load it.
//! (`http-tools` is left out for its size.)

use serde_json::{Value, json};
use tests::{Client, FrontDoor, Host, Layer, Retry, repository, sha256, standalone};

/// SHA-256 of the golden layer.
const GOLDEN: &str = "168fef38fb3b7b35d07735e9ea17cd453f5b771d2d6906607139992d1959ef80";

fn golden() -> Layer {
    let zip = repository().join("tests/golden/layer.zip");
    assert_eq!(
        sha256(&zip),
        GOLDEN,
        "the golden layer is never built again"
    );
    Layer::from_archive(&zip)
}

/// Returns the text of a call that succeeded.
fn text(client: &Client<'_>, tool: &str, arguments: Value) -> String {
    client.call(tool, arguments).text().to_owned()
}

/// Returns the structured content of a call that succeeded, which older clients get as text.
fn structured(client: &Client<'_>, tool: &str, arguments: Value) -> Value {
    let text = text(client, tool, arguments);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn every_tool_of_the_golden_layer_is_listed_and_answers() {
    let layer = golden();
    for host in [
        Host::serve(&layer),
        Host::lambda_with_one_environment(&layer, FrontDoor::http_api("$default"), &[]),
    ] {
        let client = host.connect();
        let tools = [
            ["greet", "multiply", "add", "currentTime"],
            ["convertTime", "addToDate", "daysBetween", "addTodo"],
        ];
        let todo = ["listTodos", "finishTodo", "clearTodos"];
        assert_eq!(client.list(), [&tools.concat(), todo.as_slice()].concat());
        assert_eq!(host.health()["status"], "ok");

        assert_eq!(
            text(&client, "greet", json!({ "name": "Ada" })),
            "Hello, Ada!"
        );
        assert_eq!(text(&client, "multiply", json!({ "x": "6", "y": 7 })), "42");
        assert_eq!(text(&client, "add", json!({ "a": 6, "b": 7 })), "13");
        let refused = client.call("multiply", json!({ "x": 5 }));
        assert_eq!(
            refused.error_text(),
            "Invalid arguments for tool multiply: /y is missing (it must be an integer)"
        );

        let now = structured(&client, "currentTime", json!({ "time_zone": "Asia/Tokyo" }));
        assert!(now.to_string().contains("Asia/Tokyo"), "{now}");
        let converted = structured(
            &client,
            "convertTime",
            json!({ "time": "2026-11-23T09:30:00Z", "to": ["Asia/Tokyo"] }),
        );
        assert!(converted.to_string().contains("18:30"), "{converted}");
        let sum = json!({ "to": "2026-01-31", "span": "1 month" });
        assert_eq!(text(&client, "addToDate", sum), "2026-02-28 (Saturday)");
        let dates = json!({ "from": "2024-02-28", "until": "2024-03-01" });
        assert_eq!(structured(&client, "daysBetween", dates)["days"], 2);
    }
}

#[test]
fn the_golden_layer_keeps_its_lists_in_memory_between_calls() {
    let layer = golden();
    let host = Host::serve(&layer);
    let client = host.connect();
    let list = structured(&client, "addTodo", json!({ "text": "test" }))["list"].clone();
    assert!(list.is_string(), "{list}");
    let second = json!({ "text": "release", "list": list });
    structured(&client, "addTodo", second);
    let finished = json!({ "number": 1, "list": list });
    structured(&client, "finishTodo", finished);
    let items = json!([{ "text": "test", "done": true }, { "text": "release", "done": false }]);
    let of_list = json!({ "list": list });
    let listed = structured(&client, "listTodos", of_list.clone());
    assert_eq!(listed["items"], items);
    structured(&client, "clearTodos", of_list.clone());
    assert_eq!(
        structured(&client, "listTodos", of_list)["items"],
        json!([])
    );
    let unknown = client.call("listTodos", json!({ "list": "never given out" }));
    assert!(!unknown.error_text().is_empty());
}

#[test]
fn a_plugin_of_an_author_compiles_and_answers() {
    let layer = Layer::from_library(&standalone("author", None));
    let host = Host::serve_with(
        &layer,
        &[("MCP_STATE_KEY", "a key of tests and of nothing else at all")],
    );
    let client = host.connect();
    let tools = [
        "distance", "repeat", "count", "keepNote", "readNote", "askName",
    ];
    assert_eq!(client.list(), tools);

    let (here, there) = (
        json!({ "latitude": 0, "longitude": 0 }),
        json!({ "latitude": 3, "longitude": "4" }),
    );
    let way = json!({ "from": here, "to": there, "unit": "miles" });
    let expected = json!({ "value": 345.0, "unit": "miles" });
    assert_eq!(structured(&client, "distance", way), expected);
    let nowhere = client.call("distance", json!({ "from": here, "to": here }));
    assert_eq!(nowhere.error_text(), "both places are the same");
    let beyond = json!({ "from": here, "to": { "latitude": 91, "longitude": 0 } });
    let beyond = client.call("distance", beyond);
    assert!(beyond.error_text().contains("/to/latitude"), "{beyond:?}");

    assert_eq!(text(&client, "repeat", json!({ "text": "so" })), "so so");
    host.wait_for_log("repeated 2 times");
    assert_eq!(text(&client, "count", json!({})), "1");
    assert_eq!(text(&client, "count", json!({})), "2");

    let handle = text(&client, "keepNote", json!({ "note": "milk" }));
    assert_eq!(
        text(&client, "readNote", json!({ "handle": handle })),
        "milk"
    );
    let unknown = client.call("readNote", json!({ "handle": "none" }));
    assert_eq!(unknown.error_text(), "there is no such note");

    let able = json!({ "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} } });
    let asked = client.call_modern("askName", &json!({}), &able).json();
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let retry = Retry {
        state: asked["result"]["requestState"].as_str(),
        responses: json!({ "name": { "action": "accept", "content": { "name": "Ada" } } }),
    };
    let answer = client
        .call_again("askName", &json!({}), &able, &retry)
        .json();
    let greeting = &answer["result"]["content"][0]["text"];
    assert_eq!(greeting, "Hello, Ada!", "{answer}");
}
