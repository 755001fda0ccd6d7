//! The rules for the head of a request that hyper leaves to its user.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode, Version,
    header::{HOST, TRANSFER_ENCODING},
    request::Parts,
};

use crate::server::http::response::refusal;

/// Makes `Host` the host that the client means. Returns the answer to a request that RFC 9112 forbids, or with a
/// transfer coding that is not supported.
pub(super) fn normalize(head: &mut Parts) -> Option<Response<Bytes>> {
    if let Some(coding) = unsupported_transfer_coding(&head.headers) {
        // Source: RFC 9112, section 6.1.
        let message = format!(
            "the transfer coding {coding:?} is not supported; send `chunked`, or a Content-Length"
        );
        return Some(refusal(StatusCode::NOT_IMPLEMENTED, &message));
    }
    // Source: RFC 9112, section 3.2.
    let hosts = head.headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && head.version == Version::HTTP_11) {
        let message = format!("the request has {hosts} Host headers; send one");
        return Some(refusal(StatusCode::BAD_REQUEST, &message));
    }
    // An absolute URI decides, and not `Host`. Source: RFC 9112, section 3.2.2.
    if let Some(authority) = head.uri.authority() {
        // A user and a password are part of no Host header.
        let authority = authority.as_str();
        let host = authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host);
        if let Ok(host) = HeaderValue::from_str(host) {
            head.headers.insert(HOST, host);
        }
    }
    None
}

/// Returns the transfer codings of a body, if there is another one than `chunked`.
fn unsupported_transfer_coding(headers: &HeaderMap) -> Option<String> {
    let codings = headers.get_all(TRANSFER_ENCODING).iter();
    let codings: Vec<_> = codings
        .map(|coding| String::from_utf8_lossy(coding.as_bytes()))
        .collect();
    let codings = codings.join(", ");
    let is_known = codings.is_empty() || codings.trim().eq_ignore_ascii_case("chunked");
    (!is_known).then_some(codings)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(version: Version, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_request_has_one_host_and_a_known_transfer_coding() {
        for (version, headers, status) in [
            (Version::HTTP_11, &[("host", "a")][..], None),
            (Version::HTTP_11, &[], Some(400)),
            (Version::HTTP_10, &[], None),
            (Version::HTTP_11, &[("host", "a"), ("host", "a")], Some(400)),
            (
                Version::HTTP_11,
                &[("host", "a"), ("transfer-encoding", "Chunked")],
                None,
            ),
            (
                Version::HTTP_11,
                &[("host", "a"), ("transfer-encoding", "gzip, chunked")],
                Some(501),
            ),
            (
                Version::HTTP_11,
                &[
                    ("host", "a"),
                    ("transfer-encoding", "gzip"),
                    ("transfer-encoding", "chunked"),
                ],
                Some(501),
            ),
        ] {
            let refused = normalize(&mut head(version, "/mcp", headers));
            let refused = refused.map(|answer| answer.status().as_u16());
            assert_eq!(refused, status, "{version:?} {headers:?}");
        }
    }

    #[test]
    fn an_absolute_uri_decides_about_the_host() {
        let headers = [("host", "localhost")];
        for (uri, host) in [
            ("/mcp", "localhost"),
            ("http://evil.example/mcp", "evil.example"),
            ("http://evil.example:80/mcp", "evil.example:80"),
            ("http://localhost@evil.example/mcp", "evil.example"),
        ] {
            let mut head = head(Version::HTTP_11, uri, &headers);
            assert!(normalize(&mut head).is_none());
            assert_eq!(head.headers[HOST], host, "{uri}");
        }
    }
}
