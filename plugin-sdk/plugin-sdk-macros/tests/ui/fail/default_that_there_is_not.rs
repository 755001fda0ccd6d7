use plugin_sdk::prelude::*;

#[data]
struct Place {
    city: String,
}

/// Forecast.
#[tool]
fn forecast(#[arg(default)] place: Place, #[arg(default = "Lyon")] other: Place) {
    let _ = (place, other);
}

/// Forecast.
#[tool]
fn unknown(#[arg(default = LYON)] place: String) {
    let _ = place;
}

export_tools!(forecast, unknown);

fn main() {}
