//! Parses the doc comment of a function: the description of the tool, and the descriptions of parameters in the list
//! under `# Arguments`.

use proc_macro2::Span;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

/// A parsed doc comment.
#[derive(Debug, Default)]
pub(crate) struct Doc {
    /// Everything except the items under `# Arguments`.
    pub(crate) description: String,
    /// The items under `# Arguments`.
    pub(crate) arguments: Vec<Argument>,
}

/// The description of a parameter.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) text: String,
    /// The line of the item, for errors; in a block comment, the whole comment.
    pub(crate) span: Span,
}

impl Doc {
    /// Parses the doc comment in the attributes of an item.
    pub(crate) fn from_attributes(attributes: &[Attribute]) -> Self {
        let comments = attributes.iter().filter_map(comment);
        Self::parse(comments.flat_map(|comment| {
            lines(&comment.value())
                .into_iter()
                .map(move |line| (line, comment.span()))
        }))
    }

    fn parse(lines: impl Iterator<Item = (String, Span)>) -> Self {
        let mut description = Vec::new();
        let mut list = List::default();
        let mut in_list = false;
        for (line, span) in lines {
            if let Some(heading) = heading(&line) {
                in_list = matches!(heading, "Arguments" | "Args" | "Parameters");
                if in_list {
                    continue;
                }
            }
            if !(in_list && list.take(&line, span)) {
                description.push(line);
            }
        }
        Self {
            description: description.join("\n").trim().to_owned(),
            arguments: list.arguments,
        }
    }
}

/// The part of the list under `# Arguments` that has been parsed.
#[derive(Default)]
struct List {
    arguments: Vec<Argument>,
    /// The indentation of the items. A line with a deeper indentation continues an item.
    indent: usize,
    /// Whether the last line was blank.
    after_blank: bool,
}

impl List {
    /// Parses a line, and reports whether it belongs to an item.
    fn take(&mut self, line: &str, span: Span) -> bool {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        let after_blank = std::mem::replace(&mut self.after_blank, text.is_empty());
        if text.is_empty() {
            return true;
        }
        let inside = !self.arguments.is_empty() && indent > self.indent;
        if !inside && let Some((name, text)) = item(text) {
            self.indent = indent;
            self.arguments.push(Argument { name, text, span });
            return true;
        }
        let Some(current) = self.arguments.last_mut() else {
            return false;
        };
        if after_blank && !inside {
            return false;
        }
        let separator = match (after_blank, text.starts_with(['*', '-'])) {
            (true, _) => "\n\n",
            (false, true) => "\n",
            (false, false) => " ",
        };
        current.text.push_str(separator);
        current.text.push_str(text);
        true
    }
}

/// Reports whether an attribute is `/// ...` or `#[doc = "..."]`.
pub(crate) fn is_comment(attribute: &Attribute) -> bool {
    comment(attribute).is_some()
}

fn comment(attribute: &Attribute) -> Option<&LitStr> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the lines of an attribute. `/// ...` is one line. A block comment may have several lines, which may be
/// indented and may start with `*`.
fn lines(text: &str) -> Vec<String> {
    let Some((first, rest)) = text.split_once('\n') else {
        return vec![text.strip_prefix(' ').unwrap_or(text).to_owned()];
    };
    let mut rest: Vec<&str> = rest.lines().collect();
    let blank = |line: &str| line.trim().is_empty();
    if rest
        .iter()
        .all(|line| blank(line) || line.trim_start().starts_with('*'))
    {
        for line in &mut rest {
            *line = line.trim_start().strip_prefix('*').unwrap_or_default();
        }
    }
    let indent = rest
        .iter()
        .filter(|line| !blank(line))
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or_default();
    let rest = rest
        .iter()
        .map(|line| line.get(indent..).unwrap_or(line.trim_start()));
    [first.trim_start()]
        .into_iter()
        .chain(rest)
        .map(str::to_owned)
        .collect()
}

/// Returns the text of a heading: "Arguments" for "## Arguments".
fn heading(line: &str) -> Option<&str> {
    let line = line.trim();
    let text = line.trim_start_matches('#');
    let marks = line.len() - text.len();
    ((1..=6).contains(&marks) && text.starts_with(' ')).then(|| text.trim())
}

