use plugin_sdk::prelude::*;

#[tool]
fn greet(name: String) -> String {
    name
}

export_tools!(greet);

fn main() {}
