//! A function for tests. Its behaviour depends on the path of each request, and on these environment variables:
//!
//! - `INIT`: `report` posts an init error and exits, `exit` only exits, `hang` never finishes.
//! - `MODE`: `raw` returns the JSON in the body of the request, or the event itself if there is no body; `stream`
//!   streams its responses; `concurrent` requests several events at the same time, as many as Lambda allows.
//!
//! The path `/stream` streams two parts, the second when a file `go` exists in the directory `place`. `then` selects
//! what follows: `exit`, `hang`, or otherwise a regular end of the stream, which creates a file `done`.

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Channel, Full, channel, combinators::UnsyncBoxBody};
use lambda_http::{
    Body, Error, Request, RequestExt, Response,
    lambda_runtime::{self, LambdaEvent},
    request::RequestContext,
    service_fn,
};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match variable("INIT").as_str() {
        "report" => {
            let report =
                json!({ "errorType": "WellBehaved.NoLayer", "errorMessage": "there is no layer" });
            runtime_api("/2018-06-01/runtime/init/error", &report.to_string())?;
            return Err("asked to fail".into());
        }
        "exit" => return Err("asked to exit".into()),
        "hang" => std::future::pending().await,
        _ => {}
    }
    match variable("MODE").as_str() {
        "raw" => lambda_runtime::run(service_fn(raw)).await,
        "stream" => lambda_http::run_with_streaming_response(service_fn(stream)).await,
        "concurrent" => lambda_http::run_concurrent(service_fn(obey)).await,
        _ => lambda_http::run(service_fn(obey)).await,
    }
}

async fn raw(event: LambdaEvent<Value>) -> Result<Value, Infallible> {
    let body = event.payload.get("body").and_then(Value::as_str);
    // A load balancer sends an empty body instead of none.
    Ok(match body.filter(|body| !body.is_empty()) {
        Some(body) => serde_json::from_str(body).unwrap_or_default(),
        None => json!({
            "statusCode": 200,
            "headers": { "content-type": "application/json" },
            "body": event.payload.to_string(),
        }),
    })
}

async fn stream(request: Request) -> Result<Response<UnsyncBoxBody<Bytes, Error>>, Error> {
    if request.raw_http_path() != "/stream" {
        let answer = obey(request).await?;
        return Ok(answer.map(|body| {
            let body = Full::from(body.to_vec()).map_err(|never| match never {});
            body.boxed_unsync()
        }));
    }
    let query = request.query_string_parameters();
    let place = query.first("place").unwrap_or_default().to_owned();
    let then = query.first("then").unwrap_or_default().to_owned();
    let (sender, body) = Channel::new(1);
    tokio::spawn(say(sender, place, then));
    Ok(Response::builder()
        .status(418)
        .header("content-type", "text/plain")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2; Path=/")
        .header("x-process", std::process::id())
        .body(body.boxed_unsync())?)
}

/// Streams the two parts of a response.
async fn say(
    mut sender: channel::Sender<Bytes, Error>,
    place: String,
    then: String,
) -> Result<(), Error> {
    sender.send_data(Bytes::from("one")).await?;
    while !Path::new(&place).join("go").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    match then.as_str() {
        "exit" => exit(),
        "hang" => std::future::pending().await,
        _ => {}
    }
    sender.send_data(Bytes::from("two")).await?;
    Ok(std::fs::write(Path::new(&place).join("done"), "")?)
}

