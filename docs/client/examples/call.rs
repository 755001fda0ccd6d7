//! Lists the tools of a server, and calls one: `cargo run -- URL`. Needs these dependencies:
//!
//! ```toml
//! rmcp = { version = "3", default-features = false, features = ["client", "transport-streamable-http-client-reqwest"] }
//! serde_json = "1"
//! tokio = { version = "1", features = ["macros", "rt"] }
//! ```

use std::error::Error;

use rmcp::{
    ServiceExt,
    model::{CallToolRequestParams, CallToolResult},
    transport::StreamableHttpClientTransport,
};
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("which URL?")?;
    let client = ().serve(StreamableHttpClientTransport::from_uri(url)).await?;

    let tools = client.list_all_tools().await?;
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    println!("tools: {}", names.join(", "));

    let arguments = json!({ "x": 6, "y": 7 });
    let call = CallToolRequestParams::new("multiply");
    let call = call.with_arguments(arguments.as_object().cloned().unwrap_or_default());
    println!("result: {}", text(&client.call_tool(call).await?));

    // Errors of a tool are results: a model reads their text.
    let arguments = json!({ "x": 6 });
    let call = CallToolRequestParams::new("multiply");
    let call = call.with_arguments(arguments.as_object().cloned().unwrap_or_default());
    let result = client.call_tool(call).await?;
    if result.is_error == Some(true) {
        println!("error: {}", text(&result));
    }

    client.cancel().await?;
    Ok(())
}

fn text(result: &CallToolResult) -> &str {
    let first = result.content.first().and_then(|block| block.as_text());
    first.map_or("", |block| &block.text)
}
