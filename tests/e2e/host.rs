//! The host: serving, refusing, and surviving faults.

mod async_tools;
mod bad_plugins;
mod context;
mod crashes;
mod dynamodb;
mod failures;
mod http_tools;
mod layer_swap;
mod log_output;
mod memory;
mod preload;
mod results;
mod runtime_api_faults;
mod scale;
mod security;
mod soak;
pub(crate) mod state;
mod stdout;
pub(crate) mod streaming;
mod time_limits;
