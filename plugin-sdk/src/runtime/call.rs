//! One call of a tool: its arguments, its context and its state.

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

/// One call of a tool, as its shim sees it.
pub struct Call<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) host: Host,
    pub(crate) cancel_token: Arc<CancelToken>,
    /// The plugin's state, and what builds it for this tool.
    pub(crate) state: (&'static StateCell, StateBuilder),
}

impl Call<'_> {
    /// The arguments, of which only these are known.
    ///
    /// # Errors
    /// `invalid_arguments`
    pub fn arguments(&self, known: &[&'static str]) -> Result<Arguments<'_>, Failure> {
        Arguments::parse(self.body, known)
    }

    /// All arguments as one value.
    ///
    /// # Errors
    /// `invalid_arguments`
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        arguments::decode_args(self.body)
    }

    /// Whether the call goes on.
    #[must_use]
    pub fn cancel_token(&self) -> &CancelToken {
        &self.cancel_token
    }

    /// What the tool can ask about this call.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::new(self.host, Arc::clone(&self.cancel_token))
    }

    /// The plugin's state, built if it is not there yet.
    ///
    /// # Errors
    /// `unavailable`: it cannot be built; `cancelled`: the call was given up meanwhile. What was begun is built to its end
    /// all the same: a tool with a short time limit would otherwise begin anew at every call.
    pub fn state<T: Any>(&self) -> Result<State<T>, Failure> {
        let (cell, build) = self.state;
        let state = cell.get(build)?;
        if self.cancel_token.is_cancelled() {
            return Err(Failure::cancelled());
        }
        Ok(state)
    }
}
