//! Unsafe code: the files that may have it, and the comments that justify it.
//!
//! The lints forbid it, but any file may allow it with its own `#[expect]`; this is the list of the files that do.

use std::path::{Path, PathBuf};

use tests::repository;

/// The files that may have `unsafe`, below the root of the repository.
const ALLOWED: [&str; 10] = [
    "host/src/plugin/library.rs",
    "host/src/process/crash_handler.rs",
    // Sets a variable of the process, which AWS's SDKs read.
    "host/src/transport/lambda/xray.rs",
    "plugin-sdk/plugin-abi/",
    "plugin-sdk/src/runtime/export.rs",
    // Read a plugin that is linked into its own tests, by the symbol that the host would read. A plugin itself never has this code.
    "plugin-sdk/src/testing.rs",
    "plugin-sdk/tests/sdk/exports.rs",
    // Writes the attribute of the root module's symbol into the author's crate.
    "plugin-sdk/plugin-sdk-macros/src/exports.rs",
    // Ends its process in every way there is.
    "tests/fixtures/crashes/",
    // Outside of the workspace: plugins that are broken on purpose.
    "tests/fixtures/standalone/",
];

/// The maximum distance of the comment above `unsafe`. Unit: lines. Source: ours.
const COMMENT: usize = 8;

/// Returns the sources of the repository, below its root.
fn sources(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // `ui` has sources that must not compile.
        if path.is_dir()
            && name != "ui"
            && name != "target"
            && name != "node_modules"
            && !name.starts_with('.')
        {
            sources(&path, all);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
}

/// Returns a line without its comment and its string literals.
fn code(line: &str) -> String {
    let line = line.split("//").next().unwrap_or_default();
    let pieces = line.split('"').step_by(2);
    pieces.collect::<Vec<_>>().join("\"\"")
}

fn has_word(code: &str, word: &str) -> bool {
    let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|other| other == word)
}

#[test]
fn unsafe_code_is_only_in_listed_files_and_has_safety_comments() {
    let mut all = Vec::new();
    sources(repository(), &mut all);
    let (mut elsewhere, mut unexplained, mut seen) = (Vec::new(), Vec::new(), 0);
    for path in all {
        let text = fs_err::read_to_string(&path).expect("a source");
        let below = path.strip_prefix(repository()).expect("a path below it");
        let below = below.display().to_string();
        let is_allowed = ALLOWED.iter().any(|allowed| below.starts_with(allowed));
        let lines: Vec<_> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = code(line);
            let place = || format!("{below}:{}: {}", number + 1, line.trim());
            if (has_word(&code, "unsafe") || has_word(&code, "unsafe_code")) && !is_allowed {
                elsewhere.push(place());
            }
            // `#[unsafe(no_mangle)]` is an attribute, and `unsafe_code` a lint.
            if !has_word(&code, "unsafe") || code.contains("#[unsafe(") {
                continue;
            }
            seen += 1;
            let above = &lines[number.saturating_sub(COMMENT)..=number];
            if !above.iter().any(|line| line.contains("SAFETY: ")) {
                unexplained.push(place());
            }
        }
    }
    assert_eq!(elsewhere, [""; 0], "unsafe code where none may be");
    assert_eq!(unexplained, [""; 0], "unsafe code without a SAFETY comment");
    assert!(seen > 2, "the search finds nothing");
}

#[test]
fn every_member_has_the_lints_of_the_workspace() {
    let mut all = Vec::new();
    sources(repository(), &mut all);
    let manifests = all.iter().filter_map(|path| {
        let folders = path.ancestors().map(|folder| folder.join("Cargo.toml"));
        folders
            .filter(|manifest| manifest.exists())
            .min_by_key(|manifest| path.components().count() - manifest.components().count())
    });
    for manifest in manifests.collect::<std::collections::BTreeSet<_>>() {
        let text = fs_err::read_to_string(&manifest).expect("a manifest");
        if !text.lines().any(|line| line == "[workspace]") {
            assert!(
                text.contains("[lints]\nworkspace = true"),
                "{}",
                manifest.display()
            );
        }
    }
}
