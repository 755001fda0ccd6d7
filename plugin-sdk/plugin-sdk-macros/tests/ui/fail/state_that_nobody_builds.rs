use plugin_sdk::prelude::*;

struct Pool;

/// Ask.
#[tool]
fn ask(pool: State<Pool>) {
    let _ = pool;
}

export_tools!(ask);

fn main() {}
