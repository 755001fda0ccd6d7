use plugin_sdk::prelude::*;

export_tools!();

export_tools!(names = "as_written");

fn main() {}
