use plugin_sdk::prelude::*;

/// A space.
#[tool(name = "two words")]
fn space() {}

/// Nothing.
#[tool(name = "")]
fn empty() {}

/// 65 characters.
#[tool(name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
fn long() {}

/// Not ASCII.
#[tool]
fn größe() {}

export_tools!(space, empty, long, größe);

fn main() {}
