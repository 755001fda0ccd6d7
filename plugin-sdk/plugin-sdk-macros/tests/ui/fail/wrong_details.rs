use plugin_sdk::prelude::*;

/// Icons.
#[tool(icons("https://example.com/icon.png"(colour = "red")))]
fn colour() {}

/// Icons.
#[tool(icons("https://example.com/icon.png"(theme = "dark", theme = "light")))]
fn two_themes() {}

/// Icons.
#[tool(icons("https://example.com/icon.png"(mime_type)))]
fn no_type() {}

/// Icons.
#[tool(icons("http://example.com/icon.png"))]
fn not_safe() {}

/// Icons.
#[tool(icons(5))]
fn number() {}

/// Schemas.
#[tool(input_schema)]
fn no_schema(_arguments: Args<plugin_sdk::serde_json::Value>) {}

/// Schemas.
#[tool(output_schema = 5)]
fn no_text() {}

/// Time.
#[tool(timeout)]
fn no_time() {}

/// Time.
#[tool(timeout = "-1s")]
fn negative() {}

/// Time.
#[tool(timeout = "99999999999999999999s")]
fn endless() {}

/// Time.
#[tool(timeout = "1.5s")]
fn fraction() {}

/// Requires.
#[tool(requires())]
fn nothing() {}

/// Requires.
#[tool(requires(sampling))]
fn no_string() {}

/// Meta.
#[tool(meta())]
fn no_facts() {}

/// Meta.
#[tool(meta("example.com/a"))]
fn no_value() {}

/// Meta.
#[tool(meta(team = "weather"))]
fn no_key() {}

/// Flags.
#[tool(strict = "yes", validate(true))]
fn flags() {}

/// Names.
#[tool(name = 5)]
fn name() {}

/// Nothing that is an attribute.
#[tool("a text")]
fn a_text() {}

/// Paths.
#[tool(tool::title = "a")]
fn path() {}

fn main() {}
