//! The Model Context Protocol in both eras, for a server that offers tools. This crate does no input or output.
//!
//! - *modern*: revision 2026-07-28. No handshake, no session; version, identity and capabilities travel in every
//!   request's `params._meta`.
//! - *legacy*: the revisions up to 2025-11-25, with their `initialize` handshake and optional session.
//!
//! [`route`] takes the bytes of one POST and the headers that matter. It decides the era of that request alone and
//! makes every check that needs no knowledge of the tools. It returns the request ([`ClientRequest`]) or its refusal
//! ([`Answer`]). [`route_stdio`] does the same for a line of stdio. The server then answers with [`discover_result`],
//! [`initialize_result`], [`tools`] and [`jsonrpc`], and sends [`Notification`]s about calls that run.
//!
//! This crate knows no HTTP library, no AWS, no async runtime and no plugin: it depends on serde, serde_json and
//! `tool-rules`, which depends on serde alone. It compiles on any target. HTTP statuses are plain numbers.
//!
//! Source of the rules: the specification of each revision. In comments `M:...` names a page of 2026-07-28
//! (<https://modelcontextprotocol.io/specification/2026-07-28>), `L:...` one of 2025-11-25
//! (<https://modelcontextprotocol.io/specification/2025-11-25>). `D2` to `D8` are the rules of [`route`].

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
