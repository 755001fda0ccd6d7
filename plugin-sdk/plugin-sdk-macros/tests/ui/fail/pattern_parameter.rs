use plugin_sdk::prelude::*;

/// Add.
#[tool]
fn add((a, b): (i64, i64), _: bool) -> i64 {
    a + b
}

export_tools!(add);

fn main() {}
