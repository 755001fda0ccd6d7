//! An Application Load Balancer whose target is the function.
//!
//! Source: "Use Lambda functions as targets of an Application Load Balancer" (Elastic Load Balancing), also for the two
//! forms of headers, of which the attribute `lambda.multi_value_headers.enabled` of the target group selects one.

use bytes::Bytes;
use http::{Response, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{
    http_api::is_text,
    integration::{HttpAnswer, MalformedAnswer, parse_json, require_object},
    kind::MAX_LOAD_BALANCER_PAYLOAD,
    request::{ClientRequest, lossy, multi_values},
    rest_api::last_values,
};
use crate::{config::ACCOUNT, invocation::Invocation};

/// Returns the event for a request. Names and values in the query are not decoded.
pub(super) fn event(request: &ClientRequest, multi_value: bool, region: &str) -> Value {
    let (body, is_base64_encoded) =
        request.encoded_body(!is_text(request) || request.header("content-encoding").is_some());
    let headers = request.headers.iter();
    let headers = multi_values(
        headers.map(|(name, value)| (name.as_str().to_owned(), lossy(value).into_owned())),
    );
    let query = request.raw_query.split('&').filter(|pair| !pair.is_empty());
    let query = multi_values(query.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    }));
    let mut event = json!({
        "requestContext": { "elb": {
            "targetGroupArn": format!("arn:aws:elasticloadbalancing:{region}:{ACCOUNT}:targetgroup/lambda-local/0123456789abcdef"),
        } },
        "httpMethod": request.method,
        "path": request.path,
        "body": body.unwrap_or_default(),
        "isBase64Encoded": is_base64_encoded,
    });
    let or_none = |values: Value| match values {
        Value::Null => json!({}),
        values => values,
    };
    if multi_value {
        event["multiValueHeaders"] = or_none(headers);
        event["multiValueQueryStringParameters"] = or_none(query);
    } else {
        event["headers"] = or_none(last_values(&headers));
        event["queryStringParameters"] = or_none(last_values(&query));
    }
    event
}

/// Returns the function's response as HTTP. Only headers in the form that the target group uses are included.
pub(super) fn response(
    invocation: &Invocation,
    multi_value: bool,
) -> Result<Response<Full<Bytes>>, MalformedAnswer> {
    let size = invocation.payload.len();
    if size > MAX_LOAD_BALANCER_PAYLOAD {
        return Err(MalformedAnswer(format!(
            "{size} bytes, but a load balancer accepts at most {MAX_LOAD_BALANCER_PAYLOAD}"
        )));
    }
    let json = parse_json(invocation)?;
    let json = require_object(&json)?;
    let mut answer = HttpAnswer::read(json)?;
    let headers = if multi_value {
        "multiValueHeaders"
    } else {
        "headers"
    };
    answer.add_headers(json.get(headers))?;
    if !answer.body.is_empty() {
        answer.default_header(header::CONTENT_TYPE, "application/octet-stream");
    }
    Ok(answer.into_response())
}
