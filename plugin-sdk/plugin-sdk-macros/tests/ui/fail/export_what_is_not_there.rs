use plugin_sdk::prelude::*;

/// Greet.
#[tool]
fn greet() {}

export_tools!(greet, weave);

fn main() {}
