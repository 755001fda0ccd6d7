//! JSON-RPC 2.0: one message in, one message out.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Number, Value, value::RawValue};

use crate::error_text::truncate;

/// Code of a body that is not JSON.
pub const PARSE_ERROR: i32 = -32700;
/// Code of a body that is not one valid message.
pub const INVALID_REQUEST: i32 = -32600;
/// Code of a method that the server does not offer.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// Code of parameters that do not fit the method, and of an unknown tool.
pub const INVALID_PARAMS: i32 = -32602;
/// Code of a failure of the server.
pub const INTERNAL_ERROR: i32 = -32603;
/// Code of a header that is missing or disagrees with the body (M:http).
pub const HEADER_MISMATCH: i32 = -32020;
/// Code of a request that needs a capability which the client did not declare (M:base).
pub const MISSING_REQUIRED_CLIENT_CAPABILITY: i32 = -32021;
/// Code of a revision that the server does not offer (M:ver).
pub const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;

/// The maximum number of messages in a batch. Source: ours. It bounds the answers to one small body of broken messages.
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

/// One message, its parts not parsed yet.
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
    /// The raw items of an array; only the first ones of a very long array.
    Batch(Vec<&'a RawValue>),
}

/// The raw members of a message: `Some("null")` is not the same as absent.
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
    /// Parses the body of a message.
    ///
    /// # Errors
    /// The answer to a body that is not one message: 400, -32700 or -32600.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Answer> {
        let text = str::from_utf8(body).map_err(|error| not_json(&error))?;
        Self::parse_text(text)
    }

    /// Parses one message of a batch.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(crate) fn parse_one(raw: &'a RawValue) -> Result<Self, Answer> {
        Self::parse_text(raw.get())
    }

    fn parse_text(text: &'a str) -> Result<Self, Answer> {
        // This check comes first: serde would take an array for an envelope, its items for the members in their order.
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

/// The items of an array, as many as can matter.
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

/// The blanks that JSON allows around its values (RFC 8259, section 2).
const JSON_BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

fn not_json(error: &dyn fmt::Display) -> Answer {
    let message = format!("the body is not JSON: {error}");
    Answer::error(400, None, PARSE_ERROR, &message)
}

/// The answer to one POST: an HTTP status and a JSON body, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// A JSON-RPC message; `None` for an accepted notification.
    pub body: Option<Vec<u8>>,
    /// Whether the body is an error, or a batch that contains one.
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
    // Omitted if the id could not be read: null is not valid in MCP's schemas.
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

    /// Returns a successful answer: `{"jsonrpc": "2.0", "id": 1, "result": {}}`.
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

    /// Returns a JSON-RPC error under an HTTP status: `{"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message":
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
        // Strings, numbers and JSON values always have a JSON form.
        Self {
            status,
            body: Some(serde_json::to_vec(&response).unwrap_or_default()),
            is_error: true,
        }
    }
}
