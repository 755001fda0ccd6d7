use plugin_sdk::prelude::*;

/// Greet.
#[tool(title = "Greet", read_only, title = "Greeting", read_only = false)]
fn greet() {}

export_tools!(greet);

fn main() {}
