//! Why `ENTRY_FILE` and `TOOLS_LIST` cannot select what they name, with the names that come near.

use tool_schema::similarity;

use crate::{
    error_code::{Code, ErrorCode},
    skipped::LeftOut,
};

/// Why `ENTRY_FILE` or `TOOLS_LIST` cannot select what they name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// `ENTRY_FILE` is written wrongly.
    #[error("{0}")]
    EntryFile(String),
    /// `ENTRY_FILE` or `TOOLS_LIST` name what is not there.
    #[error("{}", unmatched_message(.variable, .unmatched, .known, .left_out))]
    Unmatched {
        /// The variable.
        variable: &'static str,
        /// The names that nothing has.
        unmatched: Vec<Unmatched>,
        /// Everything there is.
        known: Vec<String>,
        /// What would be there, if it could be served.
        left_out: Vec<LeftOut>,
    },
    /// A name in `TOOLS_LIST` is that of several functions.
    #[error("TOOLS_LIST: {name} is the function of several tools: {}; write the tool's name", .tools.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The tools.
        tools: Vec<String>,
    },
}

impl Code for SelectionError {
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

/// A name that nothing has, with those that come near it.
#[derive(Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The name, as written.
    pub name: String,
    /// What it may have meant, the nearest first.
    pub near: Vec<String>,
}

impl Unmatched {
    /// This name, and what of `known` comes near it.
    pub fn new<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            name: name.to_owned(),
            near: near_misses(name, known),
        }
    }
}

/// The most near misses that are named.
const MAX_NEAR: usize = 3;

fn near_misses<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<_> = known
        .into_iter()
        .filter_map(|known| Some((similarity(name, known)?, known)))
        .collect();
    // The names too, so that equal ones stand side by side: a tool and its function often have one name.
    near.sort_by(|(a, name), (b, other)| b.total_cmp(a).then_with(|| name.cmp(other)));
    near.dedup_by_key(|(_, known)| *known);
    near.into_iter()
        .take(MAX_NEAR)
        .map(|(_, known)| known.to_owned())
        .collect()
}

fn unmatched_message(
    variable: &str,
    unmatched: &[Unmatched],
    known: &[String],
    left_out: &[LeftOut],
) -> String {
    let what = if variable == "ENTRY_FILE" {
        "plugin"
    } else {
        "tool"
    };
    let names: Vec<_> = unmatched
        .iter()
        .map(|Unmatched { name, near }| match near.as_slice() {
            [] => format!("no {what} fits {name:?}"),
            near => format!(
                "no {what} fits {name:?}; did you mean {}?",
                near.join(" or ")
            ),
        })
        .collect();
    let mut message = format!(
        "{variable}: {} (there are: {})",
        names.join("; "),
        known.join(", ")
    );
    if !left_out.is_empty() {
        let all: Vec<_> = left_out.iter().map(LeftOut::to_string).collect();
        message.push_str(&format!("; left out were {}", all.join("; ")));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_named_nearest_first() {
        let known = ["greet", "multiply", "wordCount", "add"];
        for (name, near) in [
            ("gret", vec!["greet"]),
            ("multiplies", vec!["multiply"]),
            ("word_count", vec!["wordCount"]),
            ("dad", vec!["add"]),
            ("gerte", vec!["greet"]),
            ("unrelated", vec![]),
        ] {
            assert_eq!(Unmatched::new(name, known).near, near, "name: {name}");
        }
        let twice = ["tool_a", "tool_b", "tool_b", "tool_a"];
        assert_eq!(
            Unmatched::new("tool_c", twice).near,
            ["tool_a", "tool_b"],
            "each is named once"
        );
    }
}
