//! The permitted origins and hosts of requests. The checks of `Origin` and `Host` prevent DNS rebinding, and CORS lets
//! permitted web pages read responses.
//!
//! A web page can make a browser send requests to a server on the user's own machine. If the page's domain name
//! resolves to 127.0.0.1, the page can also read the responses (DNS rebinding). So an origin must be known, and a host
//! that listens on loopback accepts only requests in which `Host` is a name of this machine.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
        ALLOW, HOST, ORIGIN, VARY,
    },
};

use mcp_protocol::ARGUMENT_HEADER_PREFIX;

use crate::{config::Config, server::request::Exposure};

/// The HTTP methods of the MCP endpoint.
pub(crate) const METHODS: &str = "POST, DELETE, OPTIONS";

/// Request headers that MCP clients use. Before a page of another origin can send them, a browser may require that the
/// server allows them.
const REQUEST_HEADERS: [&str; 8] = [
    "accept",
    "authorization",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
];

/// Response headers that a page of another origin may read.
const EXPOSED_HEADERS: &str = "Mcp-Session-Id, Retry-After, WWW-Authenticate";

/// How long a browser may cache the response to a preflight. Unit: seconds.
/// Source: ours; Chromium caches it for at most two hours.
const MAX_AGE: &str = "7200";

/// The maximum size of the requested header names that the response to a preflight repeats. Unit: bytes.
/// Source: ours; it is half of the size that API Gateway allows for all headers (10,240 bytes), and enough for some
/// hundred arguments.
const MAX_ECHO: usize = 5 * 1024;

/// The request header by which a browser asks whether a page from the internet may call a server in a private network,
/// and the response header that allows it.
/// Source: Private Network Access, WICG draft, "CORS preflight".
const ASKS_FOR_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOWS_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");

/// Reports whether a host name or address means this machine. (DNS rebinding can redirect a name, but not an address.)
/// An IPv6 address is in brackets (RFC 3986, section 3.2.2).
fn is_this_machine(name: &str) -> bool {
    let in_brackets = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    match in_brackets {
        Some(address) => address.parse().is_ok_and(|it: Ipv6Addr| it.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse().is_ok_and(|it: Ipv4Addr| it.is_loopback())
        }
    }
}

/// The permitted origins and hosts.
#[derive(Debug)]
pub(crate) struct OriginPolicy {
    origins: Vec<String>,
    hosts: Vec<String>,
}

/// The reason why a request is rejected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OriginError {
    #[error("the origin {0} is not allowed; the operator can add it to MCP_ALLOWED_ORIGINS")]
    Origin(String),
    #[error("the host {0} is not allowed; the operator can add it to MCP_ALLOWED_HOSTS")]
    Host(String),
}

impl OriginPolicy {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            origins: config.allowed_origins.clone(),
            hosts: config.allowed_hosts.clone(),
        }
    }

    /// Checks `Origin` and `Host`. Returns the origin that the CORS headers must allow, if there is one.
    pub(crate) fn check<'a>(
        &self,
        headers: &'a HeaderMap,
        exposure: Exposure<'_>,
    ) -> Result<Option<&'a HeaderValue>, OriginError> {
        let as_text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        // On an address that other machines can reach, `Host` is checked only if the operator has configured the names
        // of that address.
        let is_named = exposure == Exposure::Network && !self.hosts.is_empty();
        if exposure == Exposure::Loopback || is_named {
            // If a client sends several `Host` headers, each of them must be permitted.
            let mut hosts = headers.get_all(HOST).iter();
            if let Some(foreign) = hosts.find(|host| !self.allows_host(host)) {
                return Err(OriginError::Host(as_text(foreign)));
            }
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        if let Some(foreign) = origins.find(|origin| !self.allows_origin(origin, exposure)) {
            return Err(OriginError::Origin(as_text(foreign)));
        }
        Ok(headers.get(ORIGIN))
    }

    fn allows_host(&self, host: &HeaderValue) -> bool {
        let Ok(host) = host.to_str() else {
            return false;
        };
        let name = without_port(host);
        let named =
            |known: &str| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(host);
        is_this_machine(name) || self.hosts.iter().any(|known| named(known))
    }

    fn allows_origin(&self, origin: &HeaderValue, exposure: Exposure<'_>) -> bool {
        let Ok(text) = origin.to_str() else {
            return false;
        };
        if self
            .origins
            .iter()
            .any(|known| known.trim_end_matches('/').eq_ignore_ascii_case(text))
        {
            return true;
        }
        // "null", the origin of sandboxed pages and of local files, has no host.
        let Some(host) = text
            .parse::<Uri>()
            .ok()
            .filter(|uri| uri.scheme().is_some())
            .and_then(|uri| uri.host().map(str::to_owned))
            .filter(|host| !host.is_empty())
        else {
            return false;
        };
        let own = match exposure {
            Exposure::Gateway(domain) => without_port(domain).eq_ignore_ascii_case(&host),
            Exposure::Loopback | Exposure::Network | Exposure::Stdio => false,
        };
        own || is_this_machine(&host)
    }
}

/// Removes the port: `localhost:3000` -> `localhost`, `[::1]:3000` -> `[::1]`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|byte| byte.is_ascii_digit())
                && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

