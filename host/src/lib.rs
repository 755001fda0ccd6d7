//! The MCP host: one fixed program that serves the tools of whatever layer it finds.
//!
//! # Bird's eye
//!
//! ```text
//! front (lambda, serve, stdio) -> app -> mcp_protocol   what does this request ask for?
//!                                     -> session        which legacy session does it belong to?
//!                                     -> plugin         which tools are there; call one -> tool_state
//! ```
//!
//! [`main`] decides between the front doors: Lambda unless it is told `serve` or `stdio`. All turn their transport's
//! requests into [`app::Incoming`] and hand them to one [`app::App`].
//!
//! # Code map
//!
//! - [`config`]: every environment variable the host reads, parsed once.
//! - [`plugin`]: from a folder of files to a [`plugin::Catalog`] of tools. Libraries are opened at their first call, and may
//!   ask the host on behalf of every [`plugin::LiveCall`].
//! - `layer_format`, a crate: manifests, the rules of `ENTRY_FILE` and `TOOLS_LIST`, and [`layer_format::ErrorCode`], what can go
//!   wrong at the start, by codes that `ERRORS.md` lists with their remedies.
//! - [`session`]: handshake-era sessions behind one trait.
//! - [`tool_state`]: what tools keep between calls, behind another.
//! - [`table`]: both in DynamoDB, with the key that seals what clients carry.
//! - [`tokens`]: who may call, where nobody in front of the host asks.
//! - [`app`]: one request in, one answer out. The only place that decides who reads what of an error, and when a call is
//!   given up.
//! - [`front`]: the front doors.
//! - `crash`, `stdout`: what plugins can do to the process, told or prevented.
//!
//! # Invariants
//!
//! - `plugin` knows no HTTP and no JSON-RPC. Every call goes through `Plugin::invoke`: bytes in, bytes out, so that a plugin
//!   could as well run in a process of its own.
//! - Only `plugin::library`, `crash` and `front::lambda::trace` are unsafe.
//! - `mcp-protocol` knows no HTTP library, no AWS, no runtime and no plugin.
//! - Only `front::lambda` knows Lambda.
//! - Only `table` knows the AWS SDK.
//! - `config` decides, everything else is told: no other module reads the environment, but for the variables that are the
//!   AWS SDK's own, which `table::client` leaves to it (`config` looks whether its endpoint is one).

pub mod app;
mod cli;
pub mod config;
mod cors;
mod crash;
mod digest;
pub mod front;
pub mod log;
mod metrics;
pub mod plugin;
pub mod session;
mod start;
pub mod state_key;
mod stdout;
pub mod table;
pub mod tokens;
pub mod tool_state;

pub use cli::main;
pub use start::StartError;
