//! A call of a tool: its arguments, its context and its state.

use std::{any::Any, sync::Arc};

use plugin_abi::Host;
use serde::de::DeserializeOwned;

use super::{
    arguments::{self, Arguments},
    current::CancelToken,
    failure::Failure,
};
use crate::{
    context::Context,
    state::{State, StateBuilder, StateCell},
};

/// A call of a tool, for the code that `#[tool]` generates.
pub struct Call<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) host: Host,
    pub(crate) cancel_token: Arc<CancelToken>,
    /// The storage of the plugin's state, and the function that builds the state for this tool.
    pub(crate) state: (&'static StateCell, StateBuilder),
}

impl Call<'_> {
    /// Parses the arguments. A name that is not in `known` is an error.
    ///
    /// # Errors
    /// `invalid_arguments`
    pub fn arguments(&self, known: &[&'static str]) -> Result<Arguments<'_>, Failure> {
        Arguments::parse(self.body, known)
    }

    /// Decodes all arguments as one value.
    ///
    /// # Errors
    /// `invalid_arguments`
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        arguments::decode_args(self.body)
    }

    /// Returns the token that cancels the call.
    #[must_use]
    pub fn cancel_token(&self) -> &CancelToken {
        &self.cancel_token
    }

    /// Returns the context for the tool.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::new(self.host, Arc::clone(&self.cancel_token))
    }

    /// Returns the plugin's state, and builds it first if that has not been done.
    ///
    /// # Errors
    /// `unavailable` if it cannot be built; `cancelled` if the call was cancelled meanwhile. A cancellation does not
    /// stop the building of the state: otherwise a tool with a short time limit would begin anew at every call and
    /// never finish.
    pub fn state<T: Any>(&self) -> Result<State<T>, Failure> {
        let (cell, build) = self.state;
        let state = cell.get(build)?;
        if self.cancel_token.is_cancelled() {
            return Err(Failure::cancelled());
        }
        Ok(state)
    }
}
