use plugin_sdk::prelude::*;

/// # Arguments
/// * `z` - Not there.
#[tool(titel = "Everything", name = "no good")]
async unsafe fn everything<T>(x: &str, (a, b): (u8, u8), #[hint] t: T, y: impl Clone) -> impl Sized {
    drop((x, a, b, t, y))
}

export_tools!(everything);

fn main() {}
