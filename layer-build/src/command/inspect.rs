//! `inspect`: prints the content of a layer, a library or a function, as tables or as JSON.

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use serde_json::json;

use crate::{
    archive::inventory::{ContextCost, Inventory, Tool, Undeclared},
    args,
    exit::Exit,
    terminal::stdout,
};

/// Prints the content of a file.
pub(crate) fn run(args: &args::layer::Inspect) -> anyhow::Result<Exit> {
    let inventory = Inventory::read_any(&args.file, Undeclared::Open)?;
    if args.json {
        let all = json!({
            "file": inventory.path,
            "size": inventory.size,
            "sha256": inventory.sha256,
            "layers": inventory.layers,
            "plugins": inventory.plugins,
            "bootstrap": inventory.bootstrap,
            "otherFiles": inventory.other_files,
            "weight": total_cost(inventory.tools()),
        });
        stdout::line(serde_json::to_string_pretty(&all)?)?;
    } else {
        stdout::line(text(&inventory))?;
    }
    Ok(Exit::Done)
}

fn text(inventory: &Inventory) -> String {
    let mut parts = vec![file(inventory)];
    for plugin in &inventory.plugins {
        let versions = &plugin.versions;
        let mut table = table();
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        for (name, value) in [
            ("crate", format!("{} {}", versions.krate, versions.version)),
            (
                "built with",
                format!(
                    "plugin-sdk {}, payloads {}, panic = \"{}\"",
                    versions.sdk, versions.payload, versions.panic
                ),
            ),
            ("oldest host", or_none(&versions.min_host)),
            ("for", format!("{}, {}", plugin.cpu, or_none(&plugin.glibc))),
            ("needs", plugin.needed.join(", ")),
            ("size", format!("{} bytes", plugin.size)),
            ("sha256", plugin.sha256.clone()),
            ("build id", or_none(&plugin.build_id)),
        ] {
            table.add_row([name.to_owned(), value]);
        }
        parts.push(format!("{}\n{}", plugin.file, trimmed(&table)));
    }
    if !inventory.plugins.is_empty() {
        parts.push(tools(inventory));
    }
    parts.join("\n\n")
}

fn file(inventory: &Inventory) -> String {
    let mut lines = vec![
        inventory.path.display().to_string(),
        format!("  {} bytes, sha256 {}", inventory.size, inventory.sha256),
    ];
    for layer in &inventory.layers {
        let tools = match layer.tools.as_slice() {
            [] => "all tools".to_owned(),
            tools => tools.join(", "),
        };
        lines.push(format!(
            "  layer {} {}, by default {tools}",
            layer.name, layer.version
        ));
    }
    if let Some(bootstrap) = &inventory.bootstrap {
        let glibc = bootstrap.glibc.as_deref().unwrap_or("no glibc");
        lines.push(format!(
            "  bootstrap: {} bytes, sha256 {}, for {}, {glibc}",
            bootstrap.size, bootstrap.sha256, bootstrap.cpu
        ));
    }
    if !inventory.other_files.is_empty() {
        lines.push(format!(
            "  other files: {}",
            inventory.other_files.join(", ")
        ));
    }
    lines.join("\n")
}

fn tools(inventory: &Inventory) -> String {
    let mut table = table();
    table.set_header(["tool", "bytes", "tokens, about", "says", "parameters"]);
    for column in [1, 2] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for tool in inventory.tools() {
        let ContextCost { bytes, tokens } = tool.context_cost;
        let properties = tool.declaration["inputSchema"]["properties"].as_object();
        let parameters: Vec<_> = properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        table.add_row([
            tool.name.clone(),
            bytes.to_string(),
            tokens.to_string(),
            hints(tool),
            parameters.join(", "),
        ]);
    }
    let ContextCost { bytes, tokens } = total_cost(inventory.tools());
    table.add_row([
        "all".to_owned(),
        bytes.to_string(),
        tokens.to_string(),
        String::new(),
        String::new(),
    ]);
    trimmed(&table)
}

/// Returns the tool's hints and required capabilities, in short form.
fn hints(tool: &Tool) -> String {
    let hint = |name: &str| tool.declaration["annotations"][name].as_bool();
    let mut hints = Vec::new();
    match (hint("readOnlyHint"), hint("destructiveHint")) {
        (Some(true), _) => hints.push("reads only".to_owned()),
        (_, Some(false)) => hints.push("adds only".to_owned()),
        (_, Some(true)) => hints.push("destroys".to_owned()),
        _ => hints.push("may destroy".to_owned()),
    }
    if hint("openWorldHint") == Some(true) {
        hints.push("open world".to_owned());
    }
    if tool.strict {
        hints.push("strict".to_owned());
    }
    if let Some(limit) = tool.timeout_ms {
        hints.push(format!("{limit} ms"));
    }
    if !tool.requires.is_empty() {
        hints.push(format!("requires {}", tool.requires.join(" and ")));
    }
    if !tool.by_default {
        hints.push("not by default".to_owned());
    }
    hints.join(", ")
}

fn total_cost<'a>(tools: impl Iterator<Item = &'a Tool>) -> ContextCost {
    ContextCost::from_bytes(tools.map(|tool| tool.context_cost.bytes).sum())
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table
}

/// Returns the lines of a table without trailing blanks.
fn trimmed(table: &Table) -> String {
    let lines = table.lines().map(|line| format!(" {}", line.trim_end()));
    lines.collect::<Vec<_>>().join("\n")
}
