//! Documents of the repository, and the code in them: the tests run it.

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
    let mut sections = text.split("\n##");
    let begins = |text: &&str| {
        let text = text.trim_start_matches('#').trim_start();
        text.starts_with(heading)
    };
    let section = sections.find(begins);
    let section = section.unwrap_or_else(|| panic!("no section {heading:?} in {document}"));
    let fence = format!("```{language}\n");
    let blocks = section.split(&fence).skip(1);
    let blocks = blocks.filter_map(|block| Some(block.split_once("```")?.0.to_owned()));
    blocks.collect()
}
