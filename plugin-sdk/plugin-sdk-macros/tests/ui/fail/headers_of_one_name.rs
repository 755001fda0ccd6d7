use plugin_sdk::prelude::*;

/// Forecast.
#[tool]
fn forecast(
    #[arg(header = "Region")] region: String,
    #[arg(header = "Days")] days: u8,
    #[arg(header = "REGION")] other: String,
) {
}

export_tools!(forecast);

fn main() {}
