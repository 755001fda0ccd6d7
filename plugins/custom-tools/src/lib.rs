//! Three simple example tools: a greeting, a product and a sum.

use plugin_sdk::prelude::*;

/// Greet someone by name.
///
/// # Arguments
/// * `name` - Who is greeted.
#[tool(read_only)]
pub fn greet(name: String) -> String {
    format!("Hello, {name}!")
}

/// Multiply two numbers.
///
/// # Arguments
/// * `x` - The first factor.
/// * `y` - The second factor.
#[tool(read_only)]
pub fn multiply(x: i64, y: i64) -> Result<i64, &'static str> {
    x.checked_mul(y)
        .ok_or("the product does not fit into 64 bits")
}

/// Add two numbers.
///
/// # Arguments
/// * `a` - The first summand.
/// * `b` - The second summand.
#[tool(read_only)]
pub fn add(a: i64, b: i64) -> Result<i64, &'static str> {
    a.checked_add(b).ok_or("the sum does not fit into 64 bits")
}

export_tools!(greet, multiply, add);

#[cfg(test)]
mod tests {
    use plugin_sdk::{serde_json::json, testing::plugin};

    use super::*;

    #[test]
    fn tools_are_ordinary_functions() {
        assert_eq!(greet("Ada".to_owned()), "Hello, Ada!");
        assert_eq!(multiply(5, 3), Ok(15));
        assert_eq!(add(i64::MAX, 1), Err("the sum does not fit into 64 bits"));
    }
    #[test]
    fn numbers_may_be_text_and_errors_say_what_is_wrong() {
        let multiply = plugin().tool("multiply");
        assert_eq!(multiply.call(json!({ "x": "5", "y": 3 })).text(), "15");
        assert_eq!(
            multiply.call(json!({ "x": i64::MAX, "y": 2 })).error_text(),
            "the product does not fit into 64 bits"
        );
        assert_eq!(
            multiply.call(json!({ "x": 5 })).error_text(),
            "Invalid arguments for tool multiply: /y is missing (it must be an integer)"
        );
    }
}
