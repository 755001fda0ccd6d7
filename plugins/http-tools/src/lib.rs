//! Pages and JSON from the web, fetched without letting a model reach what is not public.
//!
//! A model that is talked into it (by the very page it has read, say) asks for any URL. What runs on Lambda could reach
//! credentials, the runtime's own interface and a company's network. So:
//!
//! - Only `https:` and `http:`, only GET, no user name or password in the URL; no cookies, no Referer, nothing kept from
//!   one request for the next. An `https:` page may redirect to an `http:` one, as in a browser; `url` tells.
//! - Only public addresses. A name is looked up once, all of its addresses are checked, and a checked one is connected to;
//!   every redirect anew. A name with one address that is not public is refused. Proxies are not used.
//! - Limits: 20 seconds or what is left of the call, 10 redirects, 64 KiB of headers, `max_bytes` of text after
//!   decompression.
//! - Messages name scheme, host and port only: the rest of a URL may hold secrets.
//!
//! An answer such as 404 is a result, not an error: the status and the page are what was asked for, and often say more.
//!
//! # For operators
//!
//! `HTTP_TOOLS_ALLOW` names services of one's own that may be fetched although their addresses are not public:
//! `host:port` or `ip:port`, comma-separated, such as `wiki.internal:443, 10.0.0.7:8080, [fd00::7]:80`. A name there is
//! trusted with whatever addresses it has. A value that cannot be read fails the plugin's calls with a message that says
//! where it is wrong.
//!
//! Certificates are checked against the machine's own authorities, or those in the file that `SSL_CERT_FILE` names.
//!
//! The plugin keeps to addresses; which sites a model may read is not its business, nor is what it tells them in a URL. A
//! network's own rules (a VPC's security group, say) remain the better fence.

mod address;
mod allow;
mod body;
mod client;
mod connect;
mod error;
mod exchange;
mod json;
mod text;
mod tls;

use std::time::Duration;

use hyper::header::CONTENT_TYPE;
use plugin_sdk::{
    prelude::*,
    serde_json::{self, Value},
};

pub use crate::{allow::AllowError, client::Client, error::FetchError, json::SelectError};
use crate::{exchange::Exchange, text::Kind};

/// How much JSON is read to select a part of it. Unit: bytes.
/// Source: ours; looking for the part takes up to 20 times that, and a small function has 128 MB.
const JSON: usize = 2_000_000;

/// How much of the body to give back, in bytes of the page.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde", transparent)]
#[schemars(crate = "plugin_sdk::schemars", inline)]
pub struct MaxBytes(#[schemars(range(min = 1, max = 1_000_000))] pub u32);

impl MaxBytes {
    /// About 10,000 tokens, from which on clients warn of long results. Source: Claude Code's limit.
    const DEFAULT: Self = Self(40_000);

    /// Two copies of a text this long, in `structuredContent` and `content`, fit into the 6 MB that Lambda can answer with
    /// unless it is of an unusual kind; then the host says so.
    const LARGEST: u32 = 1_000_000;

    fn get(self) -> usize {
        self.0.clamp(1, Self::LARGEST) as usize
    }
}

impl Default for MaxBytes {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What a URL led to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
pub struct Page {
    /// Where the page is: the URL, after all redirects.
    pub url: String,
    /// The HTTP status, such as 200, or 404 for a page that does not exist.
    pub status: u16,
    /// What the server says the page is, such as `text/html; charset=utf-8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Is this only the beginning of the text?
    pub truncated: bool,
    /// The text, as it was sent: HTML stays HTML.
    pub text: String,
}

/// A part of a JSON document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
pub struct Part {
    /// Where the document is: the URL, after all redirects.
    pub url: String,
    /// The HTTP status, such as 200.
    pub status: u16,
    /// What is at the pointer.
    pub value: Value,
}

/// Fetch a page or file of the public web (GET) and give back its text: HTML, Markdown, JSON, source code and the like.
/// For JSON of which only a part matters, fetchJson is better.
///
/// # Arguments
/// * `url` - A complete URL, such as `https://example.org/page`.
/// * `max_bytes` - Give back this many bytes at most, 1 to 1000000. Default: 40000.
pub async fn fetch(
    client: &Client,
    url: String,
    max_bytes: Option<MaxBytes>,
    remaining: Option<Duration>,
) -> Result<Json<Page>, FetchError> {
    const ACCEPT: &str = "text/markdown, text/html;q=0.9, text/plain;q=0.9, */*;q=0.8";
    let (url, mut answer) = client.get(&url, ACCEPT, remaining).await?;
    let content_type = answer.header(CONTENT_TYPE).map(str::to_owned);
    if text::kind(content_type.as_deref()) == Kind::Binary {
        return Err(binary(&answer));
    }
    let body = body::read(&mut answer, max_bytes.unwrap_or_default().get()).await?;
    let text = text::decode(&body.bytes, content_type.as_deref(), body.truncated);
    Ok(Json(Page {
        url: url.into(),
        status: answer.status.as_u16(),
        truncated: body.truncated,
        text: text.ok_or_else(|| binary(&answer))?,
        content_type,
    }))
}

/// Fetch a JSON document from the public web (GET) and give back the part of it that matters, up to 2 MB being read.
///
/// # Arguments
/// * `url` - A complete URL, such as `https://api.example.org/items?page=2`.
/// * `pointer` - A JSON pointer to the part wanted, such as `/items/0/name`. Default: the whole document.
/// * `max_bytes` - How large the part may be, 1 to 1000000 bytes of JSON; a larger one is an error that says what it
///   consists of. Default: 40000.
pub async fn fetch_json(
    client: &Client,
    url: String,
    pointer: Option<String>,
    max_bytes: Option<MaxBytes>,
    remaining: Option<Duration>,
) -> Result<Json<Part>, FetchError> {
    const ACCEPT: &str = "application/json, */*;q=0.5";
    let (url, mut answer) = client.get(&url, ACCEPT, remaining).await?;
    if text::kind(answer.header(CONTENT_TYPE)) == Kind::Binary {
        return Err(binary(&answer));
    }
    let body = body::read(&mut answer, JSON).await?;
    let bytes = body
        .bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(&body.bytes);
    // A document cut off is no JSON; a page cut off never was.
    let document =
        serde_json::from_slice(bytes).map_err(|error| match body.truncated && error.is_eof() {
            true => FetchError::TooLarge {
                site: answer.site.clone(),
                limit: JSON,
            },
            false => FetchError::NotJson {
                site: answer.site.clone(),
                status: answer.status.as_u16(),
                kind: kind(&answer),
                reason: error.to_string(),
            },
        })?;
    let limit = max_bytes.unwrap_or_default().get();
    Ok(Json(Part {
        url: url.into(),
        status: answer.status.as_u16(),
        value: json::select(document, pointer.as_deref().unwrap_or_default(), limit)?,
    }))
}

fn binary(answer: &Exchange) -> FetchError {
    FetchError::Binary {
        site: answer.site.clone(),
        status: answer.status.as_u16(),
        kind: kind(answer),
    }
}

/// What an answer's body is, in the server's words.
fn kind(answer: &Exchange) -> String {
    match answer.header(CONTENT_TYPE).map(text::essence) {
        Some(essence) if !essence.is_empty() => essence.chars().take(100).collect(),
        _ => "something without a content type".to_owned(),
    }
}

#[cfg(test)]
mod tests;
