use plugin_sdk::prelude::*;

/// Forecast.
#[tool]
fn forecast(#[arg(default = 1.5)] days: u8) {
    let _ = days;
}

export_tools!(forecast);

fn main() {}
