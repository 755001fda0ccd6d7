//! Selects the plugins and tools to serve by `ENTRY_FILE` and `TOOLS_LIST`, and reports unknown names.

use crate::{
    declaration::DeclaredTool,
    selection_error::{SelectionError, Unmatched},
    skipped::SkippedPlugin,
};

/// A tool with the names by which `TOOLS_LIST` can select it.
pub trait Selectable {
    /// Returns the tool's name.
    fn name(&self) -> &str;
    /// Returns the name of the function that implements the tool.
    fn function(&self) -> &str;
    /// Reports whether the tool is served if `TOOLS_LIST` is not set.
    fn is_default(&self) -> bool;
}

/// Reports whether `name` matches `pattern`, in which `*` stands for any number of characters.
pub(crate) fn matches_pattern(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(position) => rest = &rest[position + part.len()..],
            None => return false,
        }
    }
    true
}

/// Returns the file name for an entry of `ENTRY_FILE`. For the entries `libcustom_tools.so`, `custom_tools` and
/// `custom-tools` it is `libcustom_tools.so`.
///
/// # Errors
/// The reason why the entry is invalid.
pub fn library_file_name(entry: &str) -> Result<String, String> {
    if entry.contains(['/', '\\']) || entry == ".." {
        return Err(format!(
            "ENTRY_FILE names {entry:?}; write only the file's name, such as libcustom_tools.so: plugins are read from MCP_PLUGIN_DIR alone"
        ));
    }
    if let Some(stem) = entry.strip_suffix(".py") {
        return Err(format!(
            "ENTRY_FILE names the Python file {entry:?}; this host loads native plugins: write the tools in Rust with plugin-sdk, build them with `cargo layer build`, and set ENTRY_FILE=lib{stem}.so"
        ));
    }
    let suffix = std::env::consts::DLL_SUFFIX;
    Ok(match entry.strip_suffix(suffix) {
        Some(_) => entry.to_owned(),
        None => format!("lib{}{suffix}", entry.replace('-', "_")),
    })
}

/// Reports whether a tool is one of its layer's default tools, which `entries` select. (`cargo layer build` has checked
/// that each entry matches a tool.)
#[must_use]
pub fn is_default_tool(entries: &[String], tool: &DeclaredTool) -> bool {
    let means = |pattern: &str| {
        let pattern = pattern.trim();
        matches_pattern(pattern, &tool.tool.name) || matches_pattern(pattern, &tool.function)
    };
    let excluded = |entry: &String| entry.strip_prefix('!').is_some_and(means);
    let included = |entry: &String| !entry.starts_with('!') && means(entry);
    let only_exclusions = entries.iter().all(|entry| entry.starts_with('!'));
    !entries.iter().any(excluded) && (only_exclusions || entries.iter().any(included))
}

/// Returns the tools that `TOOLS_LIST` selects. An entry is a tool's name, a function's name or a pattern. An entry
/// that begins with `!` excludes the tools that it matches. Without entries, each layer's default tools are selected.
///
/// # Errors
/// An entry matches no tool, or it is the name of a function that implements several tools.
pub fn select_tools<T: Selectable>(
    entries: &[String],
    tools: Vec<T>,
    skipped: &[SkippedPlugin],
) -> Result<Vec<T>, SelectionError> {
    if entries.is_empty() {
        return Ok(tools.into_iter().filter(T::is_default).collect());
    }
    let mut unmatched = Vec::new();
    let mut included = vec![entries.iter().all(|entry| entry.starts_with('!')); tools.len()];
    let mut excluded = vec![false; tools.len()];
    for entry in entries {
        let (pattern, marks) = match entry.strip_prefix('!') {
            Some(pattern) => (pattern.trim(), &mut excluded),
            None => (entry.as_str(), &mut included),
        };
        let matching = matching(pattern, &tools)?;
        if matching.is_empty() {
            let names = tools.iter().flat_map(|tool| [tool.name(), tool.function()]);
            unmatched.push(Unmatched {
                name: entry.clone(),
                ..Unmatched::new(pattern, names)
            });
        }
        for position in matching {
            marks[position] = true;
        }
    }
    if !unmatched.is_empty() {
        let known = tools.iter().map(|tool| tool.name().to_owned()).collect();
        return Err(SelectionError::Unmatched {
            variable: "TOOLS_LIST",
            unmatched,
            known,
            skipped: skipped.to_vec(),
        });
    }
    let served = tools
        .into_iter()
        .enumerate()
        .filter(|(position, _)| included[*position] && !excluded[*position]);
    Ok(served.map(|(_, tool)| tool).collect())
}

/// Returns the positions of the tools whose name matches the pattern, or if there are none, of those whose function
/// matches it.
fn matching<T: Selectable>(pattern: &str, tools: &[T]) -> Result<Vec<usize>, SelectionError> {
    let by = |name: fn(&T) -> &str| -> Vec<usize> {
        let fitting = tools
            .iter()
            .enumerate()
            .filter(|(_, tool)| matches_pattern(pattern, name(tool)));
        fitting.map(|(position, _)| position).collect()
    };
    let by_name = by(T::name);
    if !by_name.is_empty() {
        return Ok(by_name);
    }
    let by_function = by(T::function);
    if by_function.len() > 1 && !pattern.contains('*') {
        let tools = by_function
            .iter()
            .map(|position| tools[*position].name().to_owned())
            .collect();
        return Err(SelectionError::Ambiguous {
            name: pattern.to_owned(),
            tools,
        });
    }
    Ok(by_function)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("greet", "greet", true),
            ("greet", "greeting", false),
            ("greet*", "greeting", true),
            ("*eet", "greet", true),
            ("*", "", true),
            ("g*e*t", "greet", true),
            ("g*x*t", "greet", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*ab", "aab", true),
            ("**", "x", true),
        ] {
            assert_eq!(
                matches_pattern(pattern, name),
                expected,
                "{pattern} and {name}"
            );
        }
    }

    #[test]
    fn an_entry_file_may_be_written_in_three_ways() {
        for entry in ["libcustom_tools.so", "custom_tools", "custom-tools"] {
            assert_eq!(
                library_file_name(entry).as_deref(),
                Ok("libcustom_tools.so"),
                "entry: {entry}"
            );
        }
        for entry in ["../evil.so", "/opt/lib/libx.so", "..", "lambda_handler.py"] {
            assert!(library_file_name(entry).is_err(), "entry: {entry}");
        }
    }
}
