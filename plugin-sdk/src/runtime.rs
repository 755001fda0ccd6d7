//! The code between the ABI and the tools: the host calls `export`, generated code calls the rest.
//!
//! Nothing here is for authors. They use the modules above, which use this one to reach the host.

pub(crate) mod arguments;
#[cfg(feature = "async")]
pub(crate) mod async_runtime;
pub(crate) mod call;
pub(crate) mod current;
pub(crate) mod export;
pub(crate) mod failure;
pub(crate) mod host_client;
pub(crate) mod logger;
pub(crate) mod non_finite;
mod panic;
pub(crate) mod reply;
pub(crate) mod wire;
