//! Compares two sets of tools, and determines the effects of the changes. This module works on values only, and reads
//! no files.

mod schema;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use schema::difference::{Difference, Direction};

/// The parts of a tool that its users depend on.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    /// The tool in MCP's form.
    pub(crate) mcp: Value,
    /// The name of the Rust function that implements it.
    pub(crate) function: String,
    /// Whether it is served if `TOOLS_LIST` is not set.
    pub(crate) by_default: bool,
    pub(crate) strict: bool,
    /// The time limit. Unit: milliseconds.
    pub(crate) timeout_ms: Option<u64>,
    /// The client capabilities that it requires.
    pub(crate) requires: Vec<String>,
}

/// A change of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    pub(crate) tool: String,
    pub(crate) effect: Effect,
    pub(crate) what: String,
}

/// The effect of a change on clients and models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    /// Calls or uses of results that worked may stop working.
    Breaking,
    /// Calls and uses of results that worked continue to work.
    Compatible,
    /// A model may now be able to destroy something that it could not destroy before.
    Destructive,
}

/// Returns the changes: first those of the old tools in their order, then the added tools.
pub(crate) fn changes(old: &[Tool], new: &[Tool]) -> Vec<Change> {
    let mut changes = Vec::new();
    for tool in old {
        match find(new, tool.name()) {
            Some(other) => compare_tool(tool, other, &mut changes),
            None => {
                let successor = new.iter().find(|other| {
                    other.function == tool.function && find(old, other.name()).is_none()
                });
                let what = match successor {
                    Some(other) => format!("is gone; its function is named {} now", other.name()),
                    None => "is gone".to_owned(),
                };
                push(&mut changes, tool, Effect::Breaking, what);
            }
        }
    }
    for tool in new.iter().filter(|tool| find(old, tool.name()).is_none()) {
        push(&mut changes, tool, Effect::Compatible, "is new");
        if tool.by_default && tool.is_destructive() {
            push(&mut changes, tool, Effect::Destructive, tool.destruction());
        }
    }
    changes
}

/// Returns the changes as lines for the user, with the number of each kind at the end.
pub(crate) fn report_lines(changes: &[Change]) -> Vec<String> {
    let count = |effect| {
        let of_it = changes.iter().filter(|change| change.effect == effect);
        of_it.count()
    };
    let all = format!(
        "{} breaking, {} compatible, {} newly destructive",
        count(Effect::Breaking),
        count(Effect::Compatible),
        count(Effect::Destructive)
    );
    changes
        .iter()
        .map(ToString::to_string)
        .chain([all])
        .collect()
}

fn find<'a>(tools: &'a [Tool], name: &str) -> Option<&'a Tool> {
    tools.iter().find(|tool| tool.name() == name)
}

