//! HTTP as bytes: heads that RFC 9112 forbids, and clients that are slow, or half there.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use serde_json::{Value, json};
use tests::{Host, Layer};

/// The size of a large body, a little below the limit. Unit: bytes.
const LARGE: usize = 6 * 1024 * 1024 - 1000;

/// The number of slow clients. All their bodies are much more than the host may keep.
const CLIENTS: usize = 64;

/// More than the bytes in flight (60 MiB) and the host itself. Unit: megabytes.
const BOUND: u64 = 160;

fn connect(host: &Host) -> TcpStream {
    let address = host.url().trim_start_matches("http://");
    let address = address.trim_end_matches("/mcp");
    TcpStream::connect(address).expect("the host listens")
}

fn ping() -> String {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string()
}

/// Returns a request with these lines of the head.
fn request(target: &str, lines: &[&str], body: &str) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("POST {target} HTTP/1.1\r\n{lines}\r\n{body}")
}

/// Sends bytes, and returns everything that comes back until the host closes the connection.
fn exchange(host: &Host, bytes: &str) -> String {
    let mut stream = connect(host);
    stream.write_all(bytes.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok());
    status.unwrap_or_else(|| panic!("no status in {answer:?}"))
}

#[test]
fn heads_are_read_as_rfc_9112_says() {
    let host = Host::serve(&Layer::of(["custom-tools"]));
    let body = ping();
    let length = format!("Content-Length: {}", body.len());
    let (close, local) = ("Connection: close", "Host: localhost");
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let coded = "Transfer-Encoding: gzip, chunked";
    for (request, expected) in [
        (request("/mcp", &[local, close, &length], &body), 200),
        (request("/mcp", &[close, &length], &body), 400),
        (
            request("/mcp", &[local, "Host: localhost", close, &length], &body),
            400,
        ),
        (
            request("http://localhost/mcp", &[local, close, &length], &body),
            200,
        ),
        (
            request("http://evil.example/mcp", &[local, close, &length], &body),
            403,
        ),
        (
            request("/mcp", &["Host: [[[127.0.0.1]]]", close, &length], &body),
            403,
        ),
        (
            request(
                "/mcp",
                &[local, close, "Transfer-Encoding: chunked"],
                &chunked,
            ),
            200,
        ),
        (request("/mcp", &[local, close, coded], &chunked), 501),
        (
            request(
                "/mcp",
                &[local, close, &length, "Content-Encoding: gzip"],
                &body,
            ),
            415,
        ),
        (
            format!("HEAD /health HTTP/1.1\r\n{local}\r\n{close}\r\n\r\n"),
            200,
        ),
    ] {
        let answer = exchange(&host, &request);
        assert_eq!(status(&answer), expected, "{request}\n{answer}");
    }
}

#[test]
fn clients_that_keep_back_a_byte_fill_no_memory() {
    let host = Host::serve(&Layer::of(["custom-tools"]));
    let head = request(
        "/mcp",
        &["Host: localhost", &format!("Content-Length: {LARGE}")],
        "",
    );
    let all_but_one = vec![b' '; LARGE - 1];
    let slow: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut stream = connect(&host);
            stream.write_all(head.as_bytes()).expect("sent");
            // The host refuses bodies beyond its limit while they come.
            let _ = stream.write_all(&all_but_one);
            stream
        })
        .collect();
    let answer = host.connect().call("greet", json!({ "name": "Ada" }));
    assert!(answer.text().contains("Ada"));
    let peak = host.peak_memory_mb();
    assert!(peak < BOUND, "{peak} MB for {} clients", slow.len());
}

#[test]
fn a_slow_client_gets_its_whole_response_although_the_host_ends() {
    let host = Host::serve(&Layer::of(["large-results"]));
    let params = json!({ "name": "fill", "arguments": { "bytes": LARGE } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let body = call.to_string();
    let length = format!("Content-Length: {}", body.len());
    let mut stream = connect(&host);
    let request = request(
        "/mcp",
        &["Host: localhost", "Connection: close", &length],
        &body,
    );
    stream.write_all(request.as_bytes()).expect("sent");
    // Most of the response is still in the host.
    let mut first = [0];
    stream.read_exact(&mut first).expect("a response");
    let reading = std::thread::spawn(move || {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).map(|_| rest)
    });
    assert_eq!(host.terminate().0, Some(0));
    let rest = reading.join().expect("a thread").expect("the rest");
    let text = String::from_utf8(rest).expect("UTF-8");
    let (_, body) = text.split_once("\r\n\r\n").expect("a body");
    let answer: Value = serde_json::from_str(body).expect("a whole message");
    let text = answer["result"]["content"][0]["text"].as_str();
    assert_eq!(text.map(str::len), Some(LARGE));
}

#[test]
fn connections_without_a_request_do_not_hold_up_the_end() {
    let host = Host::serve(&Layer::of(["custom-tools"]));
    let mut idle = Vec::new();
    for sent in ["", "POST /mc", "POST /mcp HTTP/1.1\r\nHost: loc"] {
        let mut stream = connect(&host);
        stream.write_all(sent.as_bytes()).expect("sent");
        idle.push(stream);
    }
    // One of them is half closed.
    let half = idle.first().expect("a connection");
    half.shutdown(Shutdown::Write).expect("half closed");
    assert!(!host.connect().list().is_empty());
    let (code, log) = host.terminate();
    assert_eq!(code, Some(0));
    assert!(!log.contains("shutdown timed out"), "{log}");
}

/// A call of a tool that answers after so many milliseconds.
fn later(milliseconds: u64, modern: bool) -> String {
    let arguments = json!({ "text": "hi", "milliseconds": milliseconds });
    let mut params = json!({ "name": "later", "arguments": arguments });
    let mut lines = vec!["Host: localhost", "Connection: close"];
    if modern {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        lines.extend([
            "MCP-Protocol-Version: 2026-07-28",
            "Mcp-Method: tools/call",
            "Mcp-Name: later",
        ]);
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let body = body.to_string();
    let length = format!("Content-Length: {}", body.len());
    lines.push(&length);
    request("/mcp", &lines, &body)
}

#[test]
fn a_client_that_ends_its_input_gets_its_response() {
    let host = Host::serve(&Layer::of(["async-tools"]));
    let mut stream = connect(&host);
    stream
        .write_all(later(300, false).as_bytes())
        .expect("sent");
    stream.shutdown(Shutdown::Write).expect("half closed");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains(r#""text":"hi""#), "{answer}");
}

#[test]
fn a_modern_client_that_hangs_up_cancels_its_call() {
    let host = Host::serve(&Layer::of(["async-tools"]));
    let mut stream = connect(&host);
    // Longer than this test waits for the log.
    stream
        .write_all(later(600_000, true).as_bytes())
        .expect("sent");
    // The tool runs when another call of its plugin has been answered.
    let text = host
        .connect()
        .call("later", json!({ "text": "x", "milliseconds": 1 }));
    assert_eq!(text.text(), "x");
    drop(stream);
    host.wait_for_log("abandoned");
}
