use plugin_sdk::prelude::*;

/// A place.
#[tool]
struct Place {
    latitude: f64,
}

fn main() {
    let _ = Place { latitude: 0.0 };
}
