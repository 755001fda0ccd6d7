//! The headers that gateways remove or rename.
//!
//! Source for REST APIs: "Amazon API Gateway important notes", the table of headers, its columns for Lambda. AWS does
//! not document this for Function URLs; their list is taken from reports about real ones.

use http::{HeaderMap, HeaderName, header};

/// The prefix of renamed headers. Source: "Amazon API Gateway important notes", `Remapped`.
const REMAPPED_PREFIX: &str = "x-amzn-remapped-";

/// The changes that a front door makes to the headers of responses, in addition to those that every server makes.
pub(super) struct HeaderPolicy {
    remapped: &'static [&'static str],
    dropped: &'static [&'static str],
}

/// The policy of REST APIs. According to the table, `Content-Length` is not changed; users report that it is renamed.
pub(super) const REST_API: HeaderPolicy = HeaderPolicy {
    remapped: &[
        "authorization",
        "connection",
        "content-length",
        "content-md5",
        "date",
        "max-forwards",
        "server",
        "user-agent",
        "www-authenticate",
    ],
    dropped: &[
        "expect",
        "host",
        "proxy-authenticate",
        "te",
        "trailer",
        "via",
    ],
};

/// The policy of Function URLs.
pub(super) const FUNCTION_URL: HeaderPolicy = HeaderPolicy {
    remapped: &["date", "server", "www-authenticate"],
    dropped: &[],
};

/// The policy of HTTP APIs. No changes are known.
pub(super) const HTTP_API: HeaderPolicy = HeaderPolicy {
    remapped: &[],
    dropped: &[],
};

/// The headers that a REST API removes from a request, in addition to those that every gateway removes.
const DROPPED_FROM_REQUESTS: [&str; 5] = [
    "content-md5",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "www-authenticate",
];

/// The prefix of AWS signatures in `Authorization`. Source: "Create a signed AWS API request" (IAM).
const SIGNATURE: &[u8] = b"AWS4-";

impl HeaderPolicy {
    /// Changes the headers of a response to those that the client gets.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        for &name in self.remapped {
            let values: Vec<_> = headers.get_all(name).iter().cloned().collect();
            headers.remove(name);
            // The prefix and a valid header name always make a valid header name.
            let remapped = HeaderName::try_from(format!("{REMAPPED_PREFIX}{name}")).ok();
            if let Some(remapped) = remapped {
                for value in values {
                    headers.append(remapped.clone(), value);
                }
            }
        }
        for &name in self.dropped {
            headers.remove(name);
        }
    }
}

/// Removes the headers of a request that a REST API does not include in the event. An AWS signature is meant for the
/// API, so the function does not get it.
pub(super) fn drop_rest_request_headers(headers: &mut HeaderMap) {
    for name in DROPPED_FROM_REQUESTS {
        headers.remove(name);
    }
    let authorization = headers.get(header::AUTHORIZATION);
    if authorization.is_some_and(|value| value.as_bytes().starts_with(SIGNATURE)) {
        headers.remove(header::AUTHORIZATION);
    }
}
