//! Where requests may come from: `Origin` and `Host` against DNS rebinding, and CORS for browsers that may call.
//!
//! A page of a foreign site can make a browser send requests to a server on the user's own machine, and with a name that
//! it lets resolve to 127.0.0.1 also read the answers. So an origin must be known, and a host on loopback answers only
//! to names of this machine.

use http::{
    HeaderMap, HeaderValue, Response, StatusCode, Uri,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
        ALLOW, HOST, ORIGIN, VARY,
    },
};

use crate::config::Config;

/// The methods of the MCP endpoint.
pub(crate) const METHODS: &str = "POST, DELETE, OPTIONS";

/// Headers that a browser may send and a page may not be allowed to send by default.
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

/// Headers of an answer that a page may read.
const EXPOSED_HEADERS: &str = "Mcp-Session-Id, Retry-After, WWW-Authenticate";

/// How long a browser may keep the answer to a preflight. Unit: seconds.
/// Source: ours; Chromium keeps none longer than two hours.
const MAX_AGE: &str = "7200";

/// The names of this machine.
const LOOPBACK: [&str; 4] = ["localhost", "127.0.0.1", "[::1]", "::1"];

/// Who may call.
#[derive(Debug)]
pub(crate) struct Callers {
    origins: Vec<String>,
    hosts: Vec<String>,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the origin {0} is not allowed; the operator can add it to ALLOWED_ORIGINS")]
    Origin(String),
    #[error("the host {0} is not allowed; the operator can add it to ALLOWED_HOSTS")]
    Host(String),
}

/// By which name the front door was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached<'a> {
    /// By a gateway under this domain, which it vouches for.
    Gateway(&'a str),
    /// Directly on loopback: the `Host` header must name this machine.
    Loopback,
    /// Directly on an address that others can reach.
    Public,
    /// By a pipe, from the program that started this one.
    Pipe,
}

impl Callers {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            origins: config.allowed_origins.clone(),
            hosts: config.allowed_hosts.clone(),
        }
    }

    /// Check `Origin` and `Host`; gives the origin to allow by CORS, if there is one.
    pub(crate) fn check<'a>(
        &self,
        headers: &'a HeaderMap,
        reached: Reached<'_>,
    ) -> Result<Option<&'a HeaderValue>, Refused> {
        if reached == Reached::Loopback
            && let Some(host) = headers.get(HOST)
            && !self.knows_host(host)
        {
            return Err(Refused::Host(
                String::from_utf8_lossy(host.as_bytes()).into_owned(),
            ));
        }
        match headers.get(ORIGIN) {
            Some(origin) if !self.knows_origin(origin, reached) => Err(Refused::Origin(
                String::from_utf8_lossy(origin.as_bytes()).into_owned(),
            )),
            origin => Ok(origin),
        }
    }

    fn knows_host(&self, host: &HeaderValue) -> bool {
        let Ok(host) = host.to_str() else {
            return false;
        };
        let name = without_port(host);
        let named =
            |known: &str| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(host);
        LOOPBACK.into_iter().any(named) || self.hosts.iter().any(|known| named(known))
    }

    fn knows_origin(&self, origin: &HeaderValue, reached: Reached<'_>) -> bool {
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
        // "null", the origin of sandboxed pages and files, has no host.
        let Some(host) = text
            .parse::<Uri>()
            .ok()
            .filter(|uri| uri.scheme().is_some())
            .and_then(|uri| uri.host().map(str::to_owned))
            .filter(|host| !host.is_empty())
        else {
            return false;
        };
        let own = match reached {
            Reached::Gateway(domain) => without_port(domain).eq_ignore_ascii_case(&host),
            Reached::Loopback | Reached::Public | Reached::Pipe => false,
        };
        own || LOOPBACK.contains(&host.as_str())
    }
}

/// `localhost:3000` -> `localhost`, `[::1]:3000` -> `[::1]`
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

/// The answer to `OPTIONS`.
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
    response
}

/// The headers that MCP knows, and of those asked for the ones that repeat arguments.
fn allowed_headers(headers: &HeaderMap) -> String {
    let asked = headers
        .get(ACCESS_CONTROL_REQUEST_HEADERS)
        .and_then(|asked| asked.to_str().ok())
        .unwrap_or_default();
    let arguments = asked.split(',').map(str::trim).filter(|name| {
        name.get(..10)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("mcp-param-"))
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    });
    REQUEST_HEADERS
        .into_iter()
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Let the page that called read the answer.
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
        let callers = Callers {
            origins: vec!["https://app.example.com".to_owned()],
            hosts: vec!["devbox".to_owned()],
        };
        let gateway = Reached::Gateway("abc.execute-api.us-east-1.amazonaws.com");
        for (reached, host, origin, allowed) in [
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
            (Reached::Loopback, "localhost:3000", None, true),
            (
                Reached::Loopback,
                "127.0.0.1:3000",
                Some("http://127.0.0.1:6274"),
                true,
            ),
            (
                Reached::Loopback,
                "[::1]:3000",
                Some("http://[::1]:6274"),
                true,
            ),
            (Reached::Loopback, "DevBox:3000", None, true),
            (Reached::Loopback, "evil.example", None, false),
            (
                Reached::Loopback,
                "evil.example:3000",
                Some("http://evil.example:3000"),
                false,
            ),
            (
                Reached::Loopback,
                "localhost",
                Some("http://localhost.evil.example"),
                false,
            ),
            (Reached::Loopback, "localhost", Some("null"), false),
            (Reached::Loopback, "localhost", Some("file://"), false),
            (Reached::Public, "anything", None, true),
            (
                Reached::Public,
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
                callers.check(&headers, reached).is_ok(),
                allowed,
                "{reached:?}, {host}, {origin:?}"
            );
        }
    }

    #[test]
    fn a_preflight_allows_argument_headers_by_their_prefix() {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCESS_CONTROL_REQUEST_HEADERS,
            "content-type, Mcp-Param-Region, x-evil".parse().unwrap(),
        );
        assert!(allowed_headers(&headers).ends_with("mcp-session-id, Mcp-Param-Region"));
    }
}
