//! What gateways do to headers: which they keep to themselves, and which come out under another name.
//!
//! Source for REST APIs: "Amazon API Gateway important notes", the table of headers, its columns for Lambda. Nothing is documented
//! of Function URLs; their list is what people report of real ones.

use http::{HeaderMap, HeaderName, header};

/// What a header's name becomes. Source: "Amazon API Gateway important notes", `Remapped`.
const REMAPPED_PREFIX: &str = "x-amzn-remapped-";

/// What a door does to the headers of answers, besides what every server does.
pub(super) struct HeaderPolicy {
    remapped: &'static [&'static str],
    dropped: &'static [&'static str],
}

/// Of REST APIs. `Content-Length` passes according to the table; people report that it is remapped.
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

/// Of Function URLs.
pub(super) const FUNCTION_URL: HeaderPolicy = HeaderPolicy {
    remapped: &["date", "server", "www-authenticate"],
    dropped: &[],
};

/// Of HTTP APIs: none is known.
pub(super) const HTTP_API: HeaderPolicy = HeaderPolicy {
    remapped: &[],
    dropped: &[],
};

/// What a REST API keeps to itself of a request, besides what every gateway does.
const DROPPED_FROM_REQUESTS: [&str; 5] = [
    "content-md5",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "www-authenticate",
];

/// How a signature of AWS begins in `Authorization`. Source: "Create a signed AWS API request" (IAM).
const SIGNATURE: &[u8] = b"AWS4-";

impl HeaderPolicy {
    /// The headers of an answer as a client sees them.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        for &name in self.remapped {
            let values: Vec<_> = headers.get_all(name).iter().cloned().collect();
            headers.remove(name);
            // Names that are headers' make names of headers.
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

/// The headers of a request as the event of a REST API has them. A signature of AWS is for the API, not for the function.
pub(super) fn drop_rest_request_headers(headers: &mut HeaderMap) {
    for name in DROPPED_FROM_REQUESTS {
        headers.remove(name);
    }
    let authorization = headers.get(header::AUTHORIZATION);
    if authorization.is_some_and(|value| value.as_bytes().starts_with(SIGNATURE)) {
        headers.remove(header::AUTHORIZATION);
    }
}
