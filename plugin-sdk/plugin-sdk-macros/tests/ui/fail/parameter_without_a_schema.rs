use plugin_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(crate = "plugin_sdk::serde")]
struct Opaque {
    x: u8,
}

/// Take a thing.
#[tool]
fn take(thing: Opaque) -> u8 {
    thing.x
}

export_tools!(take);

fn main() {}
