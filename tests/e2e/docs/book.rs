//! The book in `docs` and the links of every document, checked without network and without mdBook. (`.ci/slow` builds the book.)

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use tests::{documents, repository};

/// The length that README.md may have. Unit: lines. Source: ours. It is an overview; the book has the rest.
const MAX_README: usize = 200;

/// The table of contents of the book.
const SUMMARY: &str = "docs/SUMMARY.md";

/// The parts of a Markdown document that the tests read.
struct Document {
    /// The contents of code spans, not of blocks.
    spans: Vec<String>,
    /// The anchors of the headings.
    anchors: BTreeSet<String>,
    /// The files that `{{#include ...}}` names, relative to the repository.
    includes: Vec<PathBuf>,
    /// The targets of links, as they are written.
    links: Vec<String>,
}

impl Document {
    /// Reads and parses a document of the repository.
    fn open(path: &Path) -> Self {
        let text = documents::text(path.to_str().expect("a path in UTF-8"));
        let folder = path.parent().expect("a folder");
        // mdBook looks for them in blocks of code as well.
        let includes = text.split("{{#include ").skip(1);
        let includes = includes.map(|rest| {
            let (target, _) = rest.split_once("}}").expect("the end of an include");
            resolved(&folder.join(target))
        });
        let includes = includes.collect();
        Self {
            includes,
            ..Self::parse(&text)
        }
    }

    /// Parses the text of a document, without its includes.
    fn parse(text: &str) -> Self {
        let (mut spans, mut links, mut headings) = (Vec::new(), Vec::new(), Vec::new());
        let mut heading = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => headings.extend(heading.take()),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(dest_url.into_string());
                }
                Event::Text(text) => heading.iter_mut().for_each(|heading| *heading += &text),
                Event::Code(code) => {
                    heading.iter_mut().for_each(|heading| *heading += &code);
                    spans.push(code.into_string());
                }
                _ => {}
            }
        }
        Self {
            spans,
            anchors: anchors(&headings),
            includes: Vec::new(),
            links,
        }
    }

    /// Returns the links to files and headings of the repository: each target as it is written, its file, and its anchor.
    fn relative_links(&self, path: &Path) -> Vec<(&str, PathBuf, Option<&str>)> {
        let is_relative = |link: &&String| !link.contains("://") && !link.starts_with("mailto:");
        let links = self.links.iter().filter(is_relative);
        let links = links.map(|link| {
            let (file, anchor) = match link.split_once('#') {
                Some((file, anchor)) => (file, Some(anchor)),
                None => (link.as_str(), None),
            };
            let file = if file.is_empty() {
                path.to_owned()
            } else {
                resolved(&path.parent().expect("a folder").join(file))
            };
            (link.as_str(), file, anchor)
        });
        links.collect()
    }
}

/// Returns the anchors of headings, as GitHub and mdBook make them.
fn anchors(headings: &[String]) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in headings {
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            c => c.is_alphanumeric().then_some(c),
        });
        let anchor: String = kept.collect();
        let mut name = anchor.clone();
        let mut number = 0;
        while !anchors.insert(name.clone()) {
            number += 1;
            name = format!("{anchor}-{number}");
        }
    }
    anchors
}

/// Returns a path without `..`.
fn resolved(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                assert!(resolved.pop(), "{} is outside", path.display());
            }
            Component::CurDir => {}
            component => resolved.push(component),
        }
    }
    resolved
}

/// Returns the Markdown documents below a folder, by their paths in the repository.
fn documents_below(folder: &str) -> BTreeMap<PathBuf, Document> {
    let mut found = BTreeMap::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs_err::read_dir(repository().join(&folder)).expect("a folder");
        for entry in entries {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name in UTF-8");
            let path = folder.join(&name);
            let kind = entry.file_type().expect("a kind of file");
            let is_made = name.starts_with('.') || ["target", "node_modules"].contains(&&*name);
            if kind.is_dir() && !is_made {
                folders.push(path);
            } else if kind.is_file() && name.ends_with(".md") {
                let document = Document::open(&path);
                found.insert(path, document);
            }
        }
    }
    found
}

