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

/// A call of a tool, as the macro's code sees it.
pub struct Call<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) host: Host,
    pub(crate) cancel_token: Arc<CancelToken>,
    /// The plugin's state, and its builder for this tool.
    pub(crate) state: (&'static StateCell, StateBuilder),
}

impl Call<'_> {
    /// Parses the arguments. Others than these are errors.
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

    /// Returns the plugin's state, and builds it if it is missing.
    ///
    /// # Errors
    /// `unavailable` if it cannot be built; `cancelled` if the call was cancelled meanwhile. The state is built to
    /// its end all the same: otherwise a tool with a short time limit would start again at every call.
    pub fn state<T: Any>(&self) -> Result<State<T>, Failure> {
        let (cell, build) = self.state;
        let state = cell.get(build)?;
        if self.cancel_token.is_cancelled() {
            return Err(Failure::cancelled());
        }
        Ok(state)
    }
}
