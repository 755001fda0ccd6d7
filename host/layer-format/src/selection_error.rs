//! Errors in `ENTRY_FILE` and `TOOLS_LIST`, with suggestions for unknown names.

use tool_schema::similarity;

use crate::{
    error_code::{ErrorCode, HasErrorCode},
    skipped::SkippedPlugin,
};

/// The reason why `ENTRY_FILE` or `TOOLS_LIST` cannot be applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// An entry of `ENTRY_FILE` has an invalid form.
    #[error("{0}")]
    EntryFile(String),
    /// `ENTRY_FILE` names an unknown plugin, or `TOOLS_LIST` an unknown tool.
    #[error("{}", unmatched_message(.variable, .unmatched, .known, .skipped))]
    Unmatched {
        /// The environment variable.
        variable: &'static str,
        /// The unknown names.
        unmatched: Vec<Unmatched>,
        /// Every known name.
        known: Vec<String>,
        /// The skipped plugins. One of them might contain an unknown name.
        skipped: Vec<SkippedPlugin>,
    },
    /// `TOOLS_LIST` contains the name of a function that implements several tools.
    #[error("TOOLS_LIST: {name} is the function of several tools: {}; write the tool's name", .tools.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The tools.
        tools: Vec<String>,
    },
}

impl HasErrorCode for SelectionError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::EntryFile(_) => ErrorCode::EntryFileInvalid,
            Self::Unmatched { variable, .. } if *variable == "ENTRY_FILE" => {
                ErrorCode::EntryFileUnmatched
            }
            Self::Unmatched { .. } => ErrorCode::ToolsListUnmatched,
            Self::Ambiguous { .. } => ErrorCode::ToolsListAmbiguous,
        }
    }
}

/// An unknown name, with suggestions for a correction.
#[derive(Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The name as the operator wrote it.
    pub name: String,
    /// Similar known names, the most similar first.
    pub suggestions: Vec<String>,
}

impl Unmatched {
    /// Returns the unknown name `name` with the most similar names in `known`.
    pub fn new<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            name: name.to_owned(),
            suggestions: near_misses(name, known),
        }
    }
}

/// The maximum number of suggestions.
const MAX_SUGGESTIONS: usize = 3;

fn near_misses<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut suggestions: Vec<_> = known
        .into_iter()
        .filter_map(|known| Some((similarity(name, known)?, known)))
        .collect();
    // Sorting by name as well makes equal names adjacent, as `dedup` requires: a tool and its function often have the
    // same name.
    suggestions.sort_by(|(a, name), (b, other)| b.total_cmp(a).then_with(|| name.cmp(other)));
    suggestions.dedup_by_key(|(_, known)| *known);
    suggestions
        .into_iter()
        .take(MAX_SUGGESTIONS)
        .map(|(_, known)| known.to_owned())
        .collect()
}

fn unmatched_message(
    variable: &str,
    unmatched: &[Unmatched],
    known: &[String],
    skipped: &[SkippedPlugin],
) -> String {
    let what = if variable == "ENTRY_FILE" {
        "plugin"
    } else {
        "tool"
    };
    let names: Vec<_> = unmatched
        .iter()
        .map(
            |Unmatched { name, suggestions }| match suggestions.as_slice() {
                [] => format!("no {what} matches {name:?}"),
                suggestions => format!(
                    "no {what} matches {name:?}; did you mean {}?",
                    suggestions.join(" or ")
                ),
            },
        )
        .collect();
    let mut message = format!(
        "{variable}: {} (there are: {})",
        names.join("; "),
        known.join(", ")
    );
    if !skipped.is_empty() {
        let all: Vec<_> = skipped.iter().map(SkippedPlugin::to_string).collect();
        message.push_str(&format!("; skipped: {}", all.join("; ")));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_named_nearest_first() {
        let known = ["greet", "multiply", "wordCount", "add"];
        for (name, suggestions) in [
            ("gret", vec!["greet"]),
            ("multiplies", vec!["multiply"]),
            ("word_count", vec!["wordCount"]),
            ("dad", vec!["add"]),
            ("gerte", vec!["greet"]),
            ("unrelated", vec![]),
        ] {
            assert_eq!(
                Unmatched::new(name, known).suggestions,
                suggestions,
                "name: {name}"
            );
        }
        let twice = ["tool_a", "tool_b", "tool_b", "tool_a"];
        assert_eq!(
            Unmatched::new("tool_c", twice).suggestions,
            ["tool_a", "tool_b"],
            "each is named once"
        );
    }
}
