//! Calls from end to end, but for the library: a plugin that is linked into the test binary passes the same handshake.

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
