//! The declaration of a function, formatted on one page. Every declaration made here satisfies the schema of MCP, and
//! its own schemas are valid.

use plugin_sdk::{__private::ToolFn, serde_json::Value};

use crate::{host::Plugin, mcp};

/// The declaration of the function `T`.
pub(crate) fn tool_of<T: ToolFn + 'static>() -> Value {
    let declaration = Plugin::of::<T>().declaration();
    let tool = declaration["tools"][0].clone();
    mcp::accept_tool(&tool["tool"]);
    tool
}

/// The declared `inputSchema` of a tool with these parameters, and whether the host is to validate.
macro_rules! parameters {
    ($($parameters:tt)*) => {{
        #[plugin_sdk::tool(description = "-")]
        #[allow(unused, clippy::boxed_local, clippy::too_many_arguments, reason = "only the signature matters")]
        fn f($($parameters)*) {}
        $crate::declarations::input_page(&$crate::declarations::tool_of::<f>())
    }};
}

/// The declared `outputSchema` of a tool with this return type.
macro_rules! output {
    ($($output:tt)*) => {{
        #[plugin_sdk::tool(description = "-")]
        fn f() -> $($output)* {
            unreachable!()
        }
        match $crate::declarations::tool_of::<f>()["tool"].get("outputSchema") {
            Some(schema) => $crate::declarations::page(schema),
            None => "none".to_owned(),
        }
    }};
}

pub(crate) use {output, parameters};

/// The declaration of a tool's arguments.
pub(crate) fn input_page(tool: &Value) -> String {
    let validate = tool
        .get("validate")
        .is_some_and(|validate| validate == true);
    let headers = match tool.get("headers") {
        Some(headers) => format!("\nheaders: {headers}"),
        None => String::new(),
    };
    format!(
        "{}\nvalidate: {validate}{headers}",
        page(&tool["tool"]["inputSchema"])
    )
}

/// JSON as it was declared, over several lines only where it is long.
pub(crate) fn page(value: &Value) -> String {
    let line = value.to_string();
    let lines: Vec<_> = match value {
        Value::Object(members) if line.len() > 90 => members
            .iter()
            .map(|(key, value)| match page(value) {
                page if page.contains('\n') => format!("{key}:\n  {}", page.replace('\n', "\n  ")),
                page => format!("{key}: {page}"),
            })
            .collect(),
        Value::Array(items) if line.len() > 90 => items
            .iter()
            .map(|item| format!("- {}", page(item).replace('\n', "\n  ")))
            .collect(),
        _ => return line,
    };
    lines.join("\n")
}
