//! What a tool gives back, and how it becomes MCP content.

use std::fmt::{self, Display};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::schema;

/// One block of content in a result.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
}

impl Content {
    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// The result of one call.
#[derive(Clone, Debug, Default)]
pub struct ToolResult {
    pub(crate) content: Vec<Content>,
    pub(crate) structured: Option<Box<RawValue>>,
    pub(crate) is_error: bool,
}

impl ToolResult {
    /// A result that is one text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            content: vec![Content::text(text)],
            ..Self::default()
        }
    }

    /// A failure of the tool itself, in words that the model can act on: a result with `isError`.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            is_error: true,
            ..Self::text(message)
        }
    }
}

/// A type that a tool can give back. See the [table](crate#what-a-tool-gives-back).
#[diagnostic::on_unimplemented(
    message = "a tool cannot give back `{Self}`",
    label = "not a result of a tool",
    note = "give back `String`, a number, `bool`, `()`, `Json<T>` where `T: Serialize + JsonSchema`, or a `Result` of these"
)]
pub trait IntoToolResult {
    /// The schema of `structuredContent`, when the type always has one.
    #[must_use]
    fn output_schema() -> Option<Value>
    where
        Self: Sized,
    {
        None
    }

    /// The result that the client sees.
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

as_text!(&str String bool char i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

impl<T: IntoToolResult> IntoToolResult for Option<T> {
    fn into_tool_result(self) -> ToolResult {
        self.map(T::into_tool_result).unwrap_or_default()
    }
}

impl<T: IntoToolResult, E: Display> IntoToolResult for Result<T, E> {
    fn output_schema() -> Option<Value> {
        T::output_schema()
    }

    fn into_tool_result(self) -> ToolResult {
        match self {
            Ok(value) => value.into_tool_result(),
            // The alternate form makes errors that have causes, such as anyhow's, print them too.
            Err(error) => ToolResult::error(format!("{error:#}")),
        }
    }
}

/// A structured result: `structuredContent`, the same as text, and an `outputSchema` made from the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: Serialize + JsonSchema> IntoToolResult for Json<T> {
    fn output_schema() -> Option<Value> {
        Some(schema::output::<T>())
    }

    fn into_tool_result(self) -> ToolResult {
        match to_raw_value(&self.0) {
            Ok(json) => ToolResult {
                content: vec![Content::text(json.get())],
                structured: Some(json),
                is_error: false,
            },
            Err(error) => ToolResult::error(format!("the result has no form in JSON: {error}")),
        }
    }
}

/// An error for tools that fail in more than one way: made from any [`std::error::Error`] by `?`, or from a message.
///
/// ```
/// use plugin_sdk::ToolError;
///
/// fn parse(text: &str) -> Result<u16, ToolError> {
///     let port: u16 = text.parse()?;
///     if port == 0 {
///         return Err(ToolError::new("port 0 cannot be connected to"));
///     }
///     Ok(port)
/// }
///
/// assert_eq!(parse("0").unwrap_err().to_string(), "port 0 cannot be connected to");
/// assert_eq!(parse("x").unwrap_err().to_string(), "invalid digit found in string");
/// ```
// It does not implement `std::error::Error`: that would forbid the conversion from every error.
pub struct ToolError(String);

impl ToolError {
    /// A failure with this message, which the model reads.
    pub fn new(message: impl Display) -> Self {
        Self(message.to_string())
    }
}

impl<E: std::error::Error> From<E> for ToolError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self(message)
    }
}

impl Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToolError({:?})", self.0)
    }
}
