use plugin_sdk::prelude::*;

/// Wait.
#[tool]
async fn wait() {}

export_tools!(wait);

fn main() {}
