use plugin_sdk::prelude::*;

mod weather {
    pub fn now() {}
}

/// Forecast.
#[tool]
fn weather() {
    weather::now();
}

export_tools!(weather);

fn main() {}
