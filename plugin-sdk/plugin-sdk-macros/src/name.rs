//! Names of tools: MCP's rules for them, and camelCase.

use tool_rules::MAX_NAME_LENGTH;

/// Returns the reason why `name` cannot be a tool's name, if there is one.
///
/// Source: MCP 2026-07-28, server/tools, "Tool names".
pub(crate) fn problem(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if let Some(c) = name.chars().find(|c| !allowed(*c)) {
        Some(format!(
            "a tool's name has only letters A-Z and a-z, digits, `_`, `-` and `.`, not `{c}`"
        ))
    } else if name.is_empty() || name.len() > MAX_NAME_LENGTH {
        Some(format!(
            "a tool's name has 1 to {MAX_NAME_LENGTH} characters, this one has {}",
            name.len()
        ))
    } else {
        None
    }
}

/// Returns the reason why `prefix` cannot be the prefix of tool names, if there is one.
pub(crate) fn prefix_problem(prefix: &str) -> Option<String> {
    problem(prefix).map(|problem| format!("{problem}; the same applies to a prefix"))
}

/// Returns the reason why `key` cannot be an author's key in `_meta`, if there is one.
///
/// Source: MCP 2026-07-28, basic, "General fields", `_meta`.
pub(crate) fn meta_key_problem(key: &str) -> Option<&'static str> {
    const GRAMMAR: &str = "not a key of `_meta`; write it as \"example.com/name\": labels of letters, digits and `-` between dots, `/`, and a name of letters, digits, `-`, `_` and `.`";
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let is_name = |name: &str| {
        alphanumeric(name.chars().next())
            && alphanumeric(name.chars().next_back())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let is_label = |label: &str| {
        label.starts_with(|c: char| c.is_ascii_alphabetic())
            && alphanumeric(label.chars().next_back())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if !is_name(name) || prefix.is_some_and(|prefix| !prefix.split('.').all(is_label)) {
        return Some(GRAMMAR);
    }
    match prefix.and_then(|prefix| prefix.split('.').nth(1)) {
        Some("modelcontextprotocol" | "mcp") => {
            Some("MCP reserves keys with this prefix; use a domain of your own")
        }
        _ => None,
    }
}

/// Converts `word_count` to `wordCount`. Leading underscores are kept.
pub(crate) fn camel_case(name: &str) -> String {
    let start = name.len() - name.trim_start_matches('_').len();
    let mut camel = name[..start].to_owned();
    for (position, word) in name[start..]
        .split('_')
        .filter(|word| !word.is_empty())
        .enumerate()
    {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if position > 0 => camel.extend(first.to_uppercase()),
            first => camel.extend(first),
        }
        camel.push_str(letters.as_str());
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_become_camel_case() {
        for (function, tool) in [
            ("greet", "greet"),
            ("word_count", "wordCount"),
            ("to_2d_point", "to2dPoint"),
            ("_private_name", "_privateName"),
            ("trailing_", "trailing"),
            ("double__score", "doubleScore"),
        ] {
            assert_eq!(camel_case(function), tool, "function: {function}");
        }
    }

    #[test]
    fn names_are_checked_by_the_rules_of_mcp() {
        for good in ["a", "get.user-data_2", &"x".repeat(64)] {
            assert_eq!(problem(good), None, "name: {good}");
        }
        for (bad, complaint) in [
            ("", "this one has 0"),
            (&*"x".repeat(65), "this one has 65"),
            ("two words", "not ` `"),
            ("a/b", "not `/`"),
            ("größe", "not `ö`"),
            (&*"ö".repeat(40), "not `ö`"),
        ] {
            let problem = problem(bad).unwrap_or_default();
            assert!(problem.ends_with(complaint), "name: {bad}, {problem}");
        }
    }
}
