//! The front doors that use HTTP: their time limits, size limits and paths.

use std::time::Duration;

use lambda_http::request::RequestContext;

use crate::server::{call::deadline::GatewayTimeout, http::response_limit::ResponseLimit};

/// How long a REST API waits for its integration.
/// Source: Amazon API Gateway, "Quotas for configuring and running a REST API": 50 ms to 29 s. The limit can be raised
/// for regional and private APIs.
pub(super) const REST_API: GatewayTimeout = GatewayTimeout {
    front_door: "a REST API",
    limit: Duration::from_secs(29),
};

/// How long an HTTP API waits for its integration.
/// Source: Amazon API Gateway, "Quotas for configuring and running an HTTP API": 30 s, which cannot be raised. The host
/// uses 29 s, because the time for reaching the function and returning the response counts too.
const HTTP_API: GatewayTimeout = GatewayTimeout {
    front_door: "an HTTP API",
    limit: Duration::from_secs(29),
};

/// How long an Application Load Balancer waits for its target.
/// Source: Elastic Load Balancing, "Edit attributes for your Application Load Balancer": the connection idle timeout,
/// which is 60 s unless it is configured.
const LOAD_BALANCER: GatewayTimeout = GatewayTimeout {
    front_door: "a load balancer",
    limit: Duration::from_secs(60),
};

/// Lambda's size limit for a response that is not streamed. (The limit of API Gateway is 10 MB.) Unit: bytes.
/// Source: the message of Lambda's error, "Exceeded maximum allowed payload size (6291556 bytes)".
const LAMBDA_RESPONSE_LIMIT: usize = 6_291_556;

/// A load balancer's size limit for the JSON that a function returns. Unit: bytes.
/// Source: Elastic Load Balancing, "Use Lambda functions as targets of an Application Load Balancer": 1 MB.
const LOAD_BALANCER_RESPONSE_LIMIT: usize = 1024 * 1024;

/// Lambda's size limit for the response of a direct invocation.
pub(super) const DIRECT: ResponseLimit = ResponseLimit {
    front_door: "Lambda",
    bytes: LAMBDA_RESPONSE_LIMIT,
    is_json_escaped: false,
};

/// A front door, with what it contributes to a request.
pub(super) struct FrontDoor<'a> {
    /// The domain of the gateway. It comes from the gateway itself, not from the client.
    pub(super) domain: &'a str,
    /// The path of the request, without the gateway's stage.
    pub(super) path: &'a str,
    pub(super) gateway_timeout: Option<GatewayTimeout>,
    pub(super) response_limit: ResponseLimit,
}

impl<'a> FrontDoor<'a> {
    /// Returns the front door of an event with this context and this path.
    pub(super) fn from_context(context: &'a RequestContext, path: &'a str) -> Self {
        let (domain, path, gateway_timeout) = match context {
            // The path contains no stage. If a custom domain maps a base path to the API, only the resource path shows
            // the path without that base path.
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
                let gateway_timeout = (!is_function_url(domain)).then_some(HTTP_API);
                (domain, path, gateway_timeout)
            }
            RequestContext::Alb(_) => (None, path, Some(LOAD_BALANCER)),
            _ => (None, path, None),
        };
        let (door, bytes) = match context {
            RequestContext::Alb(_) => (LOAD_BALANCER.front_door, LOAD_BALANCER_RESPONSE_LIMIT),
            _ => (DIRECT.front_door, LAMBDA_RESPONSE_LIMIT),
        };
        Self {
            domain: domain.unwrap_or_default(),
            path,
            gateway_timeout,
            response_limit: ResponseLimit {
                front_door: door,
                bytes,
                is_json_escaped: true,
            },
        }
    }
}

/// Reports whether a domain belongs to a function URL. Function URLs send events in the format of HTTP APIs, but they
/// wait as long as the function runs.
/// Source: AWS Lambda, "Invoking Lambda function URLs": `https://<url-id>.lambda-url.<region>.on.aws`.
fn is_function_url(domain: Option<&str>) -> bool {
    domain.is_some_and(|domain| domain.contains(".lambda-url."))
}

/// Removes the stage from a path: `/prod/mcp` -> `/mcp`. HTTP APIs include the stage, unless it is `$default`.
fn without_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    rest.filter(|rest| rest.is_empty() || rest.starts_with('/'))
        .unwrap_or(path)
}
