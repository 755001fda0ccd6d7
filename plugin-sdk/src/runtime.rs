//! The code between the ABI and the tools. The host calls the functions in `export`; the code that the macros generate
//! calls the other modules.
//!
//! Authors of tools never use these modules directly. They use the public modules of this crate, which reach the host
//! through these.

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
