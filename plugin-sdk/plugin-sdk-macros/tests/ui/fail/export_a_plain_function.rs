use plugin_sdk::prelude::*;

/// Greet.
#[tool]
fn greet() {}

/// Forgotten.
fn wave() {}

mod more {
    /// Forgotten as well.
    pub fn nod() {}
}

export_tools!(greet, wave, more::nod);

fn main() {}
