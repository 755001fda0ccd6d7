//! Fetches a URL and makes the results of the tools.

use std::time::Duration;

use hyper::header::CONTENT_TYPE;
use plugin_sdk::serde_json;

use crate::{
    Client, FetchError, Page, Part, body,
    exchange::Exchange,
    json,
    text::{self, Kind},
};

/// The maximum size of a JSON document. Unit: bytes. Source: ours; the search for a part takes up to 20 times as much
/// memory, and a small function has 128 MB.
const MAX_JSON: usize = 2_000_000;

/// Fetches the text at a URL, at most `max_bytes` of it.
pub(crate) async fn page(
    client: &Client,
    url: &str,
    max_bytes: u32,
    remaining: Option<Duration>,
) -> Result<Page, FetchError> {
    const ACCEPT: &str = "text/markdown, text/html;q=0.9, text/plain;q=0.9, */*;q=0.8";
    let (url, mut answer) = client.get(url, ACCEPT, remaining).await?;
    let content_type = answer.header(CONTENT_TYPE).map(str::to_owned);
    if text::kind(content_type.as_deref()) == Kind::Binary {
        return Err(binary(&answer));
    }
    let body = body::read(&mut answer, max_bytes as usize).await?;
    let text = text::decode(&body.bytes, content_type.as_deref(), body.truncated);
    Ok(Page {
        url: url.into(),
        status: answer.status.as_u16(),
        truncated: body.truncated,
        text: text.ok_or_else(|| binary(&answer))?,
        content_type,
    })
}

/// Fetches a JSON document, and returns the part that `pointer` selects, which may have at most `max_bytes`.
pub(crate) async fn part(
    client: &Client,
    url: &str,
    pointer: &str,
    max_bytes: u32,
    remaining: Option<Duration>,
) -> Result<Part, FetchError> {
    const ACCEPT: &str = "application/json, */*;q=0.5";
    let (url, mut answer) = client.get(url, ACCEPT, remaining).await?;
    if text::kind(answer.header(CONTENT_TYPE)) == Kind::Binary {
        return Err(binary(&answer));
    }
    let body = body::read(&mut answer, MAX_JSON).await?;
    let bytes = body
        .bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(&body.bytes);
    // A truncated document cannot be parsed. If the parser fails only because the document ends too early, report
    // that it is too large.
    let document =
        serde_json::from_slice(bytes).map_err(|error| match body.truncated && error.is_eof() {
            true => FetchError::TooLarge {
                site: answer.site.clone(),
                limit: MAX_JSON,
            },
            false => FetchError::NotJson {
                site: answer.site.clone(),
                status: answer.status.as_u16(),
                kind: kind(&answer),
                reason: error.to_string(),
            },
        })?;
    Ok(Part {
        url: url.into(),
        status: answer.status.as_u16(),
        value: json::select(document, pointer, max_bytes as usize)?,
    })
}

fn binary(answer: &Exchange) -> FetchError {
    FetchError::Binary {
        site: answer.site.clone(),
        status: answer.status.as_u16(),
        kind: kind(answer),
    }
}

/// Describes the body of a response by its content type.
fn kind(answer: &Exchange) -> String {
    match answer.header(CONTENT_TYPE).map(text::essence) {
        Some(essence) if !essence.is_empty() => essence.chars().take(100).collect(),
        _ => "something without a content type".to_owned(),
    }
}
