use plugin_sdk::prelude::*;

/// Answer.
#[tool]
extern "C" fn answer() -> i32 {
    42
}

export_tools!(answer);

fn main() {}
