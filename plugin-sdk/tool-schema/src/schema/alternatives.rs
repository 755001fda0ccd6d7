//! What is wrong with a value that none of several alternatives accepts: with the one that seems to be meant, or that it
//! is none of those there are.

use serde_json::{Map, Value};

use super::{
    describe::{either, given, name_of, near_miss, quoted, required_names, strings_of},
    diagnose::{MAX_PROBLEMS, Search},
    document::{Document, Keywords, parts, properties, same},
    problems::Place,
    types::Types,
};

impl<'a> Search<'_, 'a> {
    pub(crate) fn check_alternatives(
        &mut self,
        keywords: &'a Keywords,
        keyword: &str,
        value: &Value,
        place: &Place<'_>,
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
            0 => self.explain(keywords, keyword, value, place, depth),
            1 => {}
            _ => self.report(place, || {
                "fits more than one of the alternatives that exclude each other".to_owned()
            }),
        }
    }

    fn fits(&mut self, schema: &'a Value, value: &Value, depth: usize) -> bool {
        let outer = (std::mem::take(&mut self.found), self.limit, self.quiet);
        (self.limit, self.quiet) = (1, true);
        self.check(schema, value, &Place::Root, depth + 1);
        let fits = self.found.is_empty();
        (self.found, self.limit, self.quiet) = outer;
        fits
    }

    /// None of the alternatives fits: say what is wrong with the one that seems to be meant, or which ones there are.
    fn explain(
        &mut self,
        keywords: &'a Keywords,
        keyword: &str,
        value: &Value,
        place: &Place<'_>,
        depth: usize,
    ) {
        if self.quiet {
            return self.report(place, String::new);
        }
        let document = self.document;
        let all = document.alternatives(keywords, keyword);
        let possible: Vec<_> = all
            .iter()
            .copied()
            .filter(|part| document.possible(part, value))
            .collect();
        // Of constants that are not met there is nothing to say that the list of all alternatives does not say better.
        if let [part] = possible[..]
            && document.constants(part).is_none()
            && self.explain_one(part, value, place, depth)
        {
            return;
        }
        let near: Vec<_> = all
            .iter()
            .copied()
            .filter(|part| document.types(part).allow(value))
            .collect();
        let is_explained = match value {
            Value::Object(members) => self.explain_object(&near, members, value, place, depth),
            _ => match near[..] {
                [part] if document.constants(part).is_none() => {
                    self.explain_one(part, value, place, depth)
                }
                _ => false,
            },
        };
        if !is_explained && !self.is_exhausted() {
            self.report_no_alternative(&all, value, place);
        }
    }

    /// By its tag, or by the names it has.
    fn explain_object(
        &mut self,
        alternatives: &[&'a Value],
        members: &Map<String, Value>,
        value: &Value,
        place: &Place<'_>,
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
                self.report_tag(alternatives, tag, given, &Place::Member(place, tag));
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
            [part] => self.explain_one(part, value, place, depth),
            _ => false,
        }
    }

    fn explain_one(
        &mut self,
        part: &'a Value,
        value: &Value,
        place: &Place<'_>,
        depth: usize,
    ) -> bool {
        let before = self.found.len();
        self.check(part, value, place, depth + 1);
        self.found.len() > before
    }

    /// Which tags there are.
    fn report_tag(
        &mut self,
        alternatives: &[&'a Value],
        tag: &str,
        given: Option<&Value>,
        place: &Place<'_>,
    ) {
        let document = self.document;
        let options = || {
            alternatives
                .iter()
                .filter_map(|part| constants(document, part, tag))
                .flatten()
        };
        self.report(place, || {
            let wanted = either(&options().map(quoted).collect::<Vec<_>>(), "or");
            let Some(given) = given else {
                return format!("is missing (it must be {wanted})");
            };
            let near = near_miss(
                given.as_str().unwrap_or_default(),
                options().filter_map(Value::as_str),
            );
            let near = near.map(|near| format!(" (did you mean {}?)", quoted(&near.into())));
            format!(
                "must be {wanted}, not {}{}",
                super::describe::given(given, Types::STRING),
                near.unwrap_or_default()
            )
        });
    }

    fn report_no_alternative(&mut self, all: &[&'a Value], value: &Value, place: &Place<'_>) {
        let (document, decoding) = (self.document, self.decoding);
        self.report(place, || {
            let wanted = document.expected_of(all, Some(value), decoding);
            let types = all
                .iter()
                .map(|part| document.types(part))
                .fold(Types::NONE, Types::or);
            let mut message = format!("must be {}, not {}", wanted, given(value, types));
            let near = match value {
                Value::String(text) => {
                    let strings = all.iter().flat_map(|part| strings_of(document, part));
                    let near = near_miss(text, strings).map(|near| quoted(&near.into()));
                    near.or_else(|| {
                        let near = near_miss(text, required_names(all))?;
                        Some(format!("an object with {}", name_of(near)))
                    })
                }
                Value::Object(members) => members
                    .keys()
                    .take(MAX_PROBLEMS)
                    .find_map(|name| near_miss(name, required_names(all)))
                    .filter(|near| !members.contains_key(*near))
                    .map(name_of),
                _ => None,
            };
            if let Some(near) = near {
                message.push_str(&format!(" (did you mean {near}?)"));
            }
            message
        });
    }
}

/// The member that is a constant in each of the objects, by which they are told apart.
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
