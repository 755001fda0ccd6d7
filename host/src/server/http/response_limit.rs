//! How much an answer may have, so that it comes through its front door.

use mcp_protocol::{Answer, jsonrpc::INTERNAL_ERROR};

use crate::server::outcome::McpReply;

/// What a front door adds to an answer: its status, and headers, which are there twice behind a load balancer. Unit: bytes.
/// Source: ours; the longest of the host's own headers, sent twice, are a quarter of it.
const ENVELOPE_OVERHEAD: usize = 4096;

/// What a front door takes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseLimit {
    /// Whose limit it is, with its article: `a load balancer`.
    pub front_door: &'static str,
    /// How much that takes. Unit: bytes.
    pub bytes: usize,
    /// Is the answer a string inside the JSON that is counted? Then its quotes and backslashes take two bytes each.
    pub is_json_escaped: bool,
}

impl ResponseLimit {
    /// How large an answer is as this door counts, when that is too large.
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

    /// The outcome of a batch, if it comes through the door; else the word that it does not.
    pub(crate) fn enforce_on_batch(&self, outcome: McpReply) -> McpReply {
        let Some(bytes) = self.excess(&outcome.bodies()) else {
            return outcome;
        };
        let message = format!(
            "the answers to this batch have {bytes} bytes together, and {} takes {}; send its messages one by one",
            self.front_door, self.bytes
        );
        Answer::error(400, None, INTERNAL_ERROR, &message).into()
    }
}

/// The most that a byte takes in a string of JSON. Unit: bytes.
const MAX_ESCAPED_SIZE: usize = 6;

/// How many bytes a byte takes in a string of JSON (RFC 8259, section 7).
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
