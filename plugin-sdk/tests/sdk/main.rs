//! plugin-sdk as a host meets it: bytes into the root module, bytes out of it.

mod arguments;
mod exported;
mod host;
mod init;
mod panics;
mod results;
mod schemas;
mod ui;