fn compare_tool(old: &Tool, new: &Tool, changes: &mut Vec<Change>) {
    let mut found = |effect, what: String| push(changes, new, effect, what);
    match (old.by_default, new.by_default) {
        (true, false) => found(
            Effect::Breaking,
            "is no longer among its layer's default tools".to_owned(),
        ),
        (false, true) => found(
            Effect::Compatible,
            "is among its layer's default tools now".to_owned(),
        ),
        _ => {}
    }
    let schema = |tool: &Tool| {
        tool.mcp
            .get("inputSchema")
            .cloned()
            .unwrap_or(Value::Bool(true))
    };
    for difference in schema::differences(&schema(old), &schema(new)) {
        let breaks = matches!(difference.direction, Direction::Narrower | Direction::Other);
        found(effect(breaks), describe_difference("argument", &difference));
    }
    match (old.mcp.get("outputSchema"), new.mcp.get("outputSchema")) {
        (None, None) => {}
        (None, Some(_)) => found(
            Effect::Compatible,
            "its results are structured now".to_owned(),
        ),
        (Some(_), None) => found(
            Effect::Breaking,
            "its results are no longer structured".to_owned(),
        ),
        (Some(old), Some(new)) => {
            for difference in schema::differences(old, new) {
                let breaks = matches!(difference.direction, Direction::Wider | Direction::Other);
                found(effect(breaks), describe_difference("result", &difference));
            }
        }
    }
    for required in new
        .requires
        .iter()
        .filter(|name| !old.requires.contains(name))
    {
        found(
            Effect::Breaking,
            format!("requires clients that are capable of {required}"),
        );
    }
    for required in old
        .requires
        .iter()
        .filter(|name| !new.requires.contains(name))
    {
        found(
            Effect::Compatible,
            format!("no longer requires clients that are capable of {required}"),
        );
    }
    match (old.strict, new.strict) {
        (false, true) => found(
            Effect::Breaking,
            "is strict now: arguments that are spelled as text are refused".to_owned(),
        ),
        (true, false) => found(Effect::Compatible, "is no longer strict".to_owned()),
        _ => {}
    }
    if old.timeout_ms != new.timeout_ms {
        let text =
            |limit: Option<u64>| limit.map_or("none".to_owned(), |limit| format!("{limit} ms"));
        let (before, now) = (text(old.timeout_ms), text(new.timeout_ms));
        found(
            Effect::Compatible,
            format!("has the time limit {now}, before {before}"),
        );
    }
    for member in ["title", "description", "annotations", "icons", "_meta"] {
        if old.mcp.get(member) != new.mcp.get(member) {
            found(Effect::Compatible, format!("its {member} changed"));
        }
    }
    let could = old.by_default && old.is_destructive();
    if !could && new.by_default && new.is_destructive() {
        found(Effect::Destructive, new.destruction().to_owned());
    }
}

fn effect(breaks: bool) -> Effect {
    if breaks {
        Effect::Breaking
    } else {
        Effect::Compatible
    }
}

/// Returns `argument query.days: accepts ...`, or `arguments: accept ...` for the arguments as a whole.
fn describe_difference(noun: &str, difference: &Difference) -> String {
    match difference.place.as_str() {
        "" => format!("{noun}s as a whole: {}", difference.what),
        place => format!("{noun} {place}: {}", difference.what),
    }
}

fn push(changes: &mut Vec<Change>, tool: &Tool, effect: Effect, what: impl Into<String>) {
    changes.push(Change {
        tool: tool.name().to_owned(),
        effect,
        what: what.into(),
    });
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            Effect::Breaking => "breaking",
            Effect::Compatible => "compatible",
            Effect::Destructive => "destructive",
        };
        write!(f, "{effect:<11}  {}: {}", self.tool, self.what)
    }
}

impl Tool {
    pub(crate) fn name(&self) -> &str {
        self.mcp["name"].as_str().unwrap_or_default()
    }

    fn hint(&self, name: &str) -> Option<bool> {
        self.mcp["annotations"][name].as_bool()
    }

    /// Reports whether the tool may destroy something. That is assumed of a tool without hints (MCP 2025-11-25,
    /// `ToolAnnotations`).
    pub(crate) fn is_destructive(&self) -> bool {
        self.hint("readOnlyHint") != Some(true) && self.hint("destructiveHint") != Some(false)
    }

