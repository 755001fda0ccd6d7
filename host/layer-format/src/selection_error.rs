//! Errors of `ENTRY_FILE` and `TOOLS_LIST`, with suggestions for unknown names.

use tool_schema::similarity;

use crate::{
    error_code::{ErrorCode, HasErrorCode},
    skipped::SkippedPlugin,
};

/// The reason why `ENTRY_FILE` or `TOOLS_LIST` cannot select.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// An entry of `ENTRY_FILE` has the wrong form.
    #[error("{0}")]
    EntryFile(String),
    /// `ENTRY_FILE` or `TOOLS_LIST` names something unknown.
    #[error("{}", unmatched_message(.variable, .unmatched, .known, .skipped))]
    Unmatched {
        /// The variable.
        variable: &'static str,
        /// The unknown names.
        unmatched: Vec<Unmatched>,
        /// Every known name.
        known: Vec<String>,
        /// The skipped plugins, which might have had the names.
        skipped: Vec<SkippedPlugin>,
    },
    /// A name in `TOOLS_LIST` belongs to several functions.
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

/// An unknown name, with suggestions.
#[derive(Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The name, as written.
    pub name: String,
    /// Similar names, the most similar first.
    pub suggestions: Vec<String>,
}

impl Unmatched {
    /// Returns this name with the similar ones of `known`.
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
    // Sorting also by name puts equal names side by side: a tool and its function often have one name.
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
