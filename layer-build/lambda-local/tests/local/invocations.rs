//! Invocations past the gateways: their chunks, their client context, and Lambda's own API.

use std::fs;

use lambda_local::{Function, InvokeApi, ResponseMode};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{body_of, event, well_behaved};

#[tokio::test]
async fn the_chunks_of_a_stream_are_seen_as_they_come() {
    let function = Function::new(well_behaved().env("MODE", "stream"));
    let place = tempfile::tempdir().expect("a directory");
    let event = event("/stream", &format!("place={}", place.path().display()));
    let started = function.start(event.to_string(), None).await;
    let mut started = started.expect("an answer");
    assert_eq!(started.response_mode(), ResponseMode::Streaming);
    let mut chunks = Vec::new();
    while chunks.last().is_none_or(|chunk| chunk != "one") {
        let chunk = started.chunk().await.expect("no error");
        chunks.push(chunk.expect("a chunk"));
    }
    assert!(chunks.concat().starts_with(b"{"), "{chunks:?}");
    fs::write(place.path().join("go"), "").expect("a file");
    let rest = started.chunk().await.expect("no error");
    assert_eq!(rest.expect("a chunk"), "two");
    assert!(started.chunk().await.expect("no error").is_none());
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error_after_its_chunks() {
    let function = Function::new(well_behaved().env("MODE", "stream"));
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("go"), "").expect("a file");
    let query = format!("place={}&then=exit", place.path().display());
    let started = function
        .start(event("/stream", &query).to_string(), None)
        .await;
    let mut started = started.expect("an answer");
    let error = loop {
        match started.chunk().await {
            Ok(chunk) => assert!(chunk.is_some(), "it has no good end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.error_type(), "Runtime.ExitError");
    assert!(started.chunk().await.expect("no error").is_none());
}

#[tokio::test]
async fn a_buffered_answer_is_one_chunk() {
    let function = Function::new(well_behaved());
    let started = function.start(event("/answer", "").to_string(), None).await;
    let mut started = started.expect("an answer");
    assert_eq!(started.response_mode(), ResponseMode::Buffered);
    let chunk = started.chunk().await.expect("no error");
    let answer: serde_json::Value = serde_json::from_slice(&chunk.expect("a chunk")).expect("JSON");
    assert_eq!(answer["body"], "short and stout");
    assert!(started.chunk().await.expect("no error").is_none());
}

#[tokio::test]
async fn the_function_sees_the_client_context() {
    let function = Function::new(well_behaved());
    let context = json!({ "custom": { "a": "b" } });
    for (sent, seen) in [(Some(context.to_string()), context), (None, json!(null))] {
        let started = function.start(event("/context", "").to_string(), sent);
        let started = started.await.expect("an answer");
        let answer = function.collect(started).await.expect("an answer");
        assert_eq!(body_of(&answer)["custom"], seen["custom"]);
    }
}

#[tokio::test]
async fn lambdas_own_api_invokes_the_function() {
    let function = Function::new(well_behaved());
    let api = InvokeApi::start(function).await.expect("a port");
    let path = "/2015-03-31/functions/any/invocations";
    let echo = event("/echo", "").to_string();
    let fail = event("/fail", "").to_string();
    for (method, path, context, body, status, header) in [
        ("POST", path, "", echo.as_str(), 200, "x-amzn-requestid: "),
        ("POST", path, "e30=", &echo, 200, "x-amzn-requestid: "),
        (
            "POST",
            path,
            "",
            &fail,
            200,
            "x-amz-function-error: Unhandled",
        ),
        (
            "POST",
            path,
            "?",
            &echo,
            400,
            "x-amzn-errortype: InvalidRequestContentException",
        ),
        (
            "GET",
            path,
            "",
            "",
            404,
            "x-amzn-errortype: ResourceNotFoundException",
        ),
        (
            "POST",
            "/",
            "",
            &echo,
            404,
            "x-amzn-errortype: ResourceNotFoundException",
        ),
    ] {
        let address = api.url().replace("http://", "");
        let mut stream = TcpStream::connect(&address).await.expect("a connection");
        let context = match context {
            "" => String::new(),
            context => format!("x-amz-client-context: {context}\r\n"),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{context}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let is_expected = answer.starts_with(&format!("HTTP/1.1 {status} "));
        assert!(
            is_expected && answer.contains(header),
            "{method} {path}: {answer}"
        );
    }
}
