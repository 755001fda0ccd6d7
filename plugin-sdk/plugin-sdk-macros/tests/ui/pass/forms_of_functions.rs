//! Functions of every form that a tool may have.

#![deny(warnings, missing_docs)]

use plugin_sdk::prelude::*;

/// A constant function.
#[tool()]
const fn answer() -> u8 {
    42
}

/**
 * A block comment.
 */
#[tool(read_only, destructive = false)]
fn block(mut text: String, r#type: Option<String>) -> String {
    text.extend(r#type);
    text
}

#[tool(description = "Described by an attribute", name = "get.raw-identifier_2")]
fn r#move() -> Result<(), std::num::ParseIntError> {
    Ok(())
}

/// There on any machine.
#[tool]
#[cfg(any(unix, not(unix)))]
#[must_use]
fn configured_in() -> &'static str {
    "in"
}

/// There on none.
#[tool]
#[cfg(all(unix, not(unix)))]
fn configured_out() -> NoSuchType {}

macro_rules! square {
    ($name:ident, $number:ty) => {
        #[doc = "The square of a number."]
        #[tool(read_only)]
        fn $name(x: $number) -> Option<$number> {
            x.checked_mul(x)
        }
    };
}

square!(square_of_byte, u8);
square!(square_of_word, u16);

/// Arguments that own what they have.
#[tool]
fn owned(a: std::borrow::Cow<'static, str>, b: Box<[u8]>, c: Vec<Vec<char>>) -> String {
    format!("{a}{b:?}{c:?}")
}

export_tools!(
    names = "camel_case",
    answer,
    block,
    r#move,
    configured_in,
    square_of_byte,
    square_of_word,
    owned
);

fn main() {}
