//! Calls from end to end, but for the library: a plugin that is linked into the test binary passes the same handshake.

mod anything;
mod calls;
mod limits;
mod notifications;
pub(crate) mod plugin;
mod records;
mod results;
mod room;
mod rounds;
mod server;
mod states;