    fn destruction(&self) -> &'static str {
        match self.hint("destructiveHint") {
            Some(true) => "becomes callable, and declares that it destroys",
            _ => "becomes callable, and may be destructive: it is not declared as non-destructive",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use serde_json::json;

    use super::*;

    fn tool(name: &str, members: Value) -> Tool {
        let mut mcp = json!({
            "name": name, "inputSchema": { "type": "object" }, "annotations": { "readOnlyHint": true },
        });
        for (member, value) in members.as_object().unwrap() {
            mcp[member] = value.clone();
        }
        Tool {
            mcp,
            function: name.to_owned(),
            by_default: true,
            strict: false,
            timeout_ms: None,
            requires: Vec::new(),
        }
    }

    fn change_texts(old: &[Tool], new: &[Tool]) -> Vec<String> {
        let changes = changes(old, new).into_iter();
        changes
            .map(|change| format!("{:?} {}: {}", change.effect, change.tool, change.what))
            .collect()
    }

    #[test]
    fn tools_come_go_and_change_their_names() {
        let old = [tool("a", json!({})), tool("b", json!({}))];
        let mut renamed = tool("c", json!({}));
        renamed.function = "b".to_owned();
        assert_eq!(change_texts(&old, &old), Vec::<String>::new());
        assert_eq!(
            change_texts(&old, &[renamed]),
            [
                "Breaking a: is gone",
                "Breaking b: is gone; its function is named c now",
                "Compatible c: is new"
            ]
        );
    }

    #[test]
    fn arguments_and_results_break_in_opposite_directions() {
        let narrow = json!({ "type": "object", "properties": { "a": { "enum": ["x"] } } });
        let wide = json!({ "type": "object", "properties": { "a": { "enum": ["x", "y"] } } });
        for (member, old, new, expected) in [
            (
                "inputSchema",
                &narrow,
                &wide,
                r#"Compatible t: argument a: accepts "y" as well"#,
            ),
            (
                "inputSchema",
                &wide,
                &narrow,
                r#"Breaking t: argument a: no longer accepts "y""#,
            ),
            (
                "outputSchema",
                &narrow,
                &wide,
                r#"Breaking t: result a: accepts "y" as well"#,
            ),
            (
                "outputSchema",
                &wide,
                &narrow,
                r#"Compatible t: result a: no longer accepts "y""#,
            ),
        ] {
            let (old, new) = (
                tool("t", json!({ member: old })),
                tool("t", json!({ member: new })),
            );
            assert_eq!(change_texts(&[old], &[new]), [expected]);
        }
        let (plain, structured) = (
            tool("t", json!({})),
            tool("t", json!({ "outputSchema": wide })),
        );
        assert_eq!(
            change_texts(from_ref(&plain), from_ref(&structured)),
            ["Compatible t: its results are structured now"]
        );
        assert_eq!(
            change_texts(&[structured], &[plain]),
            ["Breaking t: its results are no longer structured"]
        );
    }

    #[test]
    fn requirements_of_a_tool_are_compared() {
        let old = tool("t", json!({ "description": "Old." }));
        let mut new = tool("t", json!({ "description": "New." }));
        new.strict = true;
        new.timeout_ms = Some(500);
        new.requires = vec!["elicitation".to_owned()];
        assert_eq!(
            change_texts(from_ref(&old), from_ref(&new)),
            [
                "Breaking t: requires clients that are capable of elicitation",
                "Breaking t: is strict now: arguments that are spelled as text are refused",
                "Compatible t: has the time limit 500 ms, before none",
                "Compatible t: its description changed",
            ]
        );
        assert!(
            change_texts(&[new], &[old])
                .iter()
                .all(|change| change.starts_with("Compatible"))
        );
    }

    #[test]
    fn newly_destructive_tools_are_reported() {
        let annotated = |annotations: Value| tool("t", json!({ "annotations": annotations }));
        let harmless = annotated(json!({ "readOnlyHint": true }));
        for (annotations, is_reported) in [
            (json!({ "readOnlyHint": true }), false),
            (
                json!({ "readOnlyHint": false, "destructiveHint": false }),
                false,
            ),
            (json!({ "destructiveHint": true }), true),
            (json!({}), true),
        ] {
            let new = annotated(annotations);
            let reports = |old: &[Tool]| {
                changes(old, from_ref(&new))
                    .iter()
                    .any(|change| change.effect == Effect::Destructive)
            };
            assert_eq!(reports(&[]), is_reported, "{}", new.mcp);
            assert_eq!(reports(from_ref(&harmless)), is_reported, "{}", new.mcp);
            assert!(!reports(from_ref(&new)));
            // A tool that existed, but was not visible.
            let mut hidden = new.clone();
            hidden.by_default = false;
            assert_eq!(reports(&[hidden]), is_reported, "{}", new.mcp);
        }
        let mut hidden = annotated(json!({}));
        hidden.by_default = false;
        assert_eq!(
            change_texts(&[harmless], &[hidden]),
            [
                "Breaking t: is no longer among its layer's default tools",
                "Compatible t: its annotations changed"
            ]
        );
    }
}
