//! The MCP host: a program that serves the tools of any layer without being rebuilt.
//!
//! # Overview
//!
//! ```text
//! transport (lambda, serve, stdio) -> server -> mcp_protocol   parses the request
//!                                            -> store          stores its session and the state of its tools
//!                                            -> plugin         lists the tools, or calls one
//! ```
//!
//! [`main`] chooses the front door: `serve` or `stdio` if the command line names one of them, otherwise Lambda. Every
//! front door converts the requests of its transport into [`server::request::IncomingRequest`] and passes them to a
//! [`server::McpServer`].
//!
//! # Code map
//!
//! - [`config`]: every environment variable that the host reads, parsed once.
//! - [`transport`]: the front doors.
//! - [`server`]: answers one request. This module alone decides who sees which part of an error, and when a call has
//!   timed out.
//! - [`plugin`]: finds the plugins in a folder and provides a [`plugin::Catalog`] of their tools. A library is opened
//!   when one of its tools is first called. During a call, for which the host holds a [`plugin::ActiveCallGuard`], a
//!   plugin may request operations of the host.
//! - [`store`]: sessions, and the state of tools between calls. Each has a trait, and is stored in memory or in
//!   DynamoDB.
//! - [`process`]: the log, and protection against what plugins can do to the process.
//! - `layer_format`, a separate crate: manifests, the rules of `ENTRY_FILE` and `TOOLS_LIST`, and
//!   [`layer_format::ErrorCode`]: the error codes of the startup, which `ERRORS.md` lists with their remedies.
//!
//! # Invariants
//!
//! `tests/structure/tests/layering.rs` contains tables of the permitted imports, and compares the code with them.
//! `tests/e2e/policy/unsafe_policy.rs` contains the list of files that may use `unsafe`.
//!
//! - Imports have one direction: `mcp_protocol`, `store` and `plugin` do not use `server`, `server` does not use
//!   `transport`, and no two files import each other.
//! - `plugin` uses no HTTP and no JSON-RPC. Every call goes through `Plugin::invoke`, which sends bytes and receives
//!   bytes, so that a plugin could also run in a separate process.
//! - Only `plugin::library`, `process::crash_handler` and `transport::lambda::xray` use `unsafe`.
//! - `mcp-protocol` uses no HTTP library, no AWS SDK, no async runtime and no plugin.
//! - Only `transport::lambda` uses Lambda's interfaces, and only `config` reads Lambda's environment variables.
//!   `server` receives what follows from them.
//! - Only `store::dynamodb` uses the AWS SDK.
//! - `config` makes the decisions that depend on environment variables, and all other modules receive them. No other
//!   module reads environment variables. The exception are the AWS SDK's own variables, which `store::dynamodb::client`
//!   leaves to the SDK (`config` checks its endpoint).

mod cli;
pub mod config;
mod digest;
pub mod plugin;
pub mod process;
pub mod server;
mod start_error;
pub mod store;
pub mod transport;

pub use cli::main;
pub use start_error::StartError;
