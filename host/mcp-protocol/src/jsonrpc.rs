//! JSON-RPC 2.0: parses one incoming message, and builds one outgoing message.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Number, Value, value::RawValue};

use crate::error_text::truncate;

/// Error code: the body is not JSON.
pub const PARSE_ERROR: i32 = -32700;
/// Error code: the body is not one valid JSON-RPC message.
pub const INVALID_REQUEST: i32 = -32600;
/// Error code: the server does not offer the method.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// Error code: the parameters do not fit the method, or the tool is unknown.
pub const INVALID_PARAMS: i32 = -32602;
/// Error code: the server failed.
pub const INTERNAL_ERROR: i32 = -32603;
/// Error code: a header is missing, or disagrees with the body (M:http).
pub const HEADER_MISMATCH: i32 = -32020;
/// Error code: the request needs a capability that the client did not declare (M:base).
pub const MISSING_REQUIRED_CLIENT_CAPABILITY: i32 = -32021;
/// Error code: the server does not offer the revision (M:ver).
pub const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

/// The maximum number of messages in a batch. Source: ours. It limits the number of errors that a small body of
/// malformed messages can cause.
pub(crate) const MAX_BATCH: usize = 100;

/// The id of a request: a string or an integer, never null (M:base).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Id {
    /// An integer.
    Number(Number),
    /// A string.
    String(String),
}

impl Id {
    pub(crate) fn parse(raw: &RawValue) -> Option<Self> {
        match serde_json::from_str(raw.get()) {
            Ok(Value::String(text)) => Some(Self::String(text)),
            Ok(Value::Number(number)) if !number.is_f64() => Some(Self::Number(number)),
            _ => None,
        }
    }
}

/// One message whose parts are not parsed yet.
pub(crate) enum Message<'a> {
    Request {
        id: Id,
        method: String,
        params: Option<&'a RawValue>,
    },
    Notification {
        method: String,
        params: Option<&'a RawValue>,
    },
    Response,
    /// The unparsed items of an array. Only the first `MAX_BATCH + 1` items of a longer array are kept.
    Batch(Vec<&'a RawValue>),
}

/// The unparsed members of a message. A member that is null is `Some("null")`, unlike an absent one.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl<'a> Message<'a> {
    /// Parses the body of a POST, or a line of stdio.
    ///
    /// # Errors
    /// The error response to a body that is not a JSON-RPC message or batch: 400, -32700 or -32600.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Answer> {
        let text = str::from_utf8(body).map_err(|error| not_json(&error))?;
        Self::parse_text(text)
    }

    /// Parses one message of a batch.
    ///
    /// # Errors
    /// The same as for [`Self::parse`].
    pub(crate) fn parse_one(raw: &'a RawValue) -> Result<Self, Answer> {
        Self::parse_text(raw.get())
    }

    fn parse_text(text: &'a str) -> Result<Self, Answer> {
        // This check must come first: serde would also accept an array as an `Envelope`, with its items as the members
        // in order.
        if !text.trim_start_matches(JSON_BLANKS).starts_with('{') {
            return Self::not_an_object(text, "it must be an object");
        }
        let envelope: Envelope<'a> = match serde_json::from_str(text) {
            Ok(envelope) => envelope,
            Err(error) => return Self::not_an_object(text, &error.to_string()),
        };
        let id = envelope.id.and_then(Id::parse);
        let refuse = |message| Err(Answer::error(400, id.as_ref(), INVALID_REQUEST, message));
        if envelope
            .jsonrpc
            .is_none_or(|version| version.get() != r#""2.0""#)
        {
            return refuse("`jsonrpc` must be \"2.0\"");
        }
        let Some(method) = envelope.method else {
            let is_response = envelope.result.is_some() || envelope.error.is_some();
            return if is_response {
                Ok(Self::Response)
            } else {
                refuse("`method` is missing")
            };
        };
        let Ok(method) = serde_json::from_str::<String>(method.get()) else {
            return refuse("`method` must be a string");
        };
        match (envelope.id, id) {
            (None, _) => Ok(Self::Notification {
                method,
                params: envelope.params,
            }),
            (Some(_), Some(id)) => Ok(Self::Request {
                id,
                method,
                params: envelope.params,
            }),
            (Some(_), None) => Err(Answer::error(
                400,
                None,
                INVALID_REQUEST,
                "`id` must be a string or an integer, and not null",
            )),
        }
    }

    fn not_an_object(text: &'a str, problem: &str) -> Result<Self, Answer> {
        match serde_json::from_str::<&RawValue>(text) {
            Err(error) => Err(not_json(&error)),
            Ok(value) if value.get().starts_with('[') => {
                let Items(items) = serde_json::from_str(text).map_err(|error| not_json(&error))?;
                Ok(Self::Batch(items))
            }
            Ok(_) => Err(Answer::error(
                400,
                None,
                INVALID_REQUEST,
                &format!("not a JSON-RPC message: {problem}"),
            )),
        }
    }
}

