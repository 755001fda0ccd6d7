//! plugin-sdk as a host meets it: bytes into the root module, bytes out of it.

mod arguments;
mod attributes;
mod contents;
mod context;
mod declared;
mod exported;
mod host;
mod init;
mod logs;
mod mcp;
mod panics;
mod required;
mod results;
mod schemas;
mod state;
mod tasks;
mod whole;
