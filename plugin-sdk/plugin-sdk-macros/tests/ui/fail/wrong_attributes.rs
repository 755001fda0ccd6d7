use plugin_sdk::prelude::*;

/// Time.
#[tool(timeout = "10")]
fn without_unit() {}

/// Time.
#[tool(timeout = "0s", timeout = 10)]
fn nothing() {}

/// Requires.
#[tool(requires("telepathy"))]
fn telepathy() {}

/// Requires.
#[tool(requires = "sampling")]
fn not_a_list() {}

/// Icons.
#[tool(icons("icon.png"))]
fn no_uri() {}

/// Icons.
#[tool(icons("https://example.com/icon.png"(theme = "blue")))]
fn blue() {}

/// Icons.
#[tool(icons("https://example.com/icon.png"(sizes = "big")))]
fn big() {}

/// Icons.
#[tool(icons())]
fn none() {}

/// Meta.
#[tool(meta("two words" = 1))]
fn no_key() {}

/// Meta.
#[tool(meta("io.modelcontextprotocol/owner" = "me"))]
fn reserved() {}

/// Schemas.
#[tool(input_schema, output_schema(true), strict = "yes")]
fn schemas(_arguments: Args<plugin_sdk::serde_json::Value>) {}

fn main() {}
