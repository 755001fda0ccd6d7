use plugin_sdk::prelude::*;

/// Greet.
///
/// # Arguments
/// * `nmae` - Who is greeted.
#[tool]
fn greet(name: String) -> String {
    name
}

export_tools!(greet);

fn main() {}