/// Returns the response to a preflight (`OPTIONS`).
pub(crate) fn preflight(headers: &HeaderMap) -> Response<bytes::Bytes> {
    let mut response = Response::new(bytes::Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    answer.insert(ALLOW, HeaderValue::from_static(METHODS));
    answer.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(METHODS),
    );
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    if let Ok(allowed) = HeaderValue::from_str(&allowed_headers(headers)) {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    // `Origin`, if the request has one, was already checked.
    if headers.contains_key(ASKS_FOR_PRIVATE_NETWORK) {
        answer.insert(ALLOWS_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    response
}

/// Returns the names of the headers that MCP defines, and those of the requested headers that repeat arguments.
fn allowed_headers(headers: &HeaderMap) -> String {
    let requested = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
    let requested = requested.filter_map(|requested| requested.to_str().ok());
    let requested = requested.flat_map(|requested| requested.split(',').map(str::trim));
    let mut remaining = MAX_ECHO;
    let arguments = requested
        .filter(|name| is_argument(name))
        .take_while(|name| {
            let fits = name.len() <= remaining;
            remaining = remaining.saturating_sub(name.len());
            fits
        });
    REQUEST_HEADERS
        .into_iter()
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Reports whether a header is one that repeats an argument.
fn is_argument(name: &str) -> bool {
    let prefix = name.get(..ARGUMENT_HEADER_PREFIX.len());
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(ARGUMENT_HEADER_PREFIX))
        && name.len() > ARGUMENT_HEADER_PREFIX.len()
        && HeaderName::from_bytes(name.as_bytes()).is_ok()
}

/// Adds the headers that let the calling page read the response.
pub(crate) fn allow(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(EXPOSED_HEADERS),
    );
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_and_hosts_are_known_or_refused() {
        let callers = OriginPolicy {
            origins: vec!["https://app.example.com".to_owned()],
            hosts: vec!["devbox".to_owned()],
        };
        let gateway = Exposure::Gateway("abc.execute-api.us-east-1.amazonaws.com");
        for (exposure, host, origin, allowed) in [
            (gateway, "anything", None, true),
            (
                gateway,
                "x",
                Some("https://abc.execute-api.us-east-1.amazonaws.com"),
                true,
            ),
            (gateway, "evil.example", Some("https://evil.example"), false),
            (gateway, "x", Some("https://app.example.com"), true),
            (gateway, "x", Some("http://localhost:6274"), true),
            (gateway, "x", Some("null"), false),
            (Exposure::Loopback, "localhost:3000", None, true),
            (
                Exposure::Loopback,
                "127.0.0.1:3000",
                Some("http://127.0.0.1:6274"),
                true,
            ),
            (
                Exposure::Loopback,
                "[::1]:3000",
                Some("http://[::1]:6274"),
                true,
            ),
            (Exposure::Loopback, "DevBox:3000", None, true),
            (Exposure::Loopback, "evil.example", None, false),
            (
                Exposure::Loopback,
                "evil.example:3000",
                Some("http://evil.example:3000"),
                false,
            ),
            (
                Exposure::Loopback,
                "localhost",
                Some("http://localhost.evil.example"),
                false,
            ),
            (Exposure::Loopback, "localhost", Some("null"), false),
            (Exposure::Loopback, "localhost", Some("file://"), false),
            (Exposure::Loopback, "127.0.0.2:3000", None, true),
            (Exposure::Loopback, "[[[127.0.0.1]]]", None, false),
            (Exposure::Loopback, "[127.0.0.1]", None, false),
            (Exposure::Loopback, "[::1", None, false),
            (Exposure::Loopback, "[[::1]]:3000", None, false),
            (Exposure::Loopback, "::1", None, false),
            (Exposure::Loopback, "localhost:80x", None, false),
            (Exposure::Loopback, "", None, false),
            (Exposure::Network, "anything", None, false),
            (Exposure::Network, "devbox:3000", None, true),
            (
                Exposure::Network,
                "evil.example",
                Some("http://evil.example"),
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(
                callers.check(&headers, exposure).is_ok(),
                allowed,
                "{exposure:?}, {host}, {origin:?}"
            );
        }
    }

    #[test]
    fn a_preflight_allows_argument_headers_by_their_prefix() {
        let long = format!("mcp-param-{}", "x".repeat(MAX_ECHO));
        let many = (0..1000).map(|n| format!("mcp-param-{n}"));
        let many = many.collect::<Vec<_>>().join(",");
        for (requested, expected) in [
            ("content-type, Mcp-Param-Region, x-evil", "Mcp-Param-Region"),
            ("mcp-param-a,mcp-param-b", "mcp-param-a, mcp-param-b"),
            ("mcp-param-a~b.c", "mcp-param-a~b.c"),
            ("mcp-param-", ""),
            ("mcp-param-a b", ""),
            ("mcp-param-a\tb", ""),
            ("mcp-param-a:b", ""),
            ("mcp-param-(a)", ""),
            ("x-mcp-param-a", ""),
            (&long, ""),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, requested.parse().unwrap());
            let allowed = allowed_headers(&headers);
            let (_, echoed) = allowed
                .split_once("mcp-session-id")
                .expect("it is always there");
            assert_eq!(echoed.trim_start_matches(", "), expected, "{requested}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, many.parse().unwrap());
        let allowed = allowed_headers(&headers);
        assert!(
            (MAX_ECHO..2 * MAX_ECHO).contains(&allowed.len()),
            "{allowed}"
        );
    }
}
