use plugin_sdk::prelude::*;

#[data]
fn function() {}

#[data(rename_all = "camelCase")]
struct Options {
    days: u8,
}

fn main() {}
