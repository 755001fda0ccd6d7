//! Streamed responses: by `serve`, and on Lambda with `MCP_RESPONSE_MODE=stream`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};
use tests::{
    Environment, FrontDoor, Host, Layer, http_api_event, node_client, output_of, python_client,
};

/// Returns a call of a client of revision 2026-07-28.
fn call(tool: &str, arguments: &Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": 1,
    });
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params })
}

fn headers(tool: &str) -> Value {
    json!({
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": tool,
    })
}

/// A call over a separate connection, and its response as it arrives.
struct Open(BufReader<TcpStream>);

impl Open {
    fn call(host: &Host, tool: &str) -> Self {
        let address = host.url().trim_start_matches("http://");
        let address = address.trim_end_matches("/mcp");
        let body = call(tool, &json!({})).to_string();
        let mut request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers(tool).as_object().expect("headers") {
            request += &format!("{name}: {}\r\n", value.as_str().expect("a text"));
        }
        let mut stream = TcpStream::connect(address).expect("the host listens");
        write!(stream, "{request}\r\n{body}").expect("it is sent");
        Self(BufReader::new(stream))
    }

    /// Returns the next message.
    fn message(&mut self) -> Value {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).expect("it can be read");
            assert_ne!(read, 0, "the answer is over");
            if let Some(data) = line.strip_prefix("data: ") {
                return serde_json::from_str(data).expect("a message");
            }
        }
    }
}

#[test]
fn progress_arrives_while_the_tool_runs() {
    let host = Host::serve(&Layer::of(["async-tools"]));
    // It reports its start, and ends when it is called again meanwhile.
    let mut first = Open::call(&host, "meet");
    assert_eq!(first.message()["method"], "notifications/progress");
    let mut second = Open::call(&host, "meet");
    assert_eq!(second.message()["method"], "notifications/progress");
    let leaders =
        [&mut first, &mut second].map(|open| open.message()["result"]["content"][0]["text"].take());
    assert!(
        leaders.contains(&json!("true")) && leaders.contains(&json!("false")),
        "{leaders:?}"
    );
}

#[test]
fn a_client_that_drops_the_stream_cancels_its_call() {
    let host = Host::serve(&Layer::of(["async-tools"]));
    let mut call = Open::call(&host, "withoutLimit");
    assert_eq!(call.message()["method"], "notifications/progress");
    drop(call);
    host.wait_for_log("the tool was dropped");
}

#[test]
fn lambda_gets_progress_while_the_tool_runs() {
    let layer = Layer::of(["async-tools"]);
    let environment = Environment::start(&layer, 2, &[("MCP_RESPONSE_MODE", "stream")]);
    let meet = http_api_event(None, "POST", &headers("meet"), &call("meet", &json!({})));
    let mut one = environment.begin(&meet);
    let begun = one.stream_until(|stream| stream.chunks.len() > 2);
    let prelude = begun.prelude();
    assert_eq!(prelude["statusCode"], 200);
    assert_eq!(prelude["headers"]["content-type"], "text/event-stream");
    assert!(
        begun.body().contains("notifications/progress") && !begun.is_over,
        "{begun:?}"
    );
    let two = environment.begin(&meet);
    for mut invocation in [one, two] {
        let whole = invocation.stream_until(|stream| stream.is_over).body();
        assert!(whole.contains("\"result\""), "{whole}");
    }
}

#[test]
fn four_calls_at_once_wait_for_each_other_and_end_together() {
    let layer = Layer::of(["async-tools"]);
    for mode in ["buffered", "stream"] {
        let environment = Environment::start(&layer, 4, &[("MCP_RESPONSE_MODE", mode)]);
        // None ends before the others have started.
        let of_four = call("meet", &json!({ "of": 4 }));
        let event = http_api_event(None, "POST", &headers("meet"), &of_four);
        let invocations = [(); 4].map(|()| environment.begin(&event));
        let mut leaders = invocations.map(|mut invocation| {
            let body = match mode {
                "stream" => invocation.stream_until(|stream| stream.is_over).body(),
                _ => invocation.answer()["body"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            };
            let mut events = body.lines().filter_map(|line| line.strip_prefix("data: "));
            let answer = events
                .next_back()
                .unwrap_or_else(|| panic!("no event: {body}"));
            let answer: Value = serde_json::from_str(answer).expect("a message");
            answer["result"]["content"][0]["text"].clone()
        });
        leaders.sort_by_key(|leader| leader == "true");
        assert_eq!(leaders, ["false", "false", "false", "true"], "{mode}");
    }
}

/// The output of a client that has followed a tool.
const FOLLOWED: [&str; 4] = ["1 of 3", "2 of 3", "3 of 3", "three steps"];

/// Runs a client that creates, for each reported step, the file that the tool waits for before its next step.
fn follows(mut client: Command, mode: &str, host: &Host) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    client.args([mode, host.url()]).arg(folder.path());
    serde_json::from_str(&output_of(&mut client)).expect("a list of texts")
}

