//! The size limit of front doors for answers.

use mcp_protocol::{Answer, jsonrpc::INTERNAL_ERROR};

use crate::server::outcome::McpReply;

/// The size of what a front door adds to an answer: its status, and headers, which are there twice behind a load
/// balancer. Unit: bytes.
/// Source: ours; the longest of the host's own headers, sent twice, are a quarter of it.
const ENVELOPE_OVERHEAD: usize = 4096;

/// The size limit of a front door for answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseLimit {
    /// The front door with this limit, with its article: `a load balancer`.
    pub front_door: &'static str,
    /// The limit. Unit: bytes.
    pub bytes: usize,
    /// Whether the answer is a string inside the JSON that is counted. Its quotes and backslashes then take two bytes
    /// each.
    pub is_json_escaped: bool,
}

impl ResponseLimit {
    /// Returns the size of an answer, as this front door counts it, if that is too large.
    pub(crate) fn excess(&self, bodies: &[&[u8]]) -> Option<usize> {
        // Most answers are so small that nothing needs to be counted.
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

    /// Returns the reply to a batch, or an error if it is too large for the front door.
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

/// The maximum size of a byte in a JSON string. Unit: bytes.
const MAX_ESCAPED_SIZE: usize = 6;

/// Returns the size of a byte in a JSON string (RFC 8259, section 7).
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
