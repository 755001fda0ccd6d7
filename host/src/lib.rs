//! The MCP host: one fixed program that serves the tools of any layer.
//!
//! # Bird's eye
//!
//! ```text
//! transport (lambda, serve, stdio) -> server -> mcp_protocol   parses the request
//!                                            -> store          has its session, and the state of its tools
//!                                            -> plugin         lists the tools; calls one
//! ```
//!
//! [`main`] chooses the front door: Lambda, or `serve` or `stdio` if the command says so. Every front door turns the
//! requests of its transport into [`server::request::IncomingRequest`] and passes them to one [`server::McpServer`].
//!
//! # Code map
//!
//! - [`config`]: every environment variable that the host reads, parsed once.
//! - [`transport`]: the front doors.
//! - [`server`]: one request in, one answer out. It alone decides who gets which part of an error, and when a call has
//!   timed out.
//! - [`plugin`]: from a folder of files to a [`plugin::Catalog`] of tools. Libraries are opened at their first call,
//!   and may ask the host on behalf of every [`plugin::ActiveCallGuard`].
//! - [`store`]: sessions and the state of tools between calls, each behind a trait, in memory or in DynamoDB.
//! - [`process`]: the log, and protection against what plugins can do to the process.
//! - `layer_format`, a crate: manifests, the rules of `ENTRY_FILE` and `TOOLS_LIST`, and [`layer_format::ErrorCode`],
//!   the codes of errors at the start, which `ERRORS.md` lists with their remedies.
//!
//! # Invariants
//!
//! `tests/structure/tests/layering.rs` has the rules for imports as tables, and compares the imports with them.
//! `tests/e2e/policy/unsafe_policy.rs` has the list of unsafe files.
//!
//! - Imports run one way: `mcp_protocol`, `store` and `plugin` know nothing of `server`, `server` nothing of
//!   `transport`, and no two files import each other.
//! - `plugin` knows no HTTP and no JSON-RPC. Every call goes through `Plugin::invoke`: bytes in, bytes out, so that a
//!   plugin could as well run in a process of its own.
//! - Only `plugin::library`, `process::crash_handler` and `transport::lambda::xray` are unsafe.
//! - `mcp-protocol` knows no HTTP library, no AWS, no runtime and no plugin.
//! - Only `transport::lambda` knows Lambda, and `config` its variables: `server` gets what follows from them.
//! - Only `store::dynamodb` knows the AWS SDK.
//! - `config` decides, and everything else gets its decisions. No other module reads the environment, except for the
//!   variables of the AWS SDK itself, which `store::dynamodb::client` leaves to it (`config` checks its endpoint).

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
