use plugin_sdk::prelude::*;

struct NoDefault;

/// Attributes that are none.
#[tool]
fn everything(
    #[arg] bare: u8,
    #[arg = "x"] valued: u8,
    #[arg(default, default = 1)] twice: u8,
    #[arg(header)] header: u8,
    #[arg(header = "")] empty: u8,
    #[arg(header = "a", header = "b")] headers: u8,
    #[schemars(skip)] skipped: u8,
    #[schemars(crate = "x")] of_a_crate: u8,
    #[schemars = "x"] schemars: u8,
    #[allow(unused)] allowed: u8,
    #[cfg(unix)] sometimes: u8,
    #[doc(hidden)] hidden: u8,
    #[arg(header = "x")] args: Args<u8>,
    #[schemars(length(min = 1))] state: State<u8>,
) {
}

export_tools!(everything);

fn main() {}
