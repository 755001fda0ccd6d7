//! The errors with which a tool fails: a message for the model with its causes, or a JSON-RPC error.

use std::{
    any::Any,
    error::Error,
    fmt::{self, Display},
    io,
    marker::PhantomData,
};

use crate::{StateError, StateErrorKind};

/// An error type for tools whose functions return errors of several types.
///
/// `?` converts any [`std::error::Error`] with all its causes, any `anyhow::Error`, and any string.
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
// `std::error::Error` is not implemented: then `From` could not be implemented for all error types.
pub struct ToolError {
    message: String,
    code: Option<i32>,
    cause: Option<StateErrorKind>,
}

impl ToolError {
    /// Creates an error that the model sees: the call returns a result with `isError` and this message.
    pub fn new(message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            code: None,
            cause: None,
        }
    }

    /// Creates an error that the client receives as a JSON-RPC error with this code. The model does not see it.
    ///
    /// This is rarely right, because a model cannot act on an error that it does not see. `-32602` means that the
    /// parameters are wrong, `-32603` that the server failed. Codes of your own must be outside of -32768 to -32000,
    /// the range that JSON-RPC and MCP reserve: the host replaces any other code in that range by -32603.
    pub fn protocol(code: i32, message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            code: Some(code),
            cause: None,
        }
    }

    /// Sets the state error that caused this error. Its kind decides what the host sends to the client.
    ///
    /// You need not call this method if `?` converts a `StateError`, or an error that has one among its sources. Call
    /// it if you write your own message, or if this crate cannot see the state error: inside an `anyhow::Error`, behind
    /// `#[error(transparent)]`, or inside a type that does not implement [`std::error::Error`].
    ///
    /// ```
    /// use plugin_sdk::{ToolError, StoredState};
    ///
    /// fn visits(state: &StoredState) -> Result<u64, ToolError> {
    ///     let visits = state.get();
    ///     let visits = visits.map_err(|error| ToolError::new("Der Zähler fehlt.").caused_by(&error))?;
    ///     Ok(visits.unwrap_or_default())
    /// }
    /// ```
    #[must_use]
    pub fn caused_by(self, error: &StateError) -> Self {
        Self {
            cause: Some(error.kind()),
            ..self
        }
    }

    /// Creates a tool error whose message contains this error and all its causes.
    fn with_causes(error: &(dyn Error + 'static)) -> Self {
        let mut causes = std::iter::successors(Some(error), |error| (*error).source());
        let cause = causes.find_map(state_error);
        Self {
            cause: cause.map(StateError::kind),
            ..Self::new(message_with_causes(error))
        }
    }

    /// Returns the kind of the state error that caused this error, if there is one.
    pub(crate) fn cause(&self) -> Option<StateErrorKind> {
        self.cause
    }

    /// Returns the code of a protocol error.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code
    }
}

/// Returns the error as a state error, if it is one or wraps one as an I/O error. The chain of sources skips an error
/// that an I/O error wraps: `io::Error::source` returns the source of the wrapped error.
fn state_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a StateError> {
    let hidden = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    let hidden = hidden.and_then(|hidden| hidden.downcast_ref());
    error.downcast_ref().or(hidden)
}

/// Converts errors, strings and `anyhow::Error`, since all of them convert to `Box<dyn Error>`.
impl<E: Into<Box<dyn Error>>> From<E> for ToolError {
    fn from(error: E) -> Self {
        ToolError::with_causes(error.into().as_ref())
    }
}

impl Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolError")
            .field("message", &self.message)
            .field("code", &self.code)
            .field("cause", &self.cause)
            .finish()
    }
}

/// Returns an error's message and those of its causes, except causes that the message already contains.
fn message_with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if text.is_empty() {
            text = cause_text;
        } else if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Converts an error of any type, with its causes if the type reveals them.
pub(crate) fn into_tool_error<E: Display + 'static>(error: E) -> ToolError {
    let error: Box<dyn Any> = Box::new(error);
    let error = match error.downcast::<ToolError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    if let Some(error) = error.downcast_ref::<Box<dyn Error>>() {
        ToolError::with_causes(error.as_ref())
    } else if let Some(error) = error.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        ToolError::with_causes(error.as_ref())
    } else {
        // Errors such as anyhow's include their causes when they are formatted with `{:#}`.
        ToolError::new(match error.downcast_ref::<E>() {
            Some(error) => format!("{error:#}"),
            None => String::new(),
        })
    }
}

/// The return type of a tool's function. Method lookup on it selects one of two traits (autoref specialization).
///
/// For a `Result` with a [`std::error::Error`], the method `error_fn` comes from [`ErrorWithCauses`], which is
/// implemented for this type itself. For any other type it comes from [`AnyOutput`], which is implemented for a
/// reference to this type and which the compiler therefore tries second.
pub struct ReturnType<T>(PhantomData<T>);

/// A function that returns the error of an output as `Err`, with its causes, if the output is a `Result` whose error
/// implements [`std::error::Error`]. It returns any other output unchanged.
pub(crate) type TakeError<T> = fn(T) -> Result<T, ToolError>;

impl<T> ReturnType<T> {
    /// The value of this type.
    pub const TYPE: Self = Self(PhantomData);
}

/// The trait that [`ReturnType`] selects first: for a `Result` with a [`std::error::Error`], which may have causes.
pub trait ErrorWithCauses {
    /// The return type.
    type Output;
    /// Returns the function that converts the error, with its causes.
    fn error_fn(self) -> TakeError<Self::Output>;
}

impl<T, E: Error + 'static> ErrorWithCauses for ReturnType<Result<T, E>> {
    type Output = Result<T, E>;

    fn error_fn(self) -> TakeError<Result<T, E>> {
        |outcome| match outcome {
            Err(error) => Err(ToolError::with_causes(&error)),
            outcome => Ok(outcome),
        }
    }
}

/// The trait that [`ReturnType`] selects otherwise: for any type.
pub trait AnyOutput {
    /// The return type.
    type Output;
    /// Returns the function that leaves the output unchanged.
    fn error_fn(self) -> TakeError<Self::Output>;
}

impl<T> AnyOutput for &ReturnType<T> {
    type Output = T;

    fn error_fn(self) -> TakeError<T> {
        Ok
    }
}
