//! One call of a tool: its arguments, its context and its state.

use std::{any::Any, sync::Arc};

use plugin_abi::Host;
use serde::de::DeserializeOwned;

use super::{
    arguments::{self, Arguments},
    current::Running,
    failure::Failure,
};
use crate::{
    context::Context,
    state::{Builder, State, StateCell},
};

/// One call of a tool, as its shim sees it.
pub struct Call<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) host: Host,
    pub(crate) running: Arc<Running>,
    /// The plugin's state, and what builds it for this tool.
    pub(crate) state: (&'static StateCell, Builder),
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
    pub fn whole<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        arguments::whole(self.body)
    }

    /// Whether the call goes on.
    #[must_use]
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// What the tool can ask about this call.
    #[must_use]
    pub fn context(&self) -> Context {
        Context::new(self.host, Arc::clone(&self.running))
    }

    /// The plugin's state, built if it is not there yet.
    ///
    /// # Errors
    /// `unavailable`: it cannot be built; `cancelled`: the call was given up meanwhile. What was begun is built to its end
    /// all the same: a tool with a short time limit would otherwise begin anew at every call.
    pub fn state<T: Any>(&self) -> Result<State<T>, Failure> {
        let (cell, build) = self.state;
        let state = cell.get(build)?;
        if self.running.is_cancelled() {
            return Err(Failure::cancelled());
        }
        Ok(state)
    }
}
