//! Determines which tools a function serves with certain layers and environment variables, and whether it starts.

use std::collections::{BTreeMap, BTreeSet};

use layer_format::{
    SelectionError, Unmatched,
    selection::{Selectable, library_file_name},
};
use serde_json::Value;

use crate::{
    archive::inventory::{Inventory, Plugin, Tool},
    compare,
};

impl Selectable for &Tool {
    fn name(&self) -> &str {
        &self.name
    }

    fn function(&self) -> &str {
        &self.function
    }

    fn is_default(&self) -> bool {
        self.by_default
    }
}

/// Returns the tools that a host serves from these layers, which are unpacked over each other in this order. Hidden
/// tools are included, because they can be called too.
pub(crate) fn select_tools<'a>(
    layers: impl Iterator<Item = &'a Inventory>,
    entry_file: &[String],
    tools: &[String],
) -> Result<Vec<compare::Tool>, SelectionError> {
    let plugins = layers.flat_map(|layer| &layer.plugins);
    let plugins: BTreeMap<_, _> = plugins
        .map(|plugin| (plugin.file.as_str(), plugin))
        .collect();
    let plugins = select_plugins(plugins, entry_file)?;
    let all = plugins.iter().flat_map(|plugin| &plugin.tools).collect();
    let mut names = BTreeSet::new();
    let mut served = layer_format::selection::select_tools(tools, all, &[])?;
    // If two tools have the same name, the host serves the first one, unless it refuses to start.
    served.retain(|tool| names.insert(tool.name.as_str()));
    let served = served.into_iter().map(|tool| compare::Tool {
        by_default: true,
        ..tool.to_compare_tool()
    });
    Ok(served.collect())
}

/// Returns the plugins that `ENTRY_FILE` names, in its order; all plugins by file name if it is not set.
fn select_plugins<'a>(
    mut plugins: BTreeMap<&'a str, &'a Plugin>,
    entry_file: &[String],
) -> Result<Vec<&'a Plugin>, SelectionError> {
    if entry_file.is_empty() {
        return Ok(plugins.into_values().collect());
    }
    let known: Vec<_> = plugins.keys().map(|file| (*file).to_owned()).collect();
    let mut selected = Vec::new();
    let mut unmatched = Vec::new();
    for entry in entry_file {
        let file = library_file_name(entry).map_err(SelectionError::EntryFile)?;
        match plugins.remove(file.as_str()) {
            Some(plugin) => selected.push(plugin),
            None if known.contains(&file) => {}
            None => unmatched.push(Unmatched {
                name: entry.clone(),
                ..Unmatched::new(&file, known.iter().map(String::as_str))
            }),
        }
    }
    if unmatched.is_empty() {
        return Ok(selected);
    }
    Err(SelectionError::Unmatched {
        variable: "ENTRY_FILE",
        unmatched,
        known,
        skipped: Vec::new(),
    })
}

/// Returns the differences of a list of tools from the expected tools.
pub(crate) fn differences(listed: &[Value], expected: &[compare::Tool]) -> Vec<String> {
    let named = |name: &str| listed.iter().find(|tool| tool["name"] == name);
    let mut differences = Vec::new();
    for tool in expected {
        let Some(found) = named(tool.name()) else {
            differences.push(format!("{} is not listed", tool.name()));
            continue;
        };
        for member in ["description", "inputSchema"] {
            if found[member] != tool.mcp[member] {
                differences.push(format!("{}: its {member} differs", tool.name()));
            }
        }
    }
    let names: BTreeSet<_> = expected.iter().map(compare::Tool::name).collect();
    let others = listed.iter().filter_map(|tool| tool["name"].as_str());
    let others = others.filter(|name| !names.contains(name));
    differences.extend(others.map(|name| format!("{name} is listed, but not expected")));
    differences
}

/// Returns the names of tools, for output.
pub(crate) fn tool_names(tools: &[compare::Tool]) -> Vec<String> {
    tools.iter().map(|tool| tool.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expected(mcp: Value) -> compare::Tool {
        compare::Tool {
            mcp,
            function: "f".to_owned(),
            by_default: true,
            strict: false,
            timeout_ms: None,
            requires: Vec::new(),
        }
    }

    #[test]
    fn a_list_is_compared_with_the_expected_tools() {
        let tool = json!({ "name": "a", "description": "A.", "inputSchema": { "type": "object" } });
        let mut other = tool.clone();
        other["description"] = "B.".into();
        let mut named = tool.clone();
        named["name"] = "b".into();
        let mut more = tool.clone();
        more["_meta"] = json!({});
        for (listed, expected_differences) in [
            (vec![tool.clone()], vec![]),
            (vec![more], vec![]),
            (vec![], vec!["a is not listed"]),
            (vec![other], vec!["a: its description differs"]),
            (
                vec![tool.clone(), named],
                vec!["b is listed, but not expected"],
            ),
        ] {
            let found = differences(&listed, &[expected(tool.clone())]);
            assert_eq!(found, expected_differences, "{listed:?}");
        }
    }
}
