//! Limits the length of error texts.

use std::borrow::Cow;

/// The maximum length of an error text. Unit: bytes.
/// Source: ours. People and models read these texts. An error may quote a part of the request that is megabytes long,
/// and a response that exceeds the gateway's size limit would be lost.
const MAX_ERROR_TEXT: usize = 4096;

/// Shortens an error text to the maximum length.
pub(crate) fn truncate(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_ERROR_TEXT {
        return text.into();
    }
    let mut end = MAX_ERROR_TEXT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let kept = &text[..end];
    format!("{kept}... ({} more bytes)", text.len() - kept.len()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_text_is_truncated() {
        for text in ["x".repeat(10_000_000), "\u{fffd}".repeat(10_000_000)] {
            let truncated = truncate(&text);
            assert!(
                truncated.len() < MAX_ERROR_TEXT + 50,
                "{} bytes",
                truncated.len()
            );
            assert!(truncated.ends_with(" more bytes)"));
        }
        assert_eq!(truncate("short"), "short");
    }
}