#[test]
fn the_summary_lists_every_page_once() {
    let summary = Document::open(Path::new(SUMMARY));
    let mut listed: Vec<_> = summary
        .relative_links(Path::new(SUMMARY))
        .into_iter()
        .map(|(_, file, _)| file)
        .collect();
    listed.sort();
    let mut pages = documents_below("docs");
    pages.remove(Path::new(SUMMARY));
    let pages: Vec<_> = pages.into_keys().collect();
    assert_eq!(listed, pages);
}

#[test]
fn every_link_leads_to_a_file_and_its_heading() {
    let documents = documents_below("");
    let mut faults = Vec::new();
    for (path, document) in &documents {
        for include in &document.includes {
            if !repository().join(include).exists() {
                faults.push(format!("{}: no file {}", path.display(), include.display()));
            }
        }
        for (link, file, anchor) in document.relative_links(path) {
            let Some(anchor) = anchor else {
                if !repository().join(&file).exists() {
                    faults.push(format!("{}: no file {link}", path.display()));
                }
                continue;
            };
            let has_heading = |path: &Path| {
                let document = documents.get(path);
                document.is_some_and(|document| document.anchors.contains(anchor))
            };
            let includes = documents.get(&file).map(|document| &document.includes);
            let is_there =
                has_heading(&file) || includes.into_iter().flatten().any(|path| has_heading(path));
            if !is_there {
                faults.push(format!("{}: no heading {link}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The book is read without the repository around it: its pages link to files in `docs`, and name others by their paths.
#[test]
fn pages_of_the_book_link_to_nothing_outside_of_it() {
    let mut faults = Vec::new();
    let mut check = |path: &Path, document: &Document| {
        for (link, file, _) in document.relative_links(path) {
            if file != path && !file.starts_with("docs") {
                faults.push(format!("{}: {link} is not in the book", path.display()));
            }
        }
    };
    for (path, document) in &documents_below("docs") {
        check(path, document);
        let includes = document.includes.iter();
        for include in includes.filter(|path| path.extension().is_some_and(|kind| kind == "md")) {
            check(include, &Document::open(include));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn paths_of_the_repository_that_documents_name_exist() {
    let mut documents = documents_below("");
    // It names files of the past as well.
    documents.remove(Path::new("CHANGELOG.md"));
    let mut faults = Vec::new();
    let mut count = 0;
    for (path, document) in &documents {
        for span in &document.spans {
            let is_path = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
            let Some((folder, _)) = span.split_once('/').filter(|_| span.chars().all(is_path))
            else {
                continue;
            };
            if ["", ".", ".."].contains(&folder) || !repository().join(folder).is_dir() {
                continue;
            }
            count += 1;
            if !repository().join(span).exists() {
                faults.push(format!("{}: {span}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 200, "only {count} paths were found");
}

#[test]
fn the_readme_is_an_overview() {
    let readme = documents::text("README.md");
    let lines = readme.lines().count();
    assert!(lines <= MAX_README, "README.md has {lines} lines");
    // Readers see this before they deploy.
    let position = readme
        .lines()
        .position(|line| line.contains("Nothing here has run on AWS"));
    assert!(position.is_some_and(|position| position < lines / 3));
}

#[test]
fn a_document_is_read_without_its_code() {
    let text =
        "# A `b`, c\n\n```sh\n# no heading\n```\n\n## A b c\n\na `[b](c)` [d](e)\n\n`f\ng` h";
    let document = Document::parse(text);
    let anchors: Vec<_> = document.anchors.iter().collect();
    assert_eq!(anchors, ["a-b-c", "a-b-c-1"]);
    assert_eq!(document.links, ["e"]);
    assert_eq!(document.spans, ["b", "[b](c)", "f g"]);
    assert_eq!(resolved(Path::new("a/b/../c")), Path::new("a/c"));
}
