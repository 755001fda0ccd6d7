//! The Model Context Protocol in both eras, for a server that offers tools. This crate does no input or output.
//!
//! - *modern*: revision 2026-07-28. There is no handshake and no session. Every request carries the version, the
//!   client's identity and its capabilities in `params._meta`.
//! - *legacy*: the revisions up to 2025-11-25, with a handshake (`initialize`) and optional sessions.
//!
//! [`route`] takes the body of one POST and those of its headers that MCP defines. It decides the era of the request
//! from these alone, and makes every check that needs no knowledge of the tools. It returns the parsed request
//! ([`ClientRequest`]) or the error response that rejects it ([`Answer`]). [`route_stdio`] does the same for one line
//! of stdio. The server then builds its response with [`discover_result`], [`initialize_result`], [`tools`] and
//! [`jsonrpc`], and sends [`Notification`]s about running calls.
//!
//! This crate uses no HTTP library, no AWS SDK, no async runtime and no plugin. It depends on serde, serde_json and
//! `tool-rules`, which itself depends only on serde. It compiles for any target. HTTP statuses are plain numbers.
//!
//! The rules come from the specification of each revision. In comments, `M:...` names a page of revision 2026-07-28
//! (<https://modelcontextprotocol.io/specification/2026-07-28>), and `L:...` a page of revision 2025-11-25
//! (<https://modelcontextprotocol.io/specification/2025-11-25>). `D2` to `D8` are the rules in the table at [`route`].

pub mod capabilities;
mod content;
mod era;
mod error_text;
mod header;
pub mod input;
mod json;
pub mod jsonrpc;
mod legacy;
mod meta;
mod meta_keys;
mod method;
mod modern;
mod notification;
mod params;
mod request;
mod revision;
mod route;
mod server_info;
pub mod tools;

pub use era::{route, route_stdio};
pub use header::{ARGUMENT_HEADER_PREFIX, check_argument_headers, encode_header};
pub use jsonrpc::{Answer, Id};
pub use legacy::initialize_result;
pub use meta::{CallMeta, Trace};
pub use modern::discover_result;
pub use notification::{LogMessage, Notification, Progress, event_stream};
pub use request::{ClientRequest, Request};
pub use revision::Revision;
pub use route::{Batch, Headers, Route};
pub use server_info::{CacheHints, CacheScope, ServerInfo};
pub use tool_rules::LogLevel;