impl<'a> Message<'a> {
    pub(crate) fn id(&self) -> Option<&Id> {
        match self {
            Self::Request { id, .. } => Some(id),
            Self::Notification { .. } | Self::Response | Self::Batch(_) => None,
        }
    }

    pub(crate) fn params(&self) -> Option<&'a RawValue> {
        match self {
            Self::Request { params, .. } | Self::Notification { params, .. } => *params,
            Self::Response | Self::Batch(_) => None,
        }
    }
}

/// The items of an array. No more than `MAX_BATCH + 1` are kept, which is enough to detect that a batch is too long.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;

        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Items<'de>, A::Error> {
                let mut read = Vec::new();
                while read.len() <= MAX_BATCH {
                    match items.next_element()? {
                        Some(item) => read.push(item),
                        None => return Ok(Items(read)),
                    }
                }
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items(read))
            }
        }

        deserializer.deserialize_seq(ItemsVisitor)
    }
}

/// The whitespace that JSON allows around values (RFC 8259, section 2).
const JSON_BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

fn not_json(error: &dyn fmt::Display) -> Answer {
    let message = format!("the body is not JSON: {error}");
    Answer::error(400, None, PARSE_ERROR, &message)
}

/// The response to one POST: an HTTP status, and a JSON body if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// A JSON-RPC message; `None` for an accepted notification.
    pub body: Option<Vec<u8>>,
    /// Whether the body is a JSON-RPC error, or a batch that contains one.
    pub is_error: bool,
}

#[derive(Serialize)]
struct SuccessResponse<'a, T: Serialize + ?Sized> {
    jsonrpc: &'static str,
    id: &'a Id,
    result: &'a T,
}

#[derive(Serialize)]
struct ErrorResponse<'a> {
    jsonrpc: &'static str,
    // Omitted if the request's id could not be read: MCP's schemas do not allow null.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Id>,
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: i32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

impl Answer {
    /// 202 without a body: a notification or response was accepted.
    pub const ACCEPTED: Self = Self {
        status: 202,
        body: None,
        is_error: false,
    };

    /// Returns a successful response: `{"jsonrpc": "2.0", "id": 1, "result": {}}`.
    pub fn success(id: &Id, result: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(&SuccessResponse {
            jsonrpc: "2.0",
            id,
            result,
        }) {
            Ok(body) => Self {
                status: 200,
                body: Some(body),
                is_error: false,
            },
            Err(error) => Self::error(
                200,
                Some(id),
                INTERNAL_ERROR,
                &format!("the result cannot be serialized as JSON: {error}"),
            ),
        }
    }

    /// Returns a JSON-RPC error with an HTTP status: `{"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message":
    /// "..."}}`.
    #[must_use]
    pub fn error(status: u16, id: Option<&Id>, code: i32, message: &str) -> Self {
        Self::error_with(status, id, code, message, None)
    }

    pub(crate) fn error_with(
        status: u16,
        id: Option<&Id>,
        code: i32,
        message: &str,
        data: Option<Value>,
    ) -> Self {
        let message = &truncate(message);
        let response = ErrorResponse {
            jsonrpc: "2.0",
            id,
            error: ErrorObject {
                code,
                message,
                data,
            },
        };
        // Serializing strings, numbers and JSON values cannot fail.
        Self {
            status,
            body: Some(serde_json::to_vec(&response).unwrap_or_default()),
            is_error: true,
        }
    }
}
