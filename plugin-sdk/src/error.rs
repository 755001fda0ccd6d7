//! The failures of a tool: a message for the model with its causes, or an error of the protocol.

use std::{
    any::Any,
    error::Error,
    fmt::{self, Display},
    io,
    marker::PhantomData,
};

use crate::{StateError, StateErrorKind};

/// An error for tools that fail in more than one way.
///
/// `?` converts any [`std::error::Error`], `anyhow::Error` or string, with all its causes.
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
// `std::error::Error` is not implemented: it would forbid the conversion from every error.
pub struct ToolError {
    message: String,
    code: Option<i32>,
    cause: Option<StateErrorKind>,
}

impl ToolError {
    /// Creates a failure with a message for the model: a result with `isError`.
    pub fn new(message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            code: None,
            cause: None,
        }
    }

    /// Creates a failure that the client gets as a JSON-RPC error with this code. The model does not see it.
    ///
    /// This is rarely right, because a model cannot act on an error that it does not see. `-32602` means that the
    /// parameters are wrong, `-32603` that the server failed. Codes of your own must be outside of -32768 to -32000,
    /// which JSON-RPC and MCP reserve: the host replaces others of that range by -32603.
    pub fn protocol(code: i32, message: impl Display) -> Self {
        Self {
            message: message.to_string(),
            code: Some(code),
            cause: None,
        }
    }

    /// Sets the state error that caused this failure. The host answers the client by its kind.
    ///
    /// A `StateError` that `?` converts to a `ToolError`, alone or as a source, sets itself. Use this method for a message of your
    /// own, and for an error that is hidden from this crate: in an `anyhow::Error`, behind `#[error(transparent)]`, or in a type
    /// that does not implement [`std::error::Error`].
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

    /// Creates the failure that describes this error with all its causes.
    fn with_causes(error: &(dyn Error + 'static)) -> Self {
        let mut causes = std::iter::successors(Some(error), |error| (*error).source());
        let cause = causes.find_map(state_error);
        Self {
            cause: cause.map(StateError::kind),
            ..Self::new(message_with_causes(error))
        }
    }

    /// Returns the kind of the state error that caused this failure.
    pub(crate) fn cause(&self) -> Option<StateErrorKind> {
        self.cause
    }

    /// Returns the code of a protocol error.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code
    }
}

/// Returns the error as a state error. An I/O error hides the error that it wraps: its `source` is the source of that
/// one.
fn state_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a StateError> {
    let hidden = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    let hidden = hidden.and_then(|hidden| hidden.downcast_ref());
    error.downcast_ref().or(hidden)
}

/// Converts errors, strings and `anyhow::Error`: all of them convert to `Box<dyn Error>`.
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

/// Converts an error of any type.
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

/// The return type of a tool's function, for a choice between two traits by autoref specialisation.
///
/// `error_fn` is found in one of them: for a `Result` with a [`std::error::Error`] in [`ErrorWithCauses`], which
/// takes the type by value; for anything else in [`AnyOutput`], which takes it by reference and therefore comes
/// second.
pub struct ReturnType<T>(PhantomData<T>);

/// A function that takes the error out of an output, if it can describe that better than [`into_tool_error`] can.
pub(crate) type TakeError<T> = fn(T) -> Result<T, ToolError>;

impl<T> ReturnType<T> {
    /// The value of this type.
    pub const TYPE: Self = Self(PhantomData);
}

/// The first choice of [`ReturnType`]: a `Result` with an error that has causes.
pub trait ErrorWithCauses {
    /// The return type.
    type Output;
    /// Returns the function that takes the error out, with its causes.
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

/// The second choice of [`ReturnType`]: any type.
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
