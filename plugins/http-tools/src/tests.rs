//! Tests of the tools against servers of this machine. Only these tests know their names.

mod server;

mod pages;
mod parts;
mod places;
mod troubles;

use self::server::{Names, Reply, Server};
use crate::{Client, FetchError, Page, read};

/// Fetches with the defaults.
async fn get(client: &Client, url: impl Into<String>) -> Result<Page, FetchError> {
    get_up_to(client, url, None).await
}

async fn get_up_to(
    client: &Client,
    url: impl Into<String>,
    max_bytes: Option<u32>,
) -> Result<Page, FetchError> {
    read::page(client, &url.into(), max_bytes.unwrap_or(40_000), None).await
}

/// The message for the model, with the ports of this run replaced.
fn message(error: &FetchError, servers: &[&Server]) -> String {
    servers.iter().fold(error.to_string(), |text, server| {
        text.replace(&format!(":{}", server.port), ":PORT")
    })
}
