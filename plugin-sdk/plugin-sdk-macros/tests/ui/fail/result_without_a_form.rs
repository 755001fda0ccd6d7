use plugin_sdk::prelude::*;

struct Opaque;

/// Give back a thing.
#[tool]
fn opaque() -> Opaque {
    Opaque
}

/// Give back many.
#[tool]
fn many() -> Vec<String> {
    Vec::new()
}

/// Fail with a thing.
#[tool]
fn fail() -> Result<String, Opaque> {
    Err(Opaque)
}

export_tools!(opaque, many, fail);

fn main() {}
