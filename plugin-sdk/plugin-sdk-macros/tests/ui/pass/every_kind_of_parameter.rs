//! Arguments with attributes, all arguments as one value, context and state, in any order.

#![deny(warnings, missing_docs)]

use plugin_sdk::{ToolError, prelude::*, serde_json::Value};

/// What the tools share.
#[derive(Default)]
pub struct Shared {
    greeting: String,
}

fn shared() -> Result<Shared, std::env::VarError> {
    Ok(Shared {
        greeting: "Hello".to_owned(),
    })
}

/// Where and for how long.
#[data]
pub struct Query {
    /// A city.
    city: String,
    /// How many days.
    #[serde(default)]
    days: u8,
}

/// Greet.
#[tool(strict, timeout = "1500ms", requires("elicitation.url", "roots"))]
fn greet(
    context: Context,
    /// Whom to greet.
    #[arg(header = "Name")]
    #[schemars(length(min = 1, max = 100))]
    name: String,
    state: State<Shared>,
    #[arg(default = "!")] mark: String,
    #[arg(default = 2 - 1)] times: u8,
    #[arg(default)] names: Vec<String>,
    r#type: Option<String>,
) -> String {
    let _ = (context.request_id(), names, r#type);
    format!("{} {name}{}", state.greeting, mark.repeat(times.into()))
}

/// Forecast.
#[tool(icons(
    "https://example.com/a.png",
    "data:image/svg+xml;base64,PHN2Zy8+"(mime_type = "image/svg+xml", sizes = "any 48x48", theme = "dark")
))]
fn forecast(state: State<Shared>, query: Args<Query>, _: Context) -> Json<Query> {
    let _ = state.get();
    Json(query.0)
}

const SCHEMA: &str = r#"{"type":"object"}"#;

/// Anything.
#[tool(
    input_schema = SCHEMA,
    output_schema = r#"{"type":"object"}"#,
    meta("example.com/team" = "weather", "cost" = 1.5, "example.com/list" = [1, 2])
)]
fn anything(arguments: Args<Value>) -> Result<ToolResult, ToolError> {
    Ok(ToolResult::new().with_structured(&arguments.0))
}

/// A lint's level at a parameter stays there.
#[tool]
fn linted(#[allow(unused_variables)] number: u8) {}

/// Answers of others.
#[data(allow_unknown_fields)]
pub struct Answer {
    /// What is needed of it.
    pub needed: u8,
}

/// Read an answer.
#[tool]
fn read(answer: Answer) -> u8 {
    answer.needed
}

/// Nothing but the context.
#[tool]
fn who(context: plugin_sdk::Context) -> Option<String> {
    context.principal().map(str::to_owned)
}

/// Later.
#[tool]
async fn later(state: State<Shared>, seconds: u8) -> Result<u8, std::io::Error> {
    let _ = state;
    Ok(seconds)
}

export_tools!(
    prefix = "all.",
    state = shared,
    names = "as_written",
    greet,
    forecast,
    anything,
    who,
    linted,
    read,
    later,
);

fn main() {}
