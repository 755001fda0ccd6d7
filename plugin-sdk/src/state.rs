//! State that the tools of a plugin share. It is built once per environment, at the first call that needs it.

use std::{
    any::Any,
    fmt,
    ops::Deref,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use crate::{error::ToolError, runtime::failure::Failure};

/// The parameter type through which tools of a plugin share a value, such as an HTTP client or a connection pool.
///
/// `export_tools!` names the function that builds it. It runs once per environment, at the first call of a tool that
/// takes the state. If the function fails, the call fails too, the operator's log has the reason, and the next call
/// runs the function again. If the function takes longer than the time limit of the call, the call times out, but the
/// function continues, and later calls use its result.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use plugin_sdk::prelude::*;
///
/// struct Counter(AtomicU64);
///
/// fn counter() -> Result<Counter, std::num::ParseIntError> {
///     let start = std::env::var("START").unwrap_or_else(|_| "0".to_owned());
///     Ok(Counter(AtomicU64::new(start.parse()?)))
/// }
///
/// /// Count the calls in this environment.
/// #[tool]
/// fn count(counter: State<Counter>) -> u64 {
///     counter.0.fetch_add(1, Ordering::Relaxed) + 1
/// }
///
/// export_tools!(state = counter, count);
///
/// assert_eq!(count(State::new(Counter(AtomicU64::new(5)))), 6);
/// ```
///
/// The function has no parameters and returns `T` or `Result<T, E>`, where `E` is an error type or a string. With the
/// feature `async` it may be async. The state is never dropped: it lives until the process ends.
pub struct State<T: 'static>(&'static T);

impl<T> State<T> {
    /// Creates a state for tests that call a tool's function directly. It is never dropped.
    pub fn new(value: T) -> Self {
        Self(Box::leak(Box::new(value)))
    }

    /// Returns a reference that is valid until the process ends.
    #[must_use]
    pub fn get(self) -> &'static T {
        self.0
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for State<T> {}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A built state. Its type is erased: only the function that builds it and the tools that use it know the type.
pub(crate) type BuiltState = Box<dyn Any + Send + Sync>;

/// A function that builds the state for a tool.
pub(crate) type StateBuilder = fn() -> Result<BuiltState, Failure>;

/// The storage for the state of a plugin, empty until the state is built.
#[derive(Default)]
pub struct StateCell {
    built: OnceLock<BuiltState>,
    building: Mutex<()>,
}

impl StateCell {
    /// Creates an empty cell.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            built: OnceLock::new(),
            building: Mutex::new(()),
        }
    }

    /// Returns the state, and builds it first if that has not been done. Concurrent callers wait while one of them
    /// builds it. If that fails, the next caller tries again.
    pub(crate) fn get<T: Any>(&'static self, build: StateBuilder) -> Result<State<T>, Failure> {
        let built = match self.built.get() {
            Some(built) => built,
            None => {
                let _lock = self.lock_build();
                match self.built.get() {
                    Some(built) => built,
                    None => {
                        let fresh = build()?;
                        self.built.get_or_init(|| fresh)
                    }
                }
            }
        };
        let state = built.downcast_ref().map(State);
        state.ok_or_else(|| Failure::unavailable("the state has another type".to_owned()))
    }

    /// Builds the state before a call needs it. Of the builders of the tools, it uses the first that builds something
    /// other than [`NoState`].
    pub(crate) fn prepare(
        &self,
        builders: impl Iterator<Item = StateBuilder>,
    ) -> Result<(), Failure> {
        let _lock = self.lock_build();
        for build in builders {
            if self.built.get().is_some() {
                break;
            }
            let fresh = build()?;
            if !fresh.is::<NoState>() {
                self.built.get_or_init(|| fresh);
            }
        }
        Ok(())
    }

    /// Locks the cell for building. A poisoned lock can be used: a builder that panicked has not stored anything.
    fn lock_build(&self) -> MutexGuard<'_, ()> {
        self.building.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of tools that take no `State`.
pub struct NoState;

/// A function that builds a `T`. `M` is one of the kinds in `builder_kind`, so that the trait can be
/// implemented for each.
#[diagnostic::on_unimplemented(
    message = "the function in `export_tools!(state = ...)` does not build the `State<{T}>` that a tool takes",
    label = "does not return `{T}` or `Result<{T}, E>`",
    note = "`E` must be an error type or a string, as for `ToolError`",
    note = "a plugin has only one state: use a struct if its tools share several values; an async function needs the feature `async` of plugin-sdk"
)]
pub trait Build<T, M> {
    /// Builds the state.
    fn build(self) -> Result<BuiltState, Failure>;
}

/// The kinds of functions that build a state.
pub(crate) mod builder_kind {
    /// The tool needs no state.
    pub struct Nothing;
    /// `fn() -> T`
    pub struct Plain;
    /// `fn() -> Result<T, E>`
    pub struct Fallible;
    /// `async fn() -> T`
    #[cfg(feature = "async")]
    pub struct Async;
    /// `async fn() -> Result<T, E>`
    #[cfg(feature = "async")]
    pub struct AsyncFallible;
}

impl<F> Build<NoState, builder_kind::Nothing> for F {
    fn build(self) -> Result<BuiltState, Failure> {
        Ok(Box::new(NoState))
    }
}

impl<T: Any + Send + Sync, F: FnOnce() -> T> Build<T, builder_kind::Plain> for F {
    fn build(self) -> Result<BuiltState, Failure> {
        Ok(Box::new(self()))
    }
}

impl<T, E, F> Build<T, builder_kind::Fallible> for F
where
    T: Any + Send + Sync,
    E: Into<ToolError>,
    F: FnOnce() -> Result<T, E>,
{
    fn build(self) -> Result<BuiltState, Failure> {
        boxed(self())
    }
}

#[cfg(feature = "async")]
impl<T, F, R> Build<T, builder_kind::Async> for F
where
    T: Any + Send + Sync,
    F: FnOnce() -> R,
    R: Future<Output = T>,
{
    fn build(self) -> Result<BuiltState, Failure> {
        Ok(Box::new(crate::runtime::async_runtime::run_to_completion(
            self,
        )?))
    }
}

#[cfg(feature = "async")]
impl<T, E, F, R> Build<T, builder_kind::AsyncFallible> for F
where
    T: Any + Send + Sync,
    E: Into<ToolError>,
    F: FnOnce() -> R,
    R: Future<Output = Result<T, E>>,
{
    fn build(self) -> Result<BuiltState, Failure> {
        boxed(crate::runtime::async_runtime::run_to_completion(self)?)
    }
}

fn boxed<T: Any + Send + Sync>(
    outcome: Result<T, impl Into<ToolError>>,
) -> Result<BuiltState, Failure> {
    match outcome {
        Ok(value) => Ok(Box::new(value)),
        Err(error) => {
            let error: ToolError = error.into();
            Err(Failure::unavailable(format!(
                "the plugin's state cannot be built: {error}"
            )))
        }
    }
}

/// The state type of a tool in a plugin whose `export_tools!` has no `state = ...`: only [`NoState`] implements it.
#[diagnostic::on_unimplemented(
    message = "a tool takes `State<{Self}>`, and nothing builds it",
    label = "takes `State<{Self}>`",
    note = "name the function that builds it: `export_tools!(state = build, ...)`"
)]
pub trait Stateless {}

impl Stateless for NoState {}

/// Builds the state of a tool in a plugin whose `export_tools!` has no `state = ...`.
pub fn no_state<T: Stateless>() -> Result<BuiltState, Failure> {
    Ok(Box::new(NoState))
}
