//! The values that a tool can return, and their conversion to the result that the client sees.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    StateErrorKind,
    content::{Content, Resource, ResourceLink},
    error::{self, ToolError},
    schema,
};

/// The result of a call, for tools that set its parts one by one.
///
/// ```
/// use plugin_sdk::{Content, ToolResult, serde_json::json};
///
/// let result = ToolResult::text("Two cities.")
///     .with(Content::image([0x89, b'P', b'N', b'G'], "image/png"))
///     .with_structured(&json!({ "cities": ["Lyon", "Turin"] }))
///     .with_meta("example.com/took-ms", 12);
/// # let _ = result;
/// ```
///
/// The client sees it as a `CallToolResult`:
///
/// ```json
/// {
///     "content": [{"type": "text", "text": "Two cities."}, {"type": "image", "data": "iVBORw==", "mimeType": "image/png"}],
///     "structuredContent": {"cities": ["Lyon", "Turin"]},
///     "_meta": {"example.com/took-ms": 12}
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ToolResult {
    pub(crate) content: Vec<Content>,
    pub(crate) structured: Option<Box<RawValue>>,
    pub(crate) is_error: bool,
    pub(crate) meta: Map<String, Value>,
    /// The kind of the state error that made the call fail, if there is one.
    pub(crate) cause: Option<StateErrorKind>,
    /// The reason why the call has no result, if it has none.
    pub(crate) no_result: Option<NoResult>,
}

/// The reason why a call has no result.
#[derive(Clone, Debug)]
pub(crate) enum NoResult {
    /// The tool failed with a JSON-RPC error.
    Protocol {
        /// The code of the JSON-RPC error.
        code: i32,
        /// The message of the JSON-RPC error.
        message: String,
    },
    /// A value cannot be written as JSON. Like a panic, this is a bug in the tool, so only the operator sees the
    /// message.
    NotJson(String),
}

impl ToolResult {
    /// Creates a result without content.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a result with one text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new().with(Content::text(text))
    }

    /// Creates a result with `isError`, which tells the model that the tool failed and why.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            is_error: true,
            ..Self::text(message)
        }
    }

    /// Adds a content block.
    #[must_use]
    pub fn with(mut self, content: impl Into<Content>) -> Self {
        self.content.push(content.into());
        self
    }

    /// Sets `structuredContent`.
    ///
    /// This adds no text block. Add one for clients that read only text, as [`Json`] does. A tool that always returns
    /// structured content should declare its schema with `#[tool(output_schema = ...)]`.
    #[must_use]
    pub fn with_structured(mut self, value: &impl Serialize) -> Self {
        match to_raw_value(value) {
            Ok(json) => {
                self.structured = Some(json);
                self
            }
            Err(error) => not_json(&error),
        }
    }

    /// Adds an entry to `_meta`, under a key such as `example.com/source`.
    #[must_use]
    pub fn with_meta(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.meta.insert(key.into(), value.into());
        self
    }

    /// Sets `isError`: the tool failed.
    #[must_use]
    pub fn as_error(mut self) -> Self {
        self.is_error = true;
        self
    }
}

/// Creates the result for a value that cannot be written as JSON.
fn not_json(error: &serde_json::Error) -> ToolResult {
    ToolResult {
        no_result: Some(NoResult::NotJson(error.to_string())),
        ..ToolResult::default()
    }
}

/// A type that a tool can return. The documentation of the crate [lists](crate#return-types) these types.
#[diagnostic::on_unimplemented(
    message = "a tool cannot return `{Self}`",
    label = "not a result of a tool",
    note = "return `String`, a number, `bool`, `()`, `Json<T>` where `T: Serialize + JsonSchema`, `Content`, `ToolResult`, or a `Result` of these"
)]
pub trait IntoToolResult {
    /// Returns the schema of `structuredContent`, if the type always has one.
    #[must_use]
    fn output_schema() -> Option<Value>
    where
        Self: Sized,
    {
        None
    }

    /// Converts the value to the result that the client receives.
    fn into_tool_result(self) -> ToolResult;
}

impl IntoToolResult for ToolResult {
    fn into_tool_result(self) -> ToolResult {
        self
    }
}

impl IntoToolResult for () {
    fn into_tool_result(self) -> ToolResult {
        ToolResult::default()
    }
}

macro_rules! as_text {
    ($($ty:ty)*) => {$(
        impl IntoToolResult for $ty {
            fn into_tool_result(self) -> ToolResult {
                ToolResult::text(self.to_string())
            }
        }
    )*};
}

as_text!(
    &str String Box<str> std::borrow::Cow<'_, str>
    bool char i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64
);

macro_rules! as_content {
    ($($ty:ty)*) => {$(
        impl IntoToolResult for $ty {
            fn into_tool_result(self) -> ToolResult {
                ToolResult::new().with(self)
            }
        }
    )*};
}

as_content!(Content ResourceLink Resource);

impl IntoToolResult for Vec<Content> {
    fn into_tool_result(self) -> ToolResult {
        ToolResult {
            content: self,
            ..ToolResult::default()
        }
    }
}

impl<const N: usize> IntoToolResult for [Content; N] {
    fn into_tool_result(self) -> ToolResult {
        Vec::from(self).into_tool_result()
    }
}

impl<T: IntoToolResult> IntoToolResult for Option<T> {
    fn into_tool_result(self) -> ToolResult {
        self.map(T::into_tool_result).unwrap_or_default()
    }
}

impl<T: IntoToolResult, E: Display + 'static> IntoToolResult for Result<T, E> {
    fn output_schema() -> Option<Value> {
        T::output_schema()
    }

    fn into_tool_result(self) -> ToolResult {
        match self {
            Ok(value) => value.into_tool_result(),
            Err(error) => error::into_tool_error(error).into_tool_result(),
        }
    }
}

impl IntoToolResult for ToolError {
    fn into_tool_result(self) -> ToolResult {
        let result = match self.code() {
            Some(code) => ToolResult {
                no_result: Some(NoResult::Protocol {
                    code,
                    message: self.to_string(),
                }),
                ..ToolResult::default()
            },
            None => ToolResult::error(self.to_string()),
        };
        ToolResult {
            cause: self.cause(),
            ..result
        }
    }
}

/// A structured result: `structuredContent`, the same JSON as text, and an `outputSchema` made from the type.
///
/// ```json
/// {"content": [{"type": "text", "text": "{\"celsius\":21}"}], "structuredContent": {"celsius": 21}}
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema> IntoToolResult for Json<T> {
    fn output_schema() -> Option<Value> {
        Some(schema::output_schema::<T>())
    }

    fn into_tool_result(self) -> ToolResult {
        match to_raw_value(&self.0) {
            Ok(json) => ToolResult {
                structured: Some(json.clone()),
                ..ToolResult::text(json.get())
            },
            Err(error) => not_json(&error),
        }
    }
}
