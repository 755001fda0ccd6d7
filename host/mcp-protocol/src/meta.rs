//! The `_meta` of a call: the client that sent it, the notifications that the client wants, and the trace that the call
//! belongs to.

use serde::Serialize;
use serde_json::value::RawValue;
use tool_rules::LogLevel;

use crate::{
    Id,
    meta_keys::{CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL},
    params::{Members, text},
};

const PROGRESS_TOKEN: &str = "progressToken";

/// The maximum length of a progress token. A longer one is ignored. Unit: bytes. Source: ours. Each notification
/// repeats the token, so a thousand copies of a long one would fill the memory. In practice, clients use numbers and
/// UUIDs.
const MAX_PROGRESS_TOKEN: usize = 1024;

/// The maximum length of a `tracestate` or `baggage` that is passed on. Unit: bytes.
/// Source: W3C Baggage, section 3.3.2, which requires 8192. W3C Trace Context requires only 512 for `tracestate`.
const MAX_TRACE: usize = 8192;

/// The well-formed parts of a call's `_meta`. Malformed parts are ignored: they are no reason to reject the call.
#[derive(Clone, Debug, Default)]
pub struct CallMeta<'a> {
    /// The client's description of itself, a JSON object (modern; a legacy client sends it in `initialize`).
    pub client: Option<&'a RawValue>,
    /// The client's capabilities, a JSON object (modern; a legacy client sends them in `initialize`).
    pub capabilities: Option<&'a RawValue>,
    /// The token for progress notifications, a string or an integer. Each notification repeats it unchanged.
    pub progress_token: Option<Id>,
    /// The minimum severity of log notifications that the client wants (modern); `None`: it wants none.
    pub log_level: Option<LogLevel>,
    /// The trace that the call is part of.
    pub trace: Trace,
}

impl<'a> CallMeta<'a> {
    pub(crate) fn from_modern(meta: &Members<'a>) -> Self {
        let object = |key| meta.get(key).copied().filter(|raw| is_object(raw));
        let log_level = meta.get(LOG_LEVEL).and_then(|level| text(level));
        Self {
            client: object(CLIENT_INFO),
            capabilities: object(CLIENT_CAPABILITIES),
            log_level: log_level.and_then(|level| LogLevel::parse(&level)),
            ..Self::from_legacy(meta)
        }
    }

    pub(crate) fn from_legacy(meta: &Members<'a>) -> Self {
        Self {
            progress_token: meta
                .get(PROGRESS_TOKEN)
                .filter(|token| token.get().len() <= MAX_PROGRESS_TOKEN)
                .and_then(|token| Id::parse(token)),
            trace: Trace::from_fields(|name| text(meta.get(name)?)),
            ..Self::default()
        }
    }
}

pub(crate) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// A W3C trace context. Malformed values are dropped. A `tracestate` without a valid `traceparent` is dropped as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The caller's span.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Data of specific tracing systems.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<String>,
    /// Names and values that the application chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baggage: Option<String>,
}

impl Trace {
    /// Reads a trace context through `get`, which returns the value with a given name from `_meta` or from HTTP
    /// headers.
    pub fn from_fields(get: impl Fn(&str) -> Option<String>) -> Self {
        let bounded = |name| get(name).filter(|value| value.len() <= MAX_TRACE);
        let traceparent = get("traceparent").filter(|value| is_traceparent(value));
        let tracestate = traceparent.is_some().then(|| bounded("tracestate"));
        Self {
            tracestate: tracestate.flatten(),
            baggage: bounded("baggage"),
            traceparent,
        }
    }

    /// Reports whether no value is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns this context if it names a span. Otherwise returns `other`, with this context's baggage if it has any.
    #[must_use]
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        if self.traceparent.is_some() {
            return self;
        }
        let other = other();
        Self {
            baggage: self.baggage.or(other.baggage),
            ..other
        }
    }
}

/// Reports whether a value has the form `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01`. Later versions of
/// the format may append more parts (W3C Trace Context, section 3.2).
fn is_traceparent(value: &str) -> bool {
    let hex = |part: &str, length: usize| {
        let digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        part.len() == length && part.bytes().all(digit)
    };
    let some = |part: &str, length| hex(part, length) && part.bytes().any(|byte| byte != b'0');
    let parts: Vec<_> = value.splitn(5, '-').collect();
    match parts.as_slice() {
        [version, trace, parent, flags, rest @ ..] => {
            hex(version, 2)
                && *version != "ff"
                && (rest.is_empty() || *version != "00")
                && some(trace, 32)
                && some(parent, 16)
                && hex(flags, 2)
                && value.len() <= MAX_TRACE
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn an_invalid_traceparent_is_dropped() {
        for (value, good) in [
            (GOOD, true),
            (
                "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                true,
            ),
            (
                "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-ever",
                true,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                false,
            ),
            (
                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                false,
            ),
            (
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                false,
            ),
            (
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                false,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                false,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
                false,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
                false,
            ),
            ("", false),
        ] {
            let trace = Trace::from_fields(|name| match name {
                "traceparent" => Some(value.to_owned()),
                _ => Some("a=b".to_owned()),
            });
            assert_eq!(trace.traceparent.is_some(), good, "traceparent: {value}");
            assert_eq!(trace.tracestate.is_some(), good, "traceparent: {value}");
            assert_eq!(
                trace.baggage.as_deref(),
                Some("a=b"),
                "traceparent: {value}"
            );
        }
    }

    #[test]
    fn a_trace_without_a_span_is_completed_and_never_mixed() {
        let trace = |traceparent: Option<&str>, rest: &str| Trace {
            traceparent: traceparent.map(str::to_owned),
            tracestate: traceparent.map(|_| rest.to_owned()),
            baggage: Some(rest.to_owned()),
        };
        assert_eq!(
            trace(Some(GOOD), "meta").or(|| trace(Some(GOOD), "header")),
            trace(Some(GOOD), "meta")
        );
        let completed = Trace::default().or(|| trace(Some(GOOD), "header"));
        assert_eq!(completed, trace(Some(GOOD), "header"));
        let completed = trace(None, "meta").or(|| trace(Some(GOOD), "header"));
        assert_eq!(completed.tracestate.as_deref(), Some("header"));
        assert_eq!(completed.baggage.as_deref(), Some("meta"));
    }

    #[test]
    fn too_long_trace_values_are_dropped() {
        for (length, kept) in [(MAX_TRACE, true), (MAX_TRACE + 1, false)] {
            let trace = Trace::from_fields(|name| match name {
                "traceparent" => Some(GOOD.to_owned()),
                _ => Some("x".repeat(length)),
            });
            assert_eq!(trace.baggage.is_some(), kept, "{length} bytes");
            assert_eq!(trace.tracestate.is_some(), kept, "{length} bytes");
        }
    }
}
