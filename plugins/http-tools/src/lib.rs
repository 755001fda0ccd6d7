//! Tools that fetch pages and JSON from the public web, and from nowhere else.
//!
//! A model can be tricked, for example by a page that it has read, into fetching any URL. From Lambda, a URL could lead
//! to credentials, to the interface of the Lambda runtime, or into the network of a company. So:
//!
//! - Only `https:` and `http:`, only GET, no user name or password in the URL. No cookies and no Referer are sent, and
//!   nothing is stored between requests. An `https:` page may redirect to an `http:` page, as in a browser; `url` in
//!   the result shows that.
//! - Only public addresses. A name is looked up once, all of its addresses are checked, and the connection goes to a
//!   checked one. Every redirect is checked again. A name with one address that is not public is refused. Proxies are
//!   not used.
//! - Limits: 20 seconds or the remaining time of the call, 10 redirects, 64 KiB of headers, `max_bytes` of text after
//!   decompression.
//! - Messages contain only the scheme, host and port of a URL: the rest may contain secrets.
//!
//! A response with a status such as 404 is a result and not an error, because its status and page are useful to the
//! model.
//!
//! # For operators
//!
//! `HTTP_TOOLS_ALLOW` lists services that may be fetched although their addresses are not public: `host:port` or
//! `ip:port`, comma-separated, such as `wiki.internal:443, 10.0.0.7:8080, [fd00::7]:80`. If a name is listed, all its
//! addresses are allowed. If the value cannot be parsed, calls of this plugin fail with a message that names the wrong
//! entry.
//!
//! Certificates are checked against the certificate authorities of the machine, or those in the file that
//! `SSL_CERT_FILE` names.
//!
//! The plugin checks only addresses. It does not restrict which public sites a model may read, or which data it sends
//! to them in a URL. Network rules (such as the security group of a VPC) protect better.

mod address;
mod allow;
mod body;
mod client;
mod connect;
mod error;
mod exchange;
mod json;
mod read;
mod text;
mod tls;

use plugin_sdk::{prelude::*, serde_json::Value};

pub use crate::{allow::AllowError, client::Client, error::FetchError, json::SelectError};

/// A fetched page.
#[data]
#[derive(Debug)]
pub struct Page {
    /// The URL of the page, after all redirects.
    pub url: String,
    /// The HTTP status, such as 200, or 404 for a page that does not exist.
    pub status: u16,
    /// The content type that the server reports, such as `text/html; charset=utf-8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Is this only the beginning of the text?
    pub truncated: bool,
    /// The text, as it was sent: HTML stays HTML.
    pub text: String,
}

/// A part of a JSON document.
#[data]
#[derive(Debug)]
pub struct Part {
    /// The URL of the document, after all redirects.
    pub url: String,
    /// The HTTP status, such as 200.
    pub status: u16,
    /// The value at the pointer.
    pub value: Value,
}

/// Fetch a page or file of the public web (GET) and return its text: HTML, Markdown, JSON, source code and the like.
/// To read only a part of a JSON document, use fetchJson.
///
/// # Arguments
/// * `url` - A complete URL, such as `https://example.org/page`.
/// * `max_bytes` - The maximum number of bytes to return.
#[tool(title = "Fetch a page", read_only, open_world)]
pub async fn fetch(
    client: State<Client>,
    context: Context,
    url: String,
    // The default is about 10,000 tokens; clients warn about longer results. Source: Claude Code's limit. The maximum
    // is so large that two copies of the text, in `structuredContent` and in `content`, normally fit into Lambda's
    // limit of 6 MB for a response. If escaping makes them larger than that, the host reports an error.
    #[arg(default = 40_000)]
    #[schemars(range(min = 1, max = 1_000_000))]
    max_bytes: u32,
) -> Result<Json<Page>, FetchError> {
    let page = read::page(&client, &url, max_bytes, context.remaining()).await?;
    Ok(Json(page))
}

/// Fetch a JSON document from the public web (GET) and return the part of it that matters. At most 2 MB are read.
///
/// # Arguments
/// * `url` - A complete URL, such as `https://api.example.org/items?page=2`.
/// * `pointer` - A JSON pointer to the part wanted, such as `/items/0/name`. Without it: the whole document.
/// * `max_bytes` - The maximum size of the part in bytes of JSON. A larger one is an error that describes its structure.
#[tool(title = "Fetch a part of a JSON document", read_only, open_world)]
pub async fn fetch_json(
    client: State<Client>,
    context: Context,
    url: String,
    #[arg(default)] pointer: String,
    #[arg(default = 40_000)]
    #[schemars(range(min = 1, max = 1_000_000))]
    max_bytes: u32,
) -> Result<Json<Part>, FetchError> {
    let part = read::part(&client, &url, &pointer, max_bytes, context.remaining()).await?;
    Ok(Json(part))
}

export_tools!(state = Client::from_environment, fetch, fetch_json);

#[cfg(test)]
mod tests;
