use plugin_sdk::prelude::*;

/// One.
#[tool]
fn one() {}

mod no_comma {
    plugin_sdk::export_tools!(super::one super::one);
}

mod no_text {
    plugin_sdk::export_tools!(prefix = 1, super::one);
}

mod no_function {
    plugin_sdk::export_tools!(state = , super::one);
}

mod late_option {
    plugin_sdk::export_tools!(super::one, prefix = "x");
}

mod a_call {
    plugin_sdk::export_tools!(super::one());
}

mod a_text {
    plugin_sdk::export_tools!("one");
}

mod unknown_option {
    plugin_sdk::export_tools!(suffix = "x", super::one);
}

fn main() {}
