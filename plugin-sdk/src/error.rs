//! How a tool fails: in words for the model, with the causes behind them, or as an error of the protocol.

use std::{
    any::Any,
    error::Error,
    fmt::{self, Display},
    io,
    marker::PhantomData,
};

use crate::{StateError, StateErrorKind};

/// An error for tools that fail in more than one way: made by `?` from any [`std::error::Error`], `anyhow::Error` or
/// message, with all its causes.
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
pub struct ToolError {
    message: String,
    code: Option<i32>,
    cause: Option<StateErrorKind>,
}

impl ToolError {
    /// A failure with this message, which the model reads: a result with `isError`.
    pub fn new(message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            code: None,
            cause: None,
        }
    }

    /// A failure that the model does not see: the call is answered by a JSON-RPC error of this code, for the client.
    ///
    /// Rarely right: a model cannot act on what it does not see. `-32602` says that the parameters are wrong, `-32603`
    /// that the server failed; codes of your own are outside of -32768 to -32000, which JSON-RPC and MCP keep for
    /// themselves (the host sends others of that range as -32603).
    pub fn protocol(code: i32, message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            code: Some(code),
            cause: None,
        }
    }

    /// Names the state error that this failure comes of, so that the host answers the client by its kind. You need it for a message
    /// of your own, and where the error is hidden from this crate: in an `anyhow::Error`, behind `#[error(transparent)]`, or in a
    /// type that is no [`std::error::Error`]. A `StateError` that becomes a `ToolError` by `?`, alone or as a source, names itself.
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

    /// Creates the failure that this error explains with all its causes.
    fn with_causes(error: &(dyn Error + 'static)) -> Self {
        let mut causes = std::iter::successors(Some(error), |error| (*error).source());
        let cause = causes.find_map(state_error);
        Self {
            cause: cause.map(StateError::kind),
            ..Self::new(message_with_causes(error))
        }
    }

    /// Returns the kind of the state error that it comes of.
    pub(crate) fn cause(&self) -> Option<StateErrorKind> {
        self.cause
    }

    /// The code of a protocol error.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code
    }
}

/// Returns the error as a state error. An I/O error hides the error that it was made of: its source is that one's source.
fn state_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a StateError> {
    let hidden = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    let hidden = hidden.and_then(|hidden| hidden.downcast_ref());
    error.downcast_ref().or(hidden)
}

/// `Box<dyn Error>` is what errors, strings and `anyhow::Error` have in common.
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

/// An error's message and those of its causes, but for causes that the message already tells.
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

/// How an error of any type is told.
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
        // The alternate form makes errors that know their causes, such as anyhow's, print them too.
        ToolError::new(match error.downcast_ref::<E>() {
            Some(error) => format!("{error:#}"),
            None => String::new(),
        })
    }
}

/// The type that a tool's function gives back. `take_error` is found twice: of a `Result` whose error is a
/// [`std::error::Error`] by [`ErrorWithCauses`], which takes this as it is; of anything else by [`AnyOutput`], which takes it
/// by reference, and so is found second.
pub struct ReturnType<T>(PhantomData<T>);

/// Takes an error out of an outcome, where it knows better than the outcome how to tell it.
pub(crate) type TakeError<T> = fn(T) -> Result<T, ToolError>;

impl<T> ReturnType<T> {
    /// It.
    pub const TYPE: Self = Self(PhantomData);
}

/// See [`ReturnType`].
pub trait ErrorWithCauses {
    /// The outcome.
    type Output;
    /// The error is told with its causes.
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

/// See [`ReturnType`].
pub trait AnyOutput {
    /// The outcome.
    type Output;
    /// The outcome tells itself.
    fn error_fn(self) -> TakeError<Self::Output>;
}

impl<T> AnyOutput for &ReturnType<T> {
    type Output = T;

    fn error_fn(self) -> TakeError<T> {
        Ok
    }
}
