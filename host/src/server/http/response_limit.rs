//! How much an answer may have, so that it comes through its front door.

use mcp_protocol::{Answer, jsonrpc::INTERNAL_ERROR};

use crate::server::outcome::Outcome;

/// What a front door adds to an answer: its status, and headers, which are there twice behind a load balancer. Unit: bytes.
/// Source: ours; the longest of the host's own headers, sent twice, are a quarter of it.
const FRAME: usize = 4096;

/// What a front door takes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Whose limit it is, with its article: `a load balancer`.
    pub door: &'static str,
    /// How much that takes. Unit: bytes.
    pub bytes: usize,
    /// Is the answer a string inside the JSON that is counted? Then its quotes and backslashes take two bytes each.
    pub quoted: bool,
}

impl Room {
    /// How large an answer is as this door counts, when that is too large.
    pub(crate) fn exceeded(&self, texts: &[&[u8]]) -> Option<usize> {
        // Most answers are so small that nothing needs to be counted.
        let most: usize = texts.iter().map(|text| text.len() * MOST_QUOTED).sum();
        if most + FRAME <= self.bytes {
            return None;
        }
        let bytes: usize = texts.iter().map(|text| self.size(text)).sum();
        (bytes + FRAME > self.bytes).then_some(bytes)
    }

    fn size(&self, text: &[u8]) -> usize {
        if self.quoted {
            text.iter().map(quoted).sum()
        } else {
            text.len()
        }
    }

    /// The outcome of a batch, if it comes through the door; else the word that it does not.
    pub(crate) fn bound_batch(&self, outcome: Outcome) -> Outcome {
        let Some(bytes) = self.exceeded(&outcome.texts()) else {
            return outcome;
        };
        let message = format!(
            "the answers to this batch have {bytes} bytes together, and {} takes {}; send its messages one by one",
            self.door, self.bytes
        );
        Answer::error(400, None, INTERNAL_ERROR, &message).into()
    }
}

/// The most that a byte takes in a string of JSON. Unit: bytes.
const MOST_QUOTED: usize = 6;

/// How many bytes a byte takes in a string of JSON (RFC 8259, section 7).
fn quoted(byte: &u8) -> usize {
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
    fn what_counts_is_the_text_as_json_writes_it() {
        let every: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        for text in ["", "plain", "\"\\\n\r\t\u{8}\u{c}\u{0}\u{1f}", &every] {
            let written = serde_json::to_string(text).expect("JSON").len() - 2;
            for (quoted, expected) in [(true, written), (false, text.len())] {
                let room = |bytes| Room {
                    door: "a test",
                    bytes,
                    quoted,
                };
                let texts = [text.as_bytes()];
                assert_eq!(room(expected + FRAME).exceeded(&texts), None);
                let exceeded = room(expected + FRAME - 1).exceeded(&texts);
                assert_eq!(exceeded, Some(expected), "quoted: {quoted}");
            }
        }
    }
}
