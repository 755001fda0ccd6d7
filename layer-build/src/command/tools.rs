//! `tools`: lists the tools of a layer, a crate or a server.

use serde_json::Value;

use crate::{
    args::server::Tools,
    exit::Exit,
    mcp::{client::Client, connection::Connection},
    terminal::stdout,
};

/// Lists the tools.
pub(crate) fn run(args: &Tools) -> anyhow::Result<Exit> {
    let mut options = args.source.options();
    // Listing tools does not need the environment variables, and a layer may come from someone else.
    options.passes_environment = options.layers.is_empty();
    let mut connection = Connection::open(&options)?;
    let tools = connection.request("while it listed its tools", Client::tools)?;
    if args.json {
        stdout::line(serde_json::to_string_pretty(&tools)?)?;
        return Ok(Exit::Done);
    }
    for tool in &tools {
        stdout::line(signature(tool))?;
        let description = tool["description"].as_str().unwrap_or_default();
        for line in description.lines() {
            stdout::line(format_args!("    {line}"))?;
        }
    }
    Ok(Exit::Done)
}

/// Returns a signature such as `countWords(text: string, longer_than?: integer)`.
fn signature(tool: &Value) -> String {
    let schema = &tool["inputSchema"];
    let required = schema["required"].as_array();
    let is_required =
        |name: &str| required.is_some_and(|required| required.iter().any(|r| r == name));
    let properties = schema["properties"].as_object();
    let parameters = properties.into_iter().flatten().map(|(name, schema)| {
        let mark = if is_required(name) { "" } else { "?" };
        format!("{name}{mark}: {}", type_name(schema))
    });
    let parameters: Vec<_> = parameters.collect();
    let name = tool["name"].as_str().unwrap_or_default();
    format!("{name}({})", parameters.join(", "))
}

/// Returns the types that a schema names, for output.
fn type_name(schema: &Value) -> String {
    match &schema["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            kinds
                .filter(|kind| *kind != "null")
                .collect::<Vec<_>>()
                .join(" or ")
        }
        _ => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tool_is_written_like_a_function() {
        for (schema, expected) in [
            (json!({ "type": "object" }), "t()"),
            (
                json!({ "properties": { "a": { "type": "string" }, "b": { "type": ["integer", "null"] }, "c": {} }, "required": ["a"] }),
                "t(a: string, b?: integer, c?: any)",
            ),
        ] {
            assert_eq!(
                signature(&json!({ "name": "t", "inputSchema": schema })),
                expected
            );
        }
    }
}
