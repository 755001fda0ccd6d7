//! Estimates the number of values in a JSON text without parsing it.

/// The default maximum number of values in a message. Source: ours. A parsed value uses up to 400 bytes of memory, so
/// this number of values uses up to 80 MB. In a message of 6 MB with values of ordinary size there are fewer.
pub const MAX_JSON_VALUES: usize = 200_000;

/// Reports whether a JSON text may have more values than `max`. It counts members of objects and elements of arrays at
/// any depth. In a text that is not JSON, it counts the same characters.
#[must_use]
pub fn has_more_values_than(text: &[u8], max: usize) -> bool {
    // Every value needs at least one byte, and its separator another.
    if text.len() <= max {
        return false;
    }
    let mut count = 1;
    let mut is_string = false;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_string = !is_string,
            b'\\' if is_string => {
                bytes.next();
            }
            b',' | b'[' | b'{' if !is_string => {
                count += 1;
                if count > max {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings() {
        for (text, count) in [
            ("[]", 2),
            ("[1,2,3]", 4),
            (r#"{"a":1,"b":[2,{"c":3}]}"#, 6),
            (r#"["a,b,[{,\",,","\\",1]"#, 4),
            (r#"{"a,b":"c,d"}"#, 2),
        ] {
            // Blanks make the text longer without adding values.
            let text = format!("{text}{}", " ".repeat(100));
            assert!(has_more_values_than(text.as_bytes(), count - 1), "{text}");
            assert!(!has_more_values_than(text.as_bytes(), count), "{text}");
        }
    }
}
