//! A function's doc comment: what the tool does, and what its `# Arguments` list says of each parameter.

use std::collections::BTreeMap;

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// A doc comment, taken apart.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Doc {
    /// Everything but the `# Arguments` section.
    pub(crate) description: String,
    /// Parameter name -> its description.
    pub(crate) arguments: BTreeMap<String, String>,
}

impl Doc {
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let lines: Vec<String> = attributes
            .iter()
            .filter_map(line)
            .flat_map(split_lines)
            .collect();
        Self::parse(
            lines
                .iter()
                .map(|line| line.strip_prefix(' ').unwrap_or(line)),
        )
    }

    fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut doc = Self::default();
        let mut description = Vec::new();
        let mut in_arguments = false;
        let mut current: Option<String> = None;
        for line in lines {
            if let Some(heading) = line.strip_prefix('#') {
                let heading = heading.trim_start_matches('#').trim();
                in_arguments = matches!(heading, "Arguments" | "Args" | "Parameters");
                if in_arguments {
                    continue;
                }
            }
            if !in_arguments {
                description.push(line);
            } else if let Some((name, text)) = list_item(line) {
                doc.arguments.insert(name.clone(), text);
                current = Some(name);
            } else if line.trim().is_empty() {
                current = None;
            } else if let Some(text) = current
                .as_ref()
                .and_then(|name| doc.arguments.get_mut(name))
            {
                text.push(' ');
                text.push_str(line.trim());
            }
        }
        description
            .join("\n")
            .trim()
            .clone_into(&mut doc.description);
        doc
    }
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    if !meta.path.is_ident("doc") {
        return None;
    }
    match &meta.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

/// A block comment is one attribute of many lines.
fn split_lines(text: String) -> Vec<String> {
    if text.is_empty() {
        vec![text]
    } else {
        text.lines().map(str::to_owned).collect()
    }
}

/// "* `x` - The first factor." -> ("x", "The first factor.")
fn list_item(line: &str) -> Option<(String, String)> {
    let item = line.trim().strip_prefix(['*', '-'])?.trim_start();
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

    #[test]
    fn the_arguments_section_is_taken_out_of_the_description() {
        let text = "Multiply two numbers.\n\nExactly.\n\n# Arguments\n* `x` - The first\n  factor.\n- y: The second.\n\n# Errors\nNever.";
        let doc = Doc::parse(text.lines());
        assert_eq!(
            doc.description,
            "Multiply two numbers.\n\nExactly.\n\n# Errors\nNever."
        );
        assert_eq!(doc.arguments["x"], "The first factor.");
        assert_eq!(doc.arguments["y"], "The second.");
    }
}
