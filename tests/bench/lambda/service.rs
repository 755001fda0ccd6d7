//! A service on this machine, which answers at once, for tools that call one.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
};

use http_body_util::Full;
use hyper::{
    Response,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// The answer to every request: DynamoDB's answer to `ListTables`, which is JSON for others as well.
const ANSWER: &str = r#"{"TableNames":["orders"]}"#;

/// The table in the answer.
pub(crate) const TABLE: &str = "orders";

/// Starts the service.
pub(crate) async fn start() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let service = service_fn(async |_: hyper::Request<Incoming>| {
                let response = Response::builder().header(CONTENT_TYPE, "application/json");
                let response = response.body(Full::<Bytes>::from(ANSWER));
                Ok::<_, Infallible>(response.unwrap_or_default())
            });
            // The task ends with its client.
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
        }
    });
    Ok(address)
}