/// Parses an item of the list. "* `x` - The first factor." has the name "x" and the text "The first factor."
fn item(line: &str) -> Option<(String, String)> {
    let item = line
        .strip_prefix(['*', '-'])?
        .strip_prefix(' ')?
        .trim_start();
    let (name, rest) = match item.strip_prefix('`') {
        Some(quoted) => quoted.split_once('`')?,
        None => item.split_once([' ', ':'])?,
    };
    let text = rest
        .trim_start()
        .trim_start_matches(['-', ':', '\u{2013}', '\u{2014}'])
        .trim();
    Some((name.trim().to_owned(), text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(text: &str) -> Doc {
        Doc::parse(
            lines(text)
                .into_iter()
                .map(|line| (line, Span::call_site())),
        )
    }

    fn arguments(doc: &Doc) -> Vec<(&str, &str)> {
        let arguments = doc.arguments.iter();
        arguments
            .map(|argument| (argument.name.as_str(), argument.text.as_str()))
            .collect()
    }

    #[test]
    fn the_arguments_section_is_taken_out_of_the_description() {
        let doc = doc(
            "Multiply two numbers.\n\nExactly.\n\n# Arguments\n* `x` - The first\n  factor.\n- y: The second.\n\n# Errors\nNever.",
        );
        assert_eq!(
            doc.description,
            "Multiply two numbers.\n\nExactly.\n\n# Errors\nNever."
        );
        assert_eq!(
            arguments(&doc),
            [("x", "The first factor."), ("y", "The second.")]
        );
    }

    #[test]
    fn block_comments_are_read_like_line_comments() {
        let expected = "Multiply two numbers.\n\n    exactly()\n\nReally.";
        for comment in [
            " Multiply two numbers.\n\n     exactly()\n\n Really.\n\n # Arguments\n * `x` - The first.\n ",
            "\n * Multiply two numbers.\n *\n *     exactly()\n *\n * Really.\n *\n * # Arguments\n * * `x` - The first.\n ",
            "\n    Multiply two numbers.\n\n        exactly()\n\n    Really.\n\n    # Arguments\n    * `x` - The first.\n",
        ] {
            let doc = doc(comment);
            assert_eq!(doc.description, expected, "comment: {comment:?}");
            assert_eq!(
                arguments(&doc),
                [("x", "The first.")],
                "comment: {comment:?}"
            );
        }
    }

    #[test]
    fn an_item_may_have_a_list_and_paragraphs_of_its_own() {
        let doc = doc(
            "Convert.\n\n# Arguments\n\n* `unit` - The unit:\n  * `km` is metric\n  - mi is not\n* `x` - The number.\n\n  #1 of all.",
        );
        assert_eq!(
            arguments(&doc),
            [
                ("unit", "The unit:\n* `km` is metric\n- mi is not"),
                ("x", "The number.\n\n#1 of all."),
            ]
        );
    }

    #[test]
    fn no_text_of_the_arguments_section_is_lost() {
        let doc = doc(
            "Add.\n\n# Parameters\nBoth are exact.\n\n* `x` - The first.\n\nTheir order does not matter.",
        );
        assert_eq!(
            doc.description,
            "Add.\n\nBoth are exact.\nTheir order does not matter."
        );
        assert_eq!(arguments(&doc), [("x", "The first.")]);
    }

    #[test]
    fn the_shapes_of_an_item() {
        for (line, name, text) in [
            ("* `x` - The first.", "x", "The first."),
            ("- x: The first.", "x", "The first."),
            ("*   x \u{2013} The first.", "x", "The first."),
            ("* `x`", "x", ""),
            ("* `x`: - 5 or more", "x", "- 5 or more"),
        ] {
            assert_eq!(
                item(line),
                Some((name.to_owned(), text.to_owned())),
                "line: {line}"
            );
        }
        for line in ["**x** is first", "x: The first.", "*", "* x"] {
            assert_eq!(item(line), None, "line: {line}");
        }
    }
}
