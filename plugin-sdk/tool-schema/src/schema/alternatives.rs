//! Explains why no alternative of `anyOf` or `oneOf` accepts a value: by the problems of the alternative that was most
//! likely meant, or by a list of all alternatives.

use serde_json::{Map, Value};

use super::{
    describe::{
        describe_value, join_phrases, quote, quote_name, required_names, string_constants,
        suggestion,
    },
    diagnose::{Diagnosis, MAX_PROBLEMS},
    document::{Document, Keywords, parts, properties, same},
    problems::Pointer,
    types::Types,
};

impl<'a> Diagnosis<'_, 'a> {
    pub(crate) fn check_alternatives(
        &mut self,
        keywords: &'a Keywords,
        keyword: &str,
        value: &Value,
        pointer: &Pointer<'_>,
        depth: usize,
    ) {
        let mut fitting = 0;
        for part in parts(keywords, keyword) {
            fitting += usize::from(self.fits(part, value, depth));
            if fitting > 0 && (keyword == "anyOf" || self.decoding) {
                return;
            }
        }
        match fitting {
            0 => self.explain(keywords, keyword, value, pointer, depth),
            1 => {}
            _ => self.report(pointer, || {
                "fits more than one of the alternatives that exclude each other".to_owned()
            }),
        }
    }

    fn fits(&mut self, schema: &'a Value, value: &Value, depth: usize) -> bool {
        let outer = (std::mem::take(&mut self.found), self.limit, self.is_quiet);
        (self.limit, self.is_quiet) = (1, true);
        self.check(schema, value, &Pointer::Root, depth + 1);
        let fits = self.found.is_empty();
        (self.found, self.limit, self.is_quiet) = outer;
        fits
    }

    /// Explains why no alternative accepts the value: by the problems of the likely alternative, or by a list of all.
    fn explain(
        &mut self,
        keywords: &'a Keywords,
        keyword: &str,
        value: &Value,
        pointer: &Pointer<'_>,
        depth: usize,
    ) {
        if self.is_quiet {
            return self.report(pointer, String::new);
        }
        let document = self.document;
        let all = document.alternatives(keywords, keyword);
        let possible: Vec<_> = all
            .iter()
            .copied()
            .filter(|part| document.possible(part, value))
            .collect();
        // If a constant does not match, a list of all alternatives is more helpful than the problem of one.
        if let [part] = possible[..]
            && document.constants(part).is_none()
            && self.explain_one(part, value, pointer, depth)
        {
            return;
        }
        let near: Vec<_> = all
            .iter()
            .copied()
            .filter(|part| document.types(part).allow(value))
            .collect();
        let is_explained = match value {
            Value::Object(members) => self.explain_object(&near, members, value, pointer, depth),
            _ => match near[..] {
                [part] if document.constants(part).is_none() => {
                    self.explain_one(part, value, pointer, depth)
                }
                _ => false,
            },
        };
        if !is_explained && !self.is_exhausted() {
            self.report_no_alternative(&all, value, pointer);
        }
    }

    /// Explains the problem of an object by its tag, or by the names of its members.
    fn explain_object(
        &mut self,
        alternatives: &[&'a Value],
        members: &Map<String, Value>,
        value: &Value,
        pointer: &Pointer<'_>,
        depth: usize,
    ) -> bool {
        let document = self.document;
        let meant: Vec<_> = if let Some(tag) = common_tag(document, alternatives) {
            let given = members.get(tag);
            let is_given = |part: &&Value| {
                let options = constants(document, part, tag).into_iter().flatten();
                given.is_some_and(|given| options.into_iter().any(|option| same(option, given)))
            };
            let meant: Vec<_> = alternatives.iter().copied().filter(is_given).collect();
            if meant.is_empty() {
                self.report_tag(alternatives, tag, given, &Pointer::Member(pointer, tag));
                return true;
            }
            meant
        } else {
            let is_begun = |part: &&Value| {
                let names = required_names(&[part]);
                names.iter().any(|name| members.contains_key(*name))
            };
            alternatives.iter().copied().filter(is_begun).collect()
        };
        match meant[..] {
            [part] => self.explain_one(part, value, pointer, depth),
            _ => false,
        }
    }

    fn explain_one(
        &mut self,
        part: &'a Value,
        value: &Value,
        pointer: &Pointer<'_>,
        depth: usize,
    ) -> bool {
        let before = self.found.len();
        self.check(part, value, pointer, depth + 1);
        self.found.len() > before
    }

    /// Reports which tags are possible.
    fn report_tag(
        &mut self,
        alternatives: &[&'a Value],
        tag: &str,
        given: Option<&Value>,
        pointer: &Pointer<'_>,
    ) {
        let document = self.document;
        let options = || {
            alternatives
                .iter()
                .filter_map(|part| constants(document, part, tag))
                .flatten()
        };
        self.report(pointer, || {
            let wanted = join_phrases(&options().map(quote).collect::<Vec<_>>(), "or");
            let Some(given) = given else {
                return format!("is missing (it must be {wanted})");
            };
            let near = suggestion(
                given.as_str().unwrap_or_default(),
                options().filter_map(Value::as_str),
            );
            let near = near.map(|near| format!(" (did you mean {}?)", quote(&near.into())));
            format!(
                "must be {wanted}, not {}{}",
                describe_value(given, Types::STRING),
                near.unwrap_or_default()
            )
        });
    }

    fn report_no_alternative(&mut self, all: &[&'a Value], value: &Value, pointer: &Pointer<'_>) {
        let (document, decoding) = (self.document, self.decoding);
        self.report(pointer, || {
            let wanted = document.expected_of_any(all, Some(value), decoding);
            let types = all
                .iter()
                .map(|part| document.types(part))
                .fold(Types::NONE, Types::or);
            let mut message = format!("must be {}, not {}", wanted, describe_value(value, types));
            let near = match value {
                Value::String(text) => {
                    let strings = all.iter().flat_map(|part| string_constants(document, part));
                    let near = suggestion(text, strings).map(|near| quote(&near.into()));
                    near.or_else(|| {
                        let near = suggestion(text, required_names(all))?;
                        Some(format!("an object with {}", quote_name(near)))
                    })
                }
                Value::Object(members) => members
                    .keys()
                    .take(MAX_PROBLEMS)
                    .find_map(|name| suggestion(name, required_names(all)))
                    .filter(|near| !members.contains_key(*near))
                    .map(quote_name),
                _ => None,
            };
            if let Some(near) = near {
                message.push_str(&format!(" (did you mean {near}?)"));
            }
            message
        });
    }
}

/// Returns the member that has a constant in each of the alternatives and so distinguishes them (the tag).
fn common_tag<'a>(document: &Document<'a>, alternatives: &[&'a Value]) -> Option<&'a str> {
    let (first, others) = alternatives.split_first()?;
    let mut candidates = properties(first.as_object()?)?.keys();
    let is_tag = |name: &&String| {
        constants(document, first, name).is_some()
            && others
                .iter()
                .all(|part| constants(document, part, name).is_some())
    };
    candidates.find(is_tag).map(String::as_str)
}

fn constants<'a>(document: &Document<'a>, schema: &'a Value, name: &str) -> Option<&'a [Value]> {
    document.constants(properties(schema.as_object()?)?.get(name)?)
}
