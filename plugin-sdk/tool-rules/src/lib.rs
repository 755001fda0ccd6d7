//! Rules about tools that both the host and the plugin SDK apply, so that each is defined only once.
//!
//! The host applies them to calls, the SDK's module `testing` applies the same rules in tests, and the SDK checks names
//! with them at compile time. This crate depends on neither the host nor the SDK, and does no I/O. Its only dependency
//! is serde, because every plugin compiles it.

mod json_values;
mod log_level;
pub mod state;

use std::time::Duration;

pub use json_values::{MAX_JSON_VALUES, has_more_values_than};
pub use log_level::LogLevel;

/// The maximum length of a tool's name. Unit: characters. Source: MCP's official conformance suite (scenario
/// `tools-list`); the text of the specification allows 128.
pub const MAX_NAME_LENGTH: usize = 64;

/// The time that a cancelled call has to return. After that, the client gets a response without waiting for the tool.
/// Source: ours; async tools end within it, and the transports reserve five times as long for sending the response.
pub const CANCEL_GRACE: Duration = Duration::from_millis(100);
