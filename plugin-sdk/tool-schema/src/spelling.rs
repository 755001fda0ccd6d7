//! Converts single values to the type in which they should have been written: `"5"` to 5, `5.0` to 5, `"[1]"` to an
//! array.

use serde_json::{Number, Value};
use tool_rules::{MAX_JSON_VALUES, has_more_values_than};

use crate::schema::types::Types;

/// Returns the value converted to one of these types, if it is written as another type and can be converted.
pub(crate) fn coerced(types: Types, value: &Value) -> Option<Value> {
    match value {
        Value::String(text) if !types.has(Types::STRING) => parse_text(types, text),
        Value::Number(number) if types.has(Types::INTEGER) && !types.has(Types::FRACTION) => {
            integer(number)
        }
        _ => None,
    }
}

fn parse_text(types: Types, text: &str) -> Option<Value> {
    // Check the ends of the text before parsing it, which may have megabytes.
    let wanted = match text.as_bytes() {
        [b'[', .., b']'] => types.has(Types::ARRAY),
        [b'{', .., b'}'] => types.has(Types::OBJECT),
        b"true" | b"false" => types.has(Types::BOOLEAN),
        [b'-' | b'0'..=b'9', .., b'0'..=b'9'] | [b'0'..=b'9'] => types.has(Types::INTEGER),
        _ => false,
    };
    if !wanted || has_more_values_than(text.as_bytes(), MAX_JSON_VALUES) {
        return None;
    }
    match serde_json::from_str(text).ok()? {
        Value::Number(number) if types.has(Types::FRACTION) => {
            is_exact(&number, text).then_some(Value::Number(number))
        }
        Value::Number(number) if number.is_f64() => {
            (significant_digits(text) <= 15).then(|| integer(&number))?
        }
        parsed => Some(parsed),
    }
}

/// Reports whether a parsed number is exactly the one in the text. (An integer that is too large for 64 bits is parsed
/// as a float.)
fn is_exact(number: &Number, text: &str) -> bool {
    let integral = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    !integral || !number.is_f64() || number.as_f64() == Some(0.0)
}

/// Returns the number of digits before the exponent. A float represents up to 15 of them exactly.
fn significant_digits(number: &str) -> usize {
    let mantissa = number.split(['e', 'E']).next().unwrap_or(number);
    let mantissa = if mantissa.contains('.') {
        mantissa.trim_end_matches('0')
    } else {
        mantissa
    };
    mantissa
        .trim_start_matches(['-', '0', '.'])
        .bytes()
        .filter(u8::is_ascii_digit)
        .count()
}

/// Converts `5.0` to 5, within the range in which floats represent every integer exactly.
fn integer(number: &Number) -> Option<Value> {
    /// 2^53: from here on, floats cannot represent every integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number
        .as_f64()
        .filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT)?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
    Some(Value::from(float as i64))
}
