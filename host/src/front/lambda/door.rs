//! The doors of HTTP: through which one a request came, how long that waits, how much it takes, and where below it the
//! request goes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{
    http::HeaderMap,
    request::{LambdaRequest, RequestContext},
};

use super::event::Unknown;
use crate::app::{Ceiling, Room};

/// How long a REST API waits for its integration.
/// Source: Amazon API Gateway, "Quotas for configuring and running a REST API" (50 ms to 29 s; regional and private APIs
/// can have it raised).
pub(super) const REST_API: Ceiling = Ceiling {
    door: "a REST API",
    limit: Duration::from_secs(29),
};

/// How long an HTTP API waits for its integration.
/// Source: Amazon API Gateway, "Quotas for configuring and running an HTTP API": 30 s, which cannot be raised. Taken as
/// 29 s, as what is on the way to and from the function counts too.
const HTTP_API: Ceiling = Ceiling {
    door: "an HTTP API",
    limit: Duration::from_secs(29),
};

/// How long an Application Load Balancer waits for its target.
/// Source: Elastic Load Balancing, "Edit attributes for your Application Load Balancer": the connection idle timeout, 60 s unless
/// it is configured.
const LOAD_BALANCER: Ceiling = Ceiling {
    door: "a load balancer",
    limit: Duration::from_secs(60),
};

/// How long ago a deadline may have been and still count. Unit: seconds; 60. Source: ours. Lambda hands out no event whose
/// deadline has passed, but its clock and ours may differ; `cargo lambda watch` always says ten minutes after 1970 began.
const LONG_PASSED: Duration = Duration::from_secs(60);

/// What Lambda takes of an answer that is sent whole. (API Gateway takes 10 MB.) Unit: bytes.
/// Source: the text of Lambda's own error, "Exceeded maximum allowed payload size (6291556 bytes)".
const LAMBDA_ANSWER: usize = 6_291_556;

/// What a load balancer takes of the JSON that a function answers. Unit: bytes.
/// Source: Elastic Load Balancing, "Use Lambda functions as targets of an Application Load Balancer": 1 MB.
const LOAD_BALANCER_ANSWER: usize = 1024 * 1024;

/// Lambda's room for an answer that is the invocation's own.
pub(super) const DIRECT: Room = Room {
    door: "Lambda",
    bytes: LAMBDA_ANSWER,
    quoted: false,
};

/// A front door, and what it says of a request.
pub(super) struct Door<'a> {
    /// The domain that it vouches for.
    pub(super) domain: &'a str,
    /// Where the request goes, without the stage.
    pub(super) path: &'a str,
    pub(super) ceiling: Option<Ceiling>,
    pub(super) room: Room,
}

impl<'a> Door<'a> {
    /// The door of an event with this context, and with this path as it is in the event.
    pub(super) fn of(context: &'a RequestContext, path: &'a str) -> Self {
        let (domain, path, ceiling) = match context {
            // The path has no stage. Of a base path, by which a domain leads to the API, only the resource knows.
            RequestContext::ApiGatewayV1(context) => {
                let is_root = context.resource_path.as_deref() == Some("/");
                let path = if is_root { "/" } else { path };
                (context.domain_name.as_deref(), path, Some(REST_API))
            }
            RequestContext::ApiGatewayV2(context) => {
                let domain = context.domain_name.as_deref();
                let route = context.route_key.as_deref().unwrap_or_default();
                let path = if route.ends_with(" /") {
                    "/"
                } else {
                    without_stage(path, context.stage.as_deref())
                };
                let ceiling = (!is_function_url(domain)).then_some(HTTP_API);
                (domain, path, ceiling)
            }
            RequestContext::Alb(_) => (None, path, Some(LOAD_BALANCER)),
            _ => (None, path, None),
        };
        let (door, bytes) = match context {
            RequestContext::Alb(_) => (LOAD_BALANCER.door, LOAD_BALANCER_ANSWER),
            _ => (DIRECT.door, LAMBDA_ANSWER),
        };
        Self {
            domain: domain.unwrap_or_default(),
            path,
            ceiling,
            room: Room {
                door,
                bytes,
                quoted: true,
            },
        }
    }
}

