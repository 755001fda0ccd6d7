//! Plain HTTP, where bodies may be of any size.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use host::{
    config::Config,
    server::http::bearer_tokens::NewToken,
    server::request::MAX_BODY,
    transport::serve::{HttpServer, ServeError},
};

use crate::folder::Folder;

#[test]
fn a_too_large_body_is_refused_by_a_json_rpc_error() {
    let folder = Folder::of(&["greet"]);
    let config = Config::from_env(|name| {
        (name == "MCP_PLUGIN_DIR").then(|| folder.path().display().to_string())
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let listen = "127.0.0.1:0".parse().expect("an address");
    let server = runtime
        .block_on(HttpServer::start(&config, listen, false))
        .expect("it listens");
    let url = server.url();
    let address = url
        .strip_prefix("http://")
        .and_then(|rest| rest.strip_suffix("/mcp"))
        .expect("host and port");
    let answer = runtime.block_on(async {
        let address = address.to_owned();
        let client = tokio::task::spawn_blocking(move || too_much(&address));
        tokio::select! {
            ended = server.run() => panic!("the server ended: {ended:?}"),
            answer = client => answer.expect("the client ends"),
        }
    });
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.contains("content-type: application/json"),
        "{answer}"
    );
    assert!(answer.contains(r#""code":-32600"#), "{answer}");
    assert!(
        answer.contains("access-control-allow-origin: http://localhost:6274"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_public_address_needs_tokens_or_a_flag() {
    let folder = Folder::of(&["greet"]);
    let tokens = format!("ada:{}", NewToken::random().hash);
    for (tokens, allow_public, serves) in [
        (None, false, false),
        (None, true, true),
        (Some(&tokens), false, true),
    ] {
        let config = Config::from_env(|name| match name {
            "MCP_PLUGIN_DIR" => Some(folder.path().display().to_string()),
            "MCP_BEARER_TOKENS" => tokens.cloned(),
            _ => None,
        });
        let listen = "0.0.0.0:0".parse().expect("an address");
        let started = HttpServer::start(&config, listen, allow_public).await;
        match started {
            Ok(_) => assert!(serves, "{tokens:?}"),
            Err(ServeError::Public(_)) => assert!(!serves, "{tokens:?}"),
            Err(error) => panic!("{error}"),
        }
    }
    // The problem with the tokens is reported, not that none are required.
    let config = Config::from_env(|name| (name == "MCP_BEARER_TOKENS").then(|| "ada".to_owned()));
    let listen = "0.0.0.0:0".parse().expect("an address");
    let refused = HttpServer::start(&config, listen, false).await.err();
    let refused = refused.expect("it does not start").to_string();
    assert!(
        refused.starts_with("MCP_BEARER_TOKENS: entry 1 "),
        "{refused}"
    );
}

/// Returns the answer to one byte too many.
fn too_much(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it is reached");
    let length = MAX_BODY + 1;
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nOrigin: http://localhost:6274\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("the head is sent");
    stream
        .write_all(&vec![b'x'; length])
        .expect("the body is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}
