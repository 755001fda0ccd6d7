use plugin_sdk::prelude::*;

/// Greet.
#[tool]
fn greet(
    /// Who is greeted.
    name: String,
    #[serde(default)] loud: bool,
) -> String {
    if loud { name.to_uppercase() } else { name }
}

export_tools!(greet);

fn main() {}
