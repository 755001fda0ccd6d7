//! plugin-sdk from the side of a host: bytes into the root module, bytes out of it.

mod args;
mod arguments;
mod attributes;
mod contents;
mod context;
mod declarations;
mod exports;
mod host;
mod init;
mod logs;
mod mcp;
mod panics;
mod required_arguments;
mod results;
mod schemas;
mod state;
mod tasks;
