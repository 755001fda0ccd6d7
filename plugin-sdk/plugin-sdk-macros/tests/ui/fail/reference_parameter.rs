use plugin_sdk::prelude::*;

/// Greet.
#[tool]
fn greet(name: &str) -> String {
    name.to_owned()
}

/// Greet.
#[tool]
fn greet_some(names: &[String], title: Option<&str>) -> String {
    title.unwrap_or_default().to_owned() + &names.concat()
}

export_tools!(greet, greet_some);

fn main() {}
