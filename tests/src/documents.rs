//! Documents of the repository, and the code in them: the tests run it.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use crate::repository;

/// Returns the text of a document, by its path in the repository.
///
/// # Panics
/// When there is no such document.
pub fn text(document: &str) -> String {
    let text = fs_err::read_to_string(repository().join(document));
    text.expect("a document")
}

/// Returns the blocks of code of a language in the section or subsection that begins with this heading.
///
/// # Panics
/// When there is no such document or section.
pub fn code(document: &str, heading: &str, language: &str) -> Vec<String> {
    let text = text(document);
    let mut events = Parser::new(&text);
    // Headings are compared without the marks of code.
    let heading = heading.replace('`', "");
    loop {
        let event = events.next();
        match event.unwrap_or_else(|| panic!("no section {heading:?} in {document}")) {
            Event::Start(Tag::Heading { .. }) if title(&mut events).starts_with(&heading) => break,
            _ => {}
        }
    }
    let mut blocks = Vec::new();
    let mut block = None;
    for event in events {
        match event {
            Event::Start(Tag::Heading { .. }) => break,
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if &*info == language => {
                block = Some(String::new());
            }
            Event::Text(text) => block.iter_mut().for_each(|block| *block += &text),
            Event::End(TagEnd::CodeBlock) => blocks.extend(block.take()),
            _ => {}
        }
    }
    blocks
}

/// Returns the text of the heading that has just begun.
fn title<'a>(events: &mut impl Iterator<Item = Event<'a>>) -> String {
    let inside = events.take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let texts = inside.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(text.into_string()),
        _ => None,
    });
    texts.collect()
}
