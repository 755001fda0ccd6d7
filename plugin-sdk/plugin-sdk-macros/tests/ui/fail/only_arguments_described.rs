use plugin_sdk::prelude::*;

/// # Arguments
/// * `name` - Who is greeted.
#[tool]
fn greet(name: String) -> String {
    name
}

/// Greet.
#[tool(description = " ")]
fn wave() {}

export_tools!(greet, wave);

fn main() {}
