//! The plugin that fetches from the web, through the real host.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener},
    thread,
};

use serde_json::json;
use tests::{Host, Layer};

/// Starts a web server of one page, and returns its port.
fn page(text: &'static str) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let request = BufReader::new(stream.try_clone().expect("a handle")).lines();
            // The head ends with an empty line.
            let _ = request
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .count();
            let length = text.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{text}"
            );
        }
    });
    port
}

#[test]
fn only_allowed_local_addresses_are_fetched() {
    let port = page(r#"{"items":[{"name":"first"}]}"#);
    let allow = format!("127.0.0.1:{port}");
    let host = Host::serve_with(&Layer::of(["http-tools"]), &[("HTTP_TOOLS_ALLOW", &allow)]);
    let client = host.connect();

    let url = format!("http://127.0.0.1:{port}/");
    let fetched = client.call("fetch", json!({ "url": url, "max_bytes": 9 }));
    let fetched: serde_json::Value = serde_json::from_str(fetched.text()).expect("JSON");
    assert_eq!(fetched["text"], r#"{"items":"#);
    assert_eq!(fetched["truncated"], true);

    let part = client.call(
        "fetchJson",
        json!({ "url": url, "pointer": "/items/0/name" }),
    );
    let part: serde_json::Value = serde_json::from_str(part.text()).expect("JSON");
    assert_eq!(part["value"], "first");

    for forbidden in [
        format!("http://127.0.0.1:{}/", port.wrapping_add(1)),
        format!("http://localhost:{}/", port.wrapping_add(1)),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let refused = client.call("fetch", json!({ "url": forbidden }));
        println!("{}", refused.error_text());
    }
}

#[test]
fn an_invalid_exception_is_reported_to_the_operator() {
    let layer = Layer::of(["http-tools"]);
    let host = Host::serve_with(&layer, &[("HTTP_TOOLS_ALLOW", "wiki.internal")]);
    let outcome = host
        .connect()
        .call("fetch", json!({ "url": "https://example.com/" }));
    let text = outcome.error_text();
    assert!(
        text.starts_with("tool fetch failed unexpectedly (request id "),
        "{text}"
    );
    host.wait_for_log("HTTP_TOOLS_ALLOW");
}
