use plugin_sdk::prelude::*;

/// Read any memory.
#[tool]
unsafe fn peek(address: u64) -> u8 {
    address as u8
}

export_tools!(peek);

fn main() {}
