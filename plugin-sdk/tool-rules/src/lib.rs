//! The rules of tools that the host and the plugin SDK share, each defined once.
//!
//! The host applies them to a call, the SDK's `testing` module applies the same ones in-process, and the SDK checks names with
//! them at compile time. This crate knows neither hosts nor plugins and does no I/O. Every plugin compiles it, so that it depends on
//! serde alone.

mod json_values;
mod log_level;
pub mod state;

use std::time::Duration;

pub use json_values::{MAX_JSON_VALUES, has_more_values_than};
pub use log_level::LogLevel;

/// The maximum length of a tool's name. Unit: characters. Source: the official conformance suite (scenario
/// `tools-list`); the specification's text says 128.
pub const MAX_NAME_LENGTH: usize = 64;

/// The time that a cancelled call may take to return before it is answered without its tool. Source: ours. An async
/// tool is cancelled within it, and the time that the transports keep in reserve is five times as long.
pub const CANCEL_GRACE: Duration = Duration::from_millis(100);
