//! The MCP host: one fixed program that serves the tools of whatever layer it finds.
//!
//! # Bird's eye
//!
//! ```text
//! transport (lambda, serve, stdio) -> server -> mcp_protocol   what does this request ask for?
//!                                            -> store          which session is it in, what do tools keep for it?
//!                                            -> plugin         which tools are there; call one
//! ```
//!
//! [`main`] decides between the front doors: Lambda unless it is told `serve` or `stdio`. All turn their transport's
//! requests into [`server::request::IncomingRequest`] and hand them to one [`server::McpServer`].
//!
//! # Code map
//!
//! - [`config`]: every environment variable the host reads, parsed once.
//! - [`transport`]: the front doors.
//! - [`server`]: one request in, one answer out. The only place that decides who reads what of an error, and when a call is
//!   given up.
//! - [`plugin`]: from a folder of files to a [`plugin::Catalog`] of tools. Libraries are opened at their first call, and may
//!   ask the host on behalf of every [`plugin::ActiveCallGuard`].
//! - [`store`]: sessions and what tools keep between calls, each behind a trait, in memory or in DynamoDB.
//! - [`process`]: the log, and what plugins can do to the process.
//! - `layer_format`, a crate: manifests, the rules of `ENTRY_FILE` and `TOOLS_LIST`, and [`layer_format::ErrorCode`], what can go
//!   wrong at the start, by codes that `ERRORS.md` lists with their remedies.
//!
//! # Invariants
//!
//! `tests/structure/tests/layering.rs` has those about imports as tables, and compares the imports with them;
//! `tests/e2e/policy/unsafe_policy.rs` has the list of unsafe files.
//!
//! - Imports run one way: `mcp_protocol`, `store` and `plugin` know nothing of `server`, `server` nothing of `transport`, and no two
//!   files import each other.
//! - `plugin` knows no HTTP and no JSON-RPC. Every call goes through `Plugin::invoke`: bytes in, bytes out, so that a plugin
//!   could as well run in a process of its own.
//! - Only `plugin::library`, `process::crash_handler` and `transport::lambda::xray` are unsafe.
//! - `mcp-protocol` knows no HTTP library, no AWS, no runtime and no plugin.
//! - Only `transport::lambda` knows Lambda, and `config` its variables: `server` is told what follows from them.
//! - Only `store::dynamodb` knows the AWS SDK.
//! - `config` decides, everything else is told: no other module reads the environment, but for the variables that are the
//!   AWS SDK's own, which `store::dynamodb::client` leaves to it (`config` looks whether its endpoint is one).

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
