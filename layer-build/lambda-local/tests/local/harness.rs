//! The function under test, events for it, and a client for the gateways.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use lambda_local::{FrontDoor, Function, FunctionConfig, Gateway, Invocation};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinHandle};

pub(crate) const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Returns the configuration of `examples/well_behaved_runtime.rs`.
pub(crate) fn well_behaved() -> FunctionConfig {
    FunctionConfig::new(example("well_behaved_runtime"))
}

/// Starts every kind of front door, APIs with and without a stage in the URL, each before a function of its own.
pub(crate) async fn all_front_doors(config: &FunctionConfig) -> Vec<Gateway> {
    let mut gateways = Vec::new();
    for front_door in [
        FrontDoor::rest_api("prod"),
        FrontDoor::http_api("$default"),
        FrontDoor::http_api("beta"),
        FrontDoor::function_url(),
        FrontDoor::LoadBalancer { multi_value: true },
    ] {
        gateways.push(open(config.clone(), front_door).await);
    }
    gateways
}

/// Starts a gateway on a free port before a new function.
pub(crate) async fn open(config: FunctionConfig, front_door: FrontDoor) -> Gateway {
    Gateway::start(Function::new(config), front_door, ANY_PORT)
        .await
        .expect("a gateway")
}

/// Returns the smallest event that lambda_http accepts for a request.
pub(crate) fn event(path: &str, query: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {},
        "requestContext": { "http": { "method": "GET", "path": path }, "stage": "$default" },
        "isBase64Encoded": false,
    })
}

/// Returns the JSON in the body of the HTTP answer inside a function's answer.
pub(crate) fn body_of(answer: &Invocation) -> Value {
    let answer = answer.json().expect("JSON");
    serde_json::from_str(answer["body"].as_str().expect("a body")).expect("JSON in the body")
}

/// An HTTP answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "{error}: {} {}",
                self.status,
                String::from_utf8_lossy(&self.body)
            )
        })
    }

    pub(crate) fn all(&self, header: &str) -> Vec<&str> {
        self.headers
            .get_all(header)
            .iter()
            .map(|value| value.to_str().expect("text"))
            .collect()
    }
}

/// An HTTP answer after its head has been read.
pub(crate) struct Started {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Started {
    /// Returns the next chunk of the body.
    pub(crate) async fn chunk(&mut self) -> Bytes {
        let frame = self.body.frame().await.expect("more of the body");
        frame.expect("a whole chunk").into_data().expect("data")
    }

    /// Reads the rest of the body, unless the connection is cut.
    pub(crate) async fn rest(self) -> hyper::Result<Bytes> {
        Ok(self.body.collect().await?.to_bytes())
    }

    /// Closes the connection without waiting for the rest.
    pub(crate) async fn hang_up(self) {
        drop(self.body);
        self.connection.abort();
        // The socket is closed only once the task is gone.
        let _ = self.connection.await;
    }
}

/// Gets a path behind the gateway's base URL, to read the answer as it comes.
pub(crate) async fn start(gateway: &Gateway, path: &str) -> Started {
    let request = under_base_url(gateway, Request::get(path), b"");
    let (response, connection) = exchange(gateway, request).await;
    let (head, body) = Response::into_parts(response);
    Started {
        status: head.status,
        headers: head.headers,
        body,
        connection,
    }
}

/// Gets a path behind the gateway's base URL.
pub(crate) async fn get(gateway: &Gateway, path: &str) -> Answer {
    request(gateway, Request::get(path), b"").await
}

/// Posts a body to a path behind the gateway's base URL.
pub(crate) async fn post(gateway: &Gateway, path: &str, content_type: &str, body: &[u8]) -> Answer {
    request(
        gateway,
        Request::post(path).header("content-type", content_type),
        body,
    )
    .await
}

/// Sends a request with a path behind the gateway's base URL.
pub(crate) async fn request(
    gateway: &Gateway,
    request: http::request::Builder,
    body: &[u8],
) -> Answer {
    send(gateway, under_base_url(gateway, request, body)).await
}

/// Sends a request with a whole path.
pub(crate) async fn send(gateway: &Gateway, request: Request<Full<Bytes>>) -> Answer {
    let (response, connection) = exchange(gateway, request).await;
    let (head, body) = Response::into_parts(response);
    let body = body
        .collect()
        .await
        .expect("a whole answer")
        .to_bytes()
        .to_vec();
    connection.abort();
    Answer {
        status: head.status,
        headers: head.headers,
        body,
    }
}

fn under_base_url(
    gateway: &Gateway,
    request: http::request::Builder,
    body: &[u8],
) -> Request<Full<Bytes>> {
    let host = gateway.address().to_string();
    let base = gateway
        .url()
        .strip_prefix("http://")
        .and_then(|url| url.strip_prefix(&host))
        .expect("a base URL");
    let mut request = request.body(Full::from(body.to_vec())).expect("a request");
    *request.uri_mut() = format!("{base}{}", request.uri()).parse().expect("a path");
    request
}

async fn exchange(
    gateway: &Gateway,
    mut request: Request<Full<Bytes>>,
) -> (Response<Incoming>, JoinHandle<hyper::Result<()>>) {
    let host = gateway.address().to_string();
    request
        .headers_mut()
        .insert("host", host.parse().expect("a host"));
    let stream = TcpStream::connect(gateway.address())
        .await
        .expect("a connection");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .expect("a handshake");
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.expect("an answer");
    (response, connection)
}

/// Waits until a process has left its mark in a directory, or fails.
pub(crate) async fn arrival(place: &Path) {
    for _ in 0..1_000 {
        if std::fs::read_dir(place).expect("a directory").count() > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no process left its mark in {}", place.display());
}

/// Waits until there is a file, or fails.
pub(crate) async fn file(path: &Path) {
    for _ in 0..1_000 {
        if path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("there is no {}", path.display());
}

/// Waits until a process is gone, or fails.
pub(crate) async fn gone(process: u32) {
    let path = format!("/proc/{process}/stat");
    for _ in 0..1_000 {
        match std::fs::read_to_string(&path) {
            Err(_) => return,
            // A zombie runs no more; whether it has been waited for is not its own doing.
            Ok(stat)
                if stat
                    .rsplit(')')
                    .next()
                    .is_some_and(|rest| rest.trim_start().starts_with('Z')) =>
            {
                return;
            }
            Ok(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("process {process} is still there");
}

fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("our own path");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("target/PROFILE/deps/TEST");
    let example = profile.join("examples").join(name);
    assert!(
        example.exists(),
        "{} is missing; run `cargo build --examples -p lambda-local`",
        example.display()
    );
    example
}
