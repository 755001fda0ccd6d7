use plugin_sdk::prelude::*;

/// One.
#[tool]
fn one() {}

mod prefix {
    plugin_sdk::export_tools!(prefix = "two words ", super::one);
}

mod twice {
    plugin_sdk::export_tools!(names = "as_written", names = "as_written", super::one);
}

fn main() {}
