//! Functions that read request headers.

use std::{borrow::Cow, collections::BTreeMap};

use http::{HeaderMap, HeaderName, header::ACCEPT};
use mcp_protocol::ARGUMENT_HEADER_PREFIX;

/// The headers of a request that plugins may always see. `MCP_CONTEXT_HEADERS` adds further ones.
///
/// Source: ours. They contain the preferred language, the calling program and page, and the ids under which other
/// systems log the request. None of them contains credentials of the caller, and none contains a network address.
const PLUGIN_HEADERS: [&str; 6] = [
    "accept-language",
    "origin",
    "user-agent",
    "x-amzn-trace-id",
    "x-correlation-id",
    "x-request-id",
];

/// Returns the value of a header. Several values are joined into one (RFC 9110, section 5.2). A value that is not text
/// becomes U+FFFD. Neither a joined value nor U+FFFD can equal a version, method or tool in the body.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    let values = headers.get_all(name).iter();
    let mut values = values.map(|value| Cow::from(value.to_str().unwrap_or("\u{fffd}")));
    let first = values.next()?;
    Some(values.fold(first, |joined, value| format!("{joined}, {value}").into()))
}

/// Returns the value of a header that must have a single value. Repeated equal values count as one: an HTTP API of API
/// Gateway joins repeated headers with commas.
pub(crate) fn single_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    let joined = header(headers, name)?;
    let mut values = joined.split(',').map(str::trim);
    let first = values.next().unwrap_or_default();
    if first.len() < joined.len() && values.all(|value| value == first) {
        return Some(first.to_owned().into());
    }
    Some(joined)
}

/// Reports whether a content type is `application/json`, with or without parameters.
pub(crate) fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Reports whether the response may be an event stream. It may, unless `Accept` excludes it. (The most specific range
/// that matches applies: RFC 9110, section 12.5.1.)
pub(crate) fn accepts_events(headers: &HeaderMap) -> bool {
    let Some(accept) = header(headers, ACCEPT.as_str()) else {
        return true;
    };
    let qualities = ["text/event-stream", "text/*", "*/*"].map(|range| quality(&accept, range));
    qualities
        .into_iter()
        .flatten()
        .next()
        .is_some_and(|quality| quality > 0.0)
}

/// Returns the quality value of a media range in `Accept`; `None` if the range is not listed.
fn quality(accept: &str, range: &str) -> Option<f32> {
    accept.split(',').find_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(range) {
            return None;
        }
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        Some(quality.map_or(1.0, |quality| quality.parse().unwrap_or(1.0)))
    })
}

/// Returns the headers that a plugin may see: those that every plugin may see, those that repeat arguments, and `more`.
pub(crate) fn plugin_headers(headers: &HeaderMap, more: &[HeaderName]) -> BTreeMap<String, String> {
    let arguments = headers.keys().map(HeaderName::as_str);
    let arguments = arguments.filter(|name| name.starts_with(ARGUMENT_HEADER_PREFIX));
    let names = PLUGIN_HEADERS
        .into_iter()
        .chain(more.iter().map(HeaderName::as_str));
    let seen = |name: &str| Some((name.to_owned(), header(headers, name)?.into_owned()));
    names.chain(arguments).filter_map(seen).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(pairs: &[(&str, &str)]) -> HeaderMap {
        let parsed = |(name, value): &(&str, &str)| {
            let name: HeaderName = name.parse().expect("a name");
            (name, value.parse::<HeaderValue>().expect("a value"))
        };
        pairs.iter().map(parsed).collect()
    }

    #[test]
    fn a_repeated_value_counts_once() {
        for (pairs, expected) in [
            (&[("a", "x")][..], Some("x")),
            (&[("a", "x,x")], Some("x")),
            (&[("a", "x"), ("a", "x"), ("a", "x")], Some("x")),
            (&[("a", "x, y")], Some("x, y")),
            (&[("a", "x"), ("a", "y")], Some("x, y")),
            (&[("a", "")], Some("")),
            (&[("b", "x")], None),
        ] {
            assert_eq!(single_header(&of(pairs), "a").as_deref(), expected);
        }
    }

    #[test]
    fn an_event_stream_is_accepted_unless_accept_says_otherwise() {
        for (accept, accepted) in [
            ("application/json, text/event-stream", true),
            ("text/event-stream", true),
            ("Text/Event-Stream;q=0.5", true),
            ("*/*", true),
            ("text/*;q=0.1", true),
            ("application/json", false),
            ("application/json, text/html", false),
            ("", false),
            ("text/event-stream;q=0, */*", false),
            ("text/event-stream; q=0.0", false),
            ("*/*;q=0", false),
            ("text/*;q=0, */*", false),
            ("text/event-stream, */*;q=0", true),
        ] {
            assert_eq!(
                accepts_events(&of(&[("accept", accept)])),
                accepted,
                "Accept: {accept}"
            );
        }
        assert!(accepts_events(&HeaderMap::new()));
    }

    #[test]
    fn plugins_see_harmless_headers_arguments_and_what_the_operator_allows() {
        let headers = of(&[
            ("Accept-Language", "de"),
            ("Authorization", "Bearer secret"),
            ("Cookie", "session=secret"),
            ("Mcp-Param-Region", "eu"),
            ("X-Forwarded-For", "203.0.113.7"),
            ("X-Tenant", "a"),
            ("X-Tenant", "b"),
        ]);
        let seen = |more: &[&'static str]| {
            let more: Vec<_> = more
                .iter()
                .map(|name| HeaderName::from_static(name))
                .collect();
            let seen = plugin_headers(&headers, &more);
            seen.into_iter()
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(seen(&[]), ["accept-language: de", "mcp-param-region: eu"]);
        assert_eq!(
            seen(&["x-tenant", "x-absent"]),
            [
                "accept-language: de",
                "mcp-param-region: eu",
                "x-tenant: a, b"
            ]
        );
    }
}
