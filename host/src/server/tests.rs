//! Calls from end to end, without a library file: the plugin is linked into the test binary and makes the same
//! handshake.

mod calls;
mod fuzz;
mod input_rounds;
mod limits;
mod notifications;
pub(crate) mod plugin;
mod records;
mod response_limit;
mod results;
mod server;
mod tool_state;