/// Asserts that every client gets every step before the next one; otherwise the tool would not end.
pub(crate) fn is_followed(host: &Host) {
    for mode in ["legacy", "2026-07-28"] {
        let seen = follows(python_client("follow.py"), mode, host);
        assert_eq!(seen, FOLLOWED, "Python, {mode}\n{}", host.log());
    }
    for mode in ["v1", "legacy", "2026-07-28"] {
        let seen = follows(node_client("follow.mjs"), mode, host);
        assert_eq!(seen, FOLLOWED, "TypeScript, {mode}\n{}", host.log());
    }
}

#[test]
fn real_clients_get_each_step_before_the_next() {
    let layer = Layer::of(["async-tools"]);
    let stream = [("MCP_RESPONSE_MODE", "stream")];
    is_followed(&Host::serve(&layer));
    for door in [
        FrontDoor::streaming_function_url(),
        FrontDoor::streaming_rest_api("prod"),
    ] {
        is_followed(&Host::lambda_with(&layer, door, &stream));
    }
}

#[test]
fn a_buffering_front_door_delivers_no_step_early() {
    let layer = Layer::of(["async-tools"]);
    // In both modes of the host, the front door does not forward chunks.
    for mode in ["buffered", "stream"] {
        let variables = [("MCP_RESPONSE_MODE", mode), ("MCP_CALL_TIMEOUT_MS", "1000")];
        let host = Host::lambda_with(&layer, FrontDoor::function_url(), &variables);
        let seen = follows(python_client("follow.py"), "2026-07-28", &host);
        let told = seen.last().expect("an answer");
        assert!(told.starts_with("tool follow timed out"), "{seen:?}");
        assert_eq!(seen[..seen.len() - 1], ["1 of 3"], "{mode}");
    }
}

#[test]
fn lambda_gets_chunks_at_once_and_no_empty_ones() {
    let layer = Layer::of(["async-tools"]);
    let environment = Environment::start(&layer, 1, &[("MCP_RESPONSE_MODE", "stream")]);
    let kind = json!({ "content-type": "application/json" });
    let message = |method: &str| json!({ "jsonrpc": "2.0", "method": method });
    let mut ping = message("ping");
    ping["id"] = 1.into();
    let origin =
        json!({ "origin": "http://localhost:6274", "access-control-request-method": "POST" });
    for (id, method, headers, body, status, answer) in [
        (
            "ping",
            "POST",
            &kind,
            ping,
            200,
            "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
        ),
        (
            "notification",
            "POST",
            &kind,
            message("notifications/initialized"),
            202,
            "\n",
        ),
        ("preflight", "OPTIONS", &origin, json!(null), 200, "\n"),
    ] {
        let mut invocation = environment.begin(&http_api_event(None, method, headers, &body));
        let streamed = invocation.stream_until(|stream| stream.is_over);
        // The head, its end, and the body.
        assert_eq!(streamed.chunks.len(), 3, "{id}");
        assert_eq!(streamed.prelude()["statusCode"], status, "{id}");
        assert_eq!(streamed.body(), answer, "{id}");
    }
    // An unknown event fails with an error that names it, and the next event is answered.
    let error = environment.invoke(&json!("hello"));
    assert!(error["errorMessage"].is_string());
    let mut list = message("tools/list");
    list["id"] = 1.into();
    let mut list = environment.begin(&http_api_event(None, "POST", &kind, &list));
    assert!(
        list.stream_until(|stream| stream.is_over)
            .body()
            .contains("\"tools\"")
    );
}
