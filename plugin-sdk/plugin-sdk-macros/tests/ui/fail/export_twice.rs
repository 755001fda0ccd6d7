use plugin_sdk::prelude::*;

/// Greet.
#[tool]
fn greet() {}

export_tools!(greet, greet);

fn main() {}
