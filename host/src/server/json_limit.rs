//! The limit for the number of JSON values in a message. A value takes up to a hundred times its text in memory, so a
//! limit in bytes alone does not bound the memory of a request.

use mcp_protocol::{Answer, jsonrpc::INVALID_REQUEST};
use tool_rules::has_more_values_than;

/// The limit of a server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonLimit {
    max: usize,
}

impl JsonLimit {
    pub(crate) fn new(max: usize) -> Self {
        Self { max }
    }

    /// Checks a message before it is parsed.
    ///
    /// # Errors
    /// The answer to a message with too many values.
    pub(crate) fn check(self, message: &[u8]) -> Result<(), Answer> {
        if !has_more_values_than(message, self.max) {
            return Ok(());
        }
        Err(Answer::error(413, None, INVALID_REQUEST, &self.problem()))
    }

    /// Returns the message for too many values.
    pub(crate) fn problem(self) -> String {
        format!(
            "the message has more than {} JSON values; send fewer, or the operator can raise MCP_MAX_JSON_VALUES",
            self.max
        )
    }
}
