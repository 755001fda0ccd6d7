use plugin_sdk::prelude::*;

#[data]
struct Query {
    city: String,
}

/// # Arguments
/// * `city` - A city.
#[tool(description = "Both.")]
fn both(query: Args<Query>, more: u8, again: Args<Query>) {}

/// Two states.
#[tool]
fn states(one: State<u8>, two: State<u16>) {}

/// A schema for arguments that it does not take.
#[tool(input_schema = r#"{"type":"object"}"#)]
fn written(city: String) {}

/// # Arguments
/// * `city` - A city.
#[tool(description = "Described twice.")]
fn twice(
    /// A town.
    city: String,
) {
}

export_tools!(both, states, written, twice);

fn main() {}
