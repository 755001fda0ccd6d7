//! What the macro calls its own things is no business of the author's names.

use plugin_sdk::prelude::*;

/// The author's own.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "plugin_sdk::serde")]
#[schemars(crate = "plugin_sdk::schemars")]
struct Arguments {
    x: u8,
}

#[derive(Clone, Copy)]
struct Plugin;

/// Take arguments.
#[tool]
fn arguments(arguments: Arguments, body: String) -> u8 {
    let _ = (body, Plugin);
    arguments.x
}

/// Take none.
#[tool]
fn _arguments() {}

/// The body.
#[tool]
fn body() {}

/// And more.
#[tool]
fn tool(tool: bool, call: bool) -> bool {
    tool && call
}

export_tools!(arguments, _arguments, body, tool);

fn main() {}
