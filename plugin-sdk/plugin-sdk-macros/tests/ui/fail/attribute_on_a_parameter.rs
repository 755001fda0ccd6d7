use plugin_sdk::prelude::*;

/// Attributes that are none.
#[tool]
fn everything(
    #[hint] hinted: u8,
    #[arg(minimum = 1)] minimum: u8,
    #[arg(header = "Two words")] header: u8,
    #[arg(header = 1)] number: u8,
    #[arg(default = 1, default = 2)] twice: u8,
    #[serde(default)] of_serde: u8,
    #[schemars(rename = "other")] renamed: u8,
    #[schemars(default)] defaulted: u8,
    #[schemars(flatten)] flattened: u8,
    #[schemars] bare: u8,
    #[cfg(unix)] configured: u8,
    #[arg(default)] context: Context,
) {
}

export_tools!(everything);

fn main() {}