/// By when Lambda wants the answer. A moment that had long passed when the request came is no deadline: emulators send such.
/// Unit: milliseconds since 1970.
pub(super) fn deadline(milliseconds: u64) -> Option<SystemTime> {
    let deadline = UNIX_EPOCH + Duration::from_millis(milliseconds);
    let passed = SystemTime::now().duration_since(deadline);
    (passed.unwrap_or_default() <= LONG_PASSED).then_some(deadline)
}

/// Function URLs send the events of HTTP APIs, but wait as long as the function runs.
/// Source: AWS Lambda, "Invoking Lambda function URLs": `https://<url-id>.lambda-url.<region>.on.aws`.
fn is_function_url(domain: Option<&str>) -> bool {
    domain.is_some_and(|domain| domain.contains(".lambda-url."))
}

/// `/prod/mcp` -> `/mcp`: HTTP APIs send the stage along, unless it is `$default`.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    rest.filter(|rest| rest.is_empty() || rest.starts_with('/'))
        .unwrap_or(path)
}

/// Take out of an event what `lambda_http` would stumble over while it makes a request of it.
///
/// - A header may be there once, with its last value, and once with all. It takes the former over the latter.
/// - It builds a URL of the `Host` header and the query, and panics when that is none. A load balancer passes on whatever
///   its client sent. (The host asks for neither; the header stays.)
///
/// # Errors
/// The body is said to be base64, and is none: it would panic.
pub(super) fn settle(event: &mut LambdaRequest) -> Result<(), Unknown> {
    let (body, is_encoded) = match event {
        LambdaRequest::ApiGatewayV1(event) => {
            merge(&mut event.headers, &mut event.multi_value_headers);
            (&event.body, event.is_base64_encoded)
        }
        LambdaRequest::Alb(event) => {
            merge(&mut event.headers, &mut event.multi_value_headers);
            (&event.body, event.is_base64_encoded)
        }
        LambdaRequest::ApiGatewayV2(event) => {
            event.raw_query_string = None;
            (&event.body, event.is_base64_encoded)
        }
        _ => return Ok(()),
    };
    match body {
        Some(body) if is_encoded && BASE64_STANDARD.decode(body).is_err() => Err(Unknown::new(
            "one of a gateway whose body is said to be base64, and is none",
        )),
        _ => Ok(()),
    }
}

/// Move headers to those that have all their values.
fn merge(single: &mut HeaderMap, all: &mut HeaderMap) {
    for (name, value) in std::mem::take(single) {
        if let Some(name) = name
            && !all.contains_key(&name)
        {
            all.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;

    use super::*;

    /// The year 3000. Unit: milliseconds since 1970.
    const FAR: u64 = 32_503_680_000_000;

    #[test]
    fn a_body_that_is_said_to_be_base64_and_is_none_is_told_so() {
        for (body, is_encoded, is_fine) in [
            (Some("e30="), true, true),
            (Some("no base64!"), true, false),
            (Some("no base64!"), false, true),
            (None, true, true),
        ] {
            let mut event = ApiGatewayV2httpRequest::default();
            event.body = body.map(str::to_owned);
            event.is_base64_encoded = is_encoded;
            let settled = settle(&mut LambdaRequest::ApiGatewayV2(event));
            assert_eq!(settled.is_ok(), is_fine, "{body:?}, encoded: {is_encoded}");
        }
    }

    #[test]
    fn a_deadline_that_had_long_passed_is_none() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = u64::try_from(now.expect("after 1970").as_millis()).expect("not so late");
        for (milliseconds, counts) in [
            (0, false),
            (600_000, false),
            (now - 120_000, false),
            (now - 30_000, true),
            (now, true),
            (FAR, true),
        ] {
            let expected = counts.then(|| UNIX_EPOCH + Duration::from_millis(milliseconds));
            assert_eq!(
                deadline(milliseconds),
                expected,
                "milliseconds: {milliseconds}"
            );
        }
    }
}
