use plugin_sdk::prelude::*;

/// Greet.
#[tool]
fn greet(name: impl Into<String>) -> String {
    name.into()
}

/// Answer.
#[tool]
fn answer() -> impl ToString {
    42
}

export_tools!(greet, answer);

fn main() {}
