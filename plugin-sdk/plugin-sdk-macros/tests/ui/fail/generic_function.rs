use plugin_sdk::prelude::*;

/// Say it back.
#[tool]
fn echo<T: ToString>(value: T) -> String {
    value.to_string()
}

/// Say it back.
#[tool]
fn bounded(value: String) -> String
where
    String: Clone,
{
    value
}

export_tools!(echo, bounded);

fn main() {}
