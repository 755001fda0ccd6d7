use plugin_sdk::prelude::*;

/// Greet.
#[tool(titel = "Greeting", readonly, timeout("1s"), read_only)]
fn greet() {}

export_tools!(greet);

fn main() {}
