//! Escapes control characters: names, descriptions and results may come from someone else, and a terminal would execute
//! control characters in them.

use std::{borrow::Cow, fmt::Write};

/// Escapes control characters except line breaks and tabs, and characters that change the direction of text. They are
/// written as in JSON, so that printed JSON stays valid: ESC becomes `\u001b`.
pub(crate) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return text.into();
    }
    let text = text.replace("\r\n", "\n");
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            // Ignore the result: writing to a string never fails.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped.into()
}

/// Reports whether printing a character on a terminal can do more than show that character.
pub(crate) fn is_unsafe(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t')) || is_direction_mark(c)
}

/// Reports whether a character changes the direction of the text after it.
/// Source: Unicode Standard Annex #9, section 2, "Directional formatting characters".
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_text_is_not() {
        for (text, expected) in [
            ("größe 😀\n\ttext", "größe 😀\n\ttext"),
            ("\u{1b}[31mred", "\\u001b[31mred"),
            ("a\u{9b}31m", "a\\u009b31m"),
            ("bell\u{7}", "bell\\u0007"),
            ("over\rwritten", "over\\u000dwritten"),
            ("dos\r\nlines\r\n", "dos\nlines\n"),
            ("rm \u{202e}fr", "rm \\u202efr"),
            ("\u{7f}", "\\u007f"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn json_stays_valid_and_means_the_same() {
        let value = serde_json::json!({ "a": "\u{1b}[0m \u{9b} \u{202e} \u{7f} \n" });
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        let read: serde_json::Value = serde_json::from_str(&escaped(&text)).expect("JSON");
        assert_eq!(read, value);
    }
}
