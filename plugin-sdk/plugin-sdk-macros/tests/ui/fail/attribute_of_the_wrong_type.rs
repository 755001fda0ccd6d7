use plugin_sdk::prelude::*;

/// Greet.
#[tool(read_only = "yes")]
fn greet() {}

/// Greet.
#[tool(title)]
fn wave() {}

export_tools!(greet, wave);

fn main() {}
