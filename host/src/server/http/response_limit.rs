//! The size limits that front doors set for responses.

use mcp_protocol::{Answer, jsonrpc::INTERNAL_ERROR};

use crate::server::outcome::McpReply;

/// The size reserved for what a front door counts in addition to the body: the status and the headers, which a load
/// balancer's response contains twice. Unit: bytes.
/// Source: ours; the longest set of headers that the host sends, counted twice, is a quarter of it.
const ENVELOPE_OVERHEAD: usize = 4096;

/// The size limit that a front door sets for responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseLimit {
    /// The kind of front door, with its article: `a load balancer`.
    pub front_door: &'static str,
    /// The limit. Unit: bytes.
    pub bytes: usize,
    /// Whether the body is a string inside the JSON whose size is limited. Then quotes and backslashes in it count as
    /// two bytes each.
    pub is_json_escaped: bool,
}

impl ResponseLimit {
    /// Returns the size of a response as this front door counts it, if it exceeds the limit.
    pub(crate) fn excess(&self, bodies: &[&[u8]]) -> Option<usize> {
        // Most responses are so small that they need not be counted exactly.
        let upper_bound: usize = bodies
            .iter()
            .map(|body| body.len() * MAX_ESCAPED_SIZE)
            .sum();
        if upper_bound + ENVELOPE_OVERHEAD <= self.bytes {
            return None;
        }
        let bytes: usize = bodies.iter().map(|body| self.size(body)).sum();
        (bytes + ENVELOPE_OVERHEAD > self.bytes).then_some(bytes)
    }

    fn size(&self, body: &[u8]) -> usize {
        if self.is_json_escaped {
            body.iter().map(escaped_size).sum()
        } else {
            body.len()
        }
    }

    /// Returns the reply to a batch, or an error response if the reply is too large for the front door.
    pub(crate) fn enforce_on_batch(&self, outcome: McpReply) -> McpReply {
        let Some(bytes) = self.excess(&outcome.bodies()) else {
            return outcome;
        };
        let message = format!(
            "the responses to this batch have {bytes} bytes together, and {} accepts {}; send its messages one by one",
            self.front_door, self.bytes
        );
        Answer::error(400, None, INTERNAL_ERROR, &message).into()
    }
}

/// The maximum size of one byte after it is escaped in a JSON string. Unit: bytes.
const MAX_ESCAPED_SIZE: usize = 6;

/// Returns the size of one byte after it is escaped in a JSON string (RFC 8259, section 7).
fn escaped_size(byte: &u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0x00..0x20 => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_counts_as_json_writes_it() {
        let every: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        for body in ["", "plain", "\"\\\n\r\t\u{8}\u{c}\u{0}\u{1f}", &every] {
            let written = serde_json::to_string(body).expect("JSON").len() - 2;
            for (is_json_escaped, expected) in [(true, written), (false, body.len())] {
                let room = |bytes| ResponseLimit {
                    front_door: "a test",
                    bytes,
                    is_json_escaped,
                };
                let bodies = [body.as_bytes()];
                assert_eq!(room(expected + ENVELOPE_OVERHEAD).excess(&bodies), None);
                let excess = room(expected + ENVELOPE_OVERHEAD - 1).excess(&bodies);
                assert_eq!(excess, Some(expected), "escaped: {is_json_escaped}");
            }
        }
    }
}
