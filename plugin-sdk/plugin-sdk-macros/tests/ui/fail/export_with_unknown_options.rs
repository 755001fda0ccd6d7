use plugin_sdk::prelude::*;

/// Greet.
#[tool]
fn greet() {}

export_tools!(prefix = "my_", greet);

export_tools!(names = "kebab-case", greet);

fn main() {}