async fn obey(request: Request) -> Result<Response<Body>, Error> {
    let id = request.lambda_context().request_id;
    let path = request.raw_http_path();
    let query = request.query_string_parameters();
    // An HTTP API does not remove its stage from the path.
    match path.strip_prefix("/beta").unwrap_or(path) {
        "/fail" => Err("asked to fail".into()),
        "/panic" => panic!("asked to panic"),
        "/exit" => exit(),
        "/abort" => std::process::abort(),
        "/context" => answer(&serde_json::to_value(
            request.lambda_context().client_context,
        )?),
        "/sleep" => {
            if let Some(place) = query.first("place") {
                arrive(place, &id)?;
            }
            std::future::pending().await
        }
        "/big" => {
            let bytes = query
                .first("bytes")
                .and_then(|bytes| bytes.parse().ok())
                .unwrap_or_default();
            Ok(Response::new("x".repeat(bytes).into()))
        }
        "/binary" => Ok(Response::builder()
            .header("content-type", "application/octet-stream")
            .body(Body::Binary((0..=255).collect()))?),
        "/answer" => Ok(Response::builder()
            .status(418)
            .header("content-type", "text/plain")
            .header("x-multi", "one")
            .header("x-multi", "two")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2; Path=/")
            .header("www-authenticate", "Bearer")
            .body("short and stout".into())?),
        "/print" => {
            std::io::stdout().write_all(b"this on stdout\n")?;
            std::io::stderr().write_all(b"this on stderr\n")?;
            Ok(Response::new(Body::Empty))
        }
        "/meet" => {
            meet(
                query.first("place").unwrap_or_default(),
                query.first("others").unwrap_or_default(),
                &id,
            )
            .await?;
            answer(&json!({ "process": std::process::id() }))
        }
        "/bogus-request-id" => {
            let (status, body) =
                runtime_api("/2018-06-01/runtime/invocation/bogus/response", "{}")?;
            answer(&json!({ "status": status, "body": serde_json::from_str::<Value>(&body)? }))
        }
        "/answer-and-exit" => {
            runtime_api(
                &format!("/2018-06-01/runtime/invocation/{id}/response"),
                "\"my last\"",
            )?;
            exit()
        }
        "/stream-and-exit" => {
            let head = query.first("head").unwrap_or_default();
            let times = query.first("times").and_then(|times| times.parse().ok());
            let trailer = query.first("trailer").unwrap_or_default();
            stream_by_hand(&id, &head.repeat(times.unwrap_or(1)), trailer)?;
            exit()
        }
        "/variables" => answer(&std::env::vars().collect()),
        _ => answer(&echo(&request)),
    }
}

/// Returns everything that the function can see of a request.
fn echo(request: &Request) -> Value {
    let context = request.lambda_context();
    let (stage, domain_name) = match request.request_context() {
        RequestContext::ApiGatewayV1(context) => (context.stage, context.domain_name),
        RequestContext::ApiGatewayV2(context) => (context.stage, context.domain_name),
        _ => (None, None),
    };
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| json!([name.as_str(), value.to_str().unwrap_or("?")]))
        .collect();
    json!({
        "process": std::process::id(),
        "method": request.method().as_str(),
        "path": request.raw_http_path(),
        "uri": request.uri().to_string(),
        "query": request.query_string_parameters().iter().collect::<Vec<_>>(),
        "headers": headers,
        "body": request.body().as_ref(),
        "stage": stage,
        "domainName": domain_name,
        "requestId": context.request_id,
        "arn": context.invoked_function_arn,
        "traceId": context.xray_trace_id,
        "deadline": context.deadline,
    })
}

/// Waits until enough invocations have written their files to the directory.
async fn meet(place: &str, others: &str, id: &str) -> Result<(), Error> {
    let others: usize = others.parse()?;
    arrive(place, id)?;
    while std::fs::read_dir(place)?.count() < others {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Writes a file to a directory that shows that this invocation has begun.
fn arrive(place: &str, id: &str) -> Result<(), Error> {
    Ok(std::fs::write(Path::new(place).join(id), "")?)
}

/// Posts to the Runtime API without the runtime library, and returns the response.
fn runtime_api(path: &str, body: &str) -> Result<(u16, String), Error> {
    let address = variable("AWS_LAMBDA_RUNTIME_API");
    let mut stream = TcpStream::connect(&address)?;
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok((status, body.to_owned()))
}

/// Streams a response without the runtime library, because that does not support trailers. Sends a head, the end of the
/// head (unless the head alone is wanted), a part of the body, and an error in the trailers.
fn stream_by_hand(id: &str, head: &str, trailer: &str) -> Result<(), Error> {
    let address = variable("AWS_LAMBDA_RUNTIME_API");
    let mut stream = TcpStream::connect(&address)?;
    write!(
        stream,
        "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\nlambda-runtime-function-response-mode: streaming\r\n\
         content-type: application/vnd.awslambda.http-integration-response\r\n\
         trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
    )?;
    write!(stream, "{:x}\r\n{head}\r\n", head.len())?;
    if trailer.is_empty() {
        write!(stream, "0\r\n\r\n")?;
    } else {
        // Send the end of the head in two chunks, to test that the reader does not expect it in one.
        write!(stream, "3\r\n\0\0\0\r\n5\r\n\0\0\0\0\0\r\n3\r\none\r\n")?;
        write!(
            stream,
            "0\r\nlambda-runtime-function-error-type: {trailer}\r\n\r\n"
        )?;
    }
    stream.read_to_string(&mut String::new())?;
    Ok(())
}

fn answer(json: &Value) -> Result<Response<Body>, Error> {
    Ok(Response::builder()
        .header("content-type", "application/json")
        .body(json.to_string().into())?)
}

#[expect(clippy::exit, reason = "asked to")]
fn exit() -> ! {
    eprintln!("I was asked to go");
    std::process::exit(3)
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
