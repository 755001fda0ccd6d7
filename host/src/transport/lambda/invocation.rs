//! An invocation of the Lambda function: an event, with the headers that Lambda adds.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

/// How long after it has passed a deadline is still respected. Unit: seconds; 60. Source: ours. Lambda never sends an
/// event whose deadline has passed, but its clock and this machine's may differ. A time long past is not a deadline:
/// `cargo lambda watch` always sends ten minutes after the beginning of 1970.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

/// An event, with the headers that Lambda adds.
#[derive(Clone, Debug, Default)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    /// An id that the response must repeat.
    pub(super) invocation_id: Option<HeaderValue>,
    /// The time until which Lambda waits for the response. Unit: milliseconds since 1970.
    pub(super) deadline_ms: u64,
    /// The trace to which the invocation belongs.
    pub(super) trace: Option<HeaderValue>,
    /// The client context that the invoker has sent.
    pub(super) client: ClientContext,
    /// The invoker's Cognito identity, if it has one.
    pub(super) identity: Option<CognitoIdentity>,
    pub(super) event: Bytes,
}

/// A client context. (Its other members, which mobile applications set, are not needed.)
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct ClientContext {
    #[serde(default)]
    pub(super) custom: HashMap<String, Value>,
}

/// The Cognito identity to which the invoker's credentials belong.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CognitoIdentity {
    #[serde(rename = "cognitoIdentityId", alias = "identity_id")]
    pub(super) id: String,
    #[serde(rename = "cognitoIdentityPoolId", alias = "identity_pool_id")]
    pub(super) pool: String,
}

impl Invocation {
    /// Reads an invocation from Lambda's response to the request for the next one. Returns `None` if there is no
    /// request id.
    pub(super) fn new(headers: &HeaderMap, event: Bytes) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Some(Self {
            request_id: text("lambda-runtime-aws-request-id")?.to_owned(),
            invocation_id: headers.get("lambda-runtime-invocation-id").cloned(),
            deadline_ms: text("lambda-runtime-deadline-ms")
                .and_then(|deadline| deadline.parse().ok())
                .unwrap_or_default(),
            trace: headers.get("lambda-runtime-trace-id").cloned(),
            client: text("lambda-runtime-client-context")
                .and_then(parse_header)
                .unwrap_or_default(),
            identity: text("lambda-runtime-cognito-identity").and_then(parse_header),
            event,
        })
    }

    /// Returns the time until which Lambda waits for the response. Returns `None` for a time that had long passed when
    /// the event arrived: emulators send such times.
    pub(super) fn deadline(&self) -> Option<SystemTime> {
        let deadline = UNIX_EPOCH + Duration::from_millis(self.deadline_ms);
        let passed = SystemTime::now().duration_since(deadline);
        (passed.unwrap_or_default() <= MAX_CLOCK_SKEW).then_some(deadline)
    }
}

/// Parses the value of a header. A value in an unexpected form is ignored, so that the invocation does not fail.
fn parse_header<T: DeserializeOwned>(header: &str) -> Option<T> {
    serde_json::from_str(header).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use serde_json::json;

    use super::*;

    fn invocation(headers: &[(&'static str, &'static str)]) -> Option<Invocation> {
        let headers = headers.iter().map(|&(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        Invocation::new(&headers.collect(), Bytes::new())
    }

    #[test]
    fn headers_beside_an_event_may_have_any_form() {
        for (context, custom) in [
            (r#"{"custom":{"a":"b"}}"#, json!({ "a": "b" })),
            (
                r#"{"custom":{"a":{"b":1}},"client":{},"env":null}"#,
                json!({ "a": { "b": 1 } }),
            ),
            (r#"{"client":null}"#, json!({})),
            ("{}", json!({})),
            ("", json!({})),
            ("[]", json!({})),
            ("no JSON", json!({})),
        ] {
            let id = ("lambda-runtime-aws-request-id", "1");
            let invocation = invocation(&[id, ("lambda-runtime-client-context", context)]);
            let invocation = invocation.expect("it has a name");
            assert_eq!(json!(invocation.client.custom), custom, "{context}");
        }
        for (identity, expected) in [
            (
                r#"{"cognitoIdentityId":"a","cognitoIdentityPoolId":"p"}"#,
                Some(("a", "p")),
            ),
            (
                r#"{"identity_id":"a","identity_pool_id":"p"}"#,
                Some(("a", "p")),
            ),
            ("{}", None),
            ("", None),
        ] {
            let id = ("lambda-runtime-aws-request-id", "1");
            let invocation = invocation(&[id, ("lambda-runtime-cognito-identity", identity)]);
            let known = invocation.expect("it has a name").identity;
            let known = known.as_ref();
            let known = known.map(|known| (known.id.as_str(), known.pool.as_str()));
            assert_eq!(known, expected, "{identity}");
        }
        assert!(invocation(&[("lambda-runtime-deadline-ms", "1")]).is_none());
    }

    #[test]
    fn a_deadline_long_past_is_ignored() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = u64::try_from(now.expect("after 1970").as_millis()).expect("not so late");
        // The year 3000.
        const FAR: u64 = 32_503_680_000_000;
        for (deadline_ms, counts) in [
            (0, false),
            (600_000, false),
            (now - 120_000, false),
            (now - 30_000, true),
            (now, true),
            (FAR, true),
        ] {
            let expected = counts.then(|| UNIX_EPOCH + Duration::from_millis(deadline_ms));
            let invocation = Invocation {
                deadline_ms,
                ..Invocation::default()
            };
            assert_eq!(invocation.deadline(), expected, "{deadline_ms}");
        }
    }
}
