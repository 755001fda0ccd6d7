//! The README, whose words the tests hold to what they say.

use crate::repository;

/// All of it.
///
/// # Panics
/// When there is none.
pub fn readme() -> String {
    fs_err::read_to_string(repository().join("README.md")).expect("a README")
}

/// The code of a language in the section or subsection that begins with this heading, block by block.
///
/// # Panics
/// When there is no such section.
pub fn code(heading: &str, language: &str) -> Vec<String> {
    code_of("README.md", heading, language)
}

/// The same of another document of the repository.
///
/// # Panics
/// When there is no such document or section.
pub fn code_of(document: &str, heading: &str, language: &str) -> Vec<String> {
    let text = fs_err::read_to_string(repository().join(document));
    let text = text.expect("a document");
    let mut sections = text.split("\n##");
    let begins = |text: &&str| {
        let text = text.trim_start_matches('#').trim_start();
        text.starts_with(heading)
    };
    let section = sections.find(begins);
    let section = section.unwrap_or_else(|| panic!("no section {heading:?}"));
    let fence = format!("```{language}\n");
    let blocks = section.split(&fence).skip(1);
    let blocks = blocks.filter_map(|block| Some(block.split_once("```")?.0.to_owned()));
    blocks.collect()
}
