//! The format in which functions return HTTP responses to a gateway.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Map, Value};

use crate::invocation::Invocation;

/// The reason why a response is malformed, for the operator's log.
pub(super) struct MalformedAnswer(pub(super) String);

/// An HTTP response that was read from the JSON of a function.
#[derive(Default)]
pub(super) struct HttpAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl HttpAnswer {
    /// Reads the members that both payload formats share: `statusCode`, `body` and `isBase64Encoded`.
    pub(super) fn read(answer: &Map<String, Value>) -> Result<Self, MalformedAnswer> {
        let mut read = Self::read_undecoded(answer)?;
        if answer.get("isBase64Encoded") == Some(&Value::Bool(true)) {
            let decoded = BASE64_STANDARD.decode(&read.body);
            read.body = decoded
                .map_err(|error| {
                    MalformedAnswer(format!(
                        "isBase64Encoded is true, but body is not base64: {error}"
                    ))
                })?
                .into();
        }
        Ok(read)
    }

    /// Reads the same members except `isBase64Encoded`. The body is not decoded.
    pub(super) fn read_undecoded(answer: &Map<String, Value>) -> Result<Self, MalformedAnswer> {
        let body = match answer.get("body") {
            None | Some(Value::Null) => Bytes::new(),
            Some(Value::String(body)) => Bytes::from(body.clone()),
            Some(other) => {
                return Err(MalformedAnswer(format!(
                    "body must be a string, not {}",
                    json_kind(other)
                )));
            }
        };
        Ok(Self {
            status: status(answer)?,
            headers: HeaderMap::new(),
            body,
        })
    }

    /// Reads the head of a streamed response. The body follows the head as bytes.
    pub(super) fn from_stream_head(
        head: &Map<String, Value>,
        body: Bytes,
    ) -> Result<Self, MalformedAnswer> {
        let mut answer = Self {
            status: status(head)?,
            headers: HeaderMap::new(),
            body,
        };
        answer.add_headers(head.get("headers"))?;
        answer.add_headers(head.get("multiValueHeaders"))?;
        answer.add_cookies(head.get("cookies"))?;
        Ok(answer)
    }

    /// Adds headers from an object, whose values are strings or lists of strings. Existing headers are kept.
    pub(super) fn add_headers(&mut self, headers: Option<&Value>) -> Result<(), MalformedAnswer> {
        let headers = match headers {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Object(headers)) => headers,
            Some(other) => {
                return Err(MalformedAnswer(format!(
                    "headers must be an object, not {}",
                    json_kind(other)
                )));
            }
        };
        for (name, value) in headers {
            let header = HeaderName::try_from(name.as_str())
                .map_err(|_| MalformedAnswer(format!("{name:?} is not a valid header name")))?;
            let values = match value {
                Value::Array(values) => values.as_slice(),
                value => std::slice::from_ref(value),
            };
            for value in values {
                self.add(header.clone(), value)?;
            }
        }
        Ok(())
    }

    /// Adds cookies from a list.
    pub(super) fn add_cookies(&mut self, cookies: Option<&Value>) -> Result<(), MalformedAnswer> {
        match cookies {
            None | Some(Value::Null) => Ok(()),
            Some(Value::Array(cookies)) => cookies
                .iter()
                .try_for_each(|cookie| self.add(header::SET_COOKIE, cookie)),
            Some(other) => Err(MalformedAnswer(format!(
                "cookies must be an array, not {}",
                json_kind(other)
            ))),
        }
    }

    /// Sets a header, unless the function has set it.
    pub(super) fn default_header(&mut self, name: HeaderName, value: &'static str) {
        self.headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }

    /// Returns the response as HTTP, without headers about the connection.
    pub(super) fn into_response(mut self) -> Response<Full<Bytes>> {
        for name in [
            header::CONNECTION,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
            header::UPGRADE,
        ] {
            self.headers.remove(name);
        }
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    fn add(&mut self, name: HeaderName, value: &Value) -> Result<(), MalformedAnswer> {
        let text = match value {
            Value::Null => return Ok(()),
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            other => {
                return Err(MalformedAnswer(format!(
                    "header {name} must be a string, not {}",
                    json_kind(other)
                )));
            }
        };
        let value = HeaderValue::from_bytes(text.as_bytes()).map_err(|_| {
            MalformedAnswer(format!("header {name} cannot have the value {text:?}"))
        })?;
        // If a name has both a single value and a list of values, the list contains the single value too.
        if self
            .headers
            .get_all(&name)
            .iter()
            .all(|present| *present != value)
        {
            self.headers.append(name, value);
        }
        Ok(())
    }
}

/// Parses a complete response as JSON.
pub(super) fn parse_json(invocation: &Invocation) -> Result<Value, MalformedAnswer> {
    let json = invocation.json();
    json.map_err(|error| MalformedAnswer(format!("not JSON: {error}")))
}

/// Returns the response as an object. It is malformed if it is anything else.
pub(super) fn require_object(answer: &Value) -> Result<&Map<String, Value>, MalformedAnswer> {
    let problem = || format!("the answer must be an object, not {}", json_kind(answer));
    answer.as_object().ok_or_else(|| MalformedAnswer(problem()))
}

/// Returns the kind of a JSON value, for messages.
fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn status(answer: &Map<String, Value>) -> Result<StatusCode, MalformedAnswer> {
    let code = answer
        .get("statusCode")
        .ok_or_else(|| MalformedAnswer("statusCode is missing".to_owned()))?;
    let number = match code {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    // Reject codes below 200: they announce another response, which never follows.
    number
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| (200..600).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .ok_or_else(|| MalformedAnswer(format!("statusCode {code} is not a valid HTTP status")))
}
