//! The number of values in a JSON text, counted without building them.

/// The default maximum number of values in a message. Source: ours. A value takes up to 400 bytes of memory when it is
/// parsed, so that they take 80 MB. A message of 6 MB with larger values has fewer.
pub const MAX_JSON_VALUES: usize = 200_000;

/// Reports whether a JSON text may have more values than this. Members of objects and elements of arrays count, at any
/// depth. In a text that is no JSON, the same characters count.
#[must_use]
pub fn has_more_values_than(text: &[u8], max: usize) -> bool {
    // Every value takes a byte and its separator another.
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
            // Blanks make the text longer than any count.
            let text = format!("{text}{}", " ".repeat(100));
            assert!(has_more_values_than(text.as_bytes(), count - 1), "{text}");
            assert!(!has_more_values_than(text.as_bytes(), count), "{text}");
        }
    }
}
