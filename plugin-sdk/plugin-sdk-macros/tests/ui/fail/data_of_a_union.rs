use plugin_sdk::prelude::*;

#[data]
union Number {
    integer: u32,
    float: f32,
}

fn main() {}
