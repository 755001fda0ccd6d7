//! The rules of layers: which part of a crate may import which, and which may name another crate.

use crate::Crate;

/// A part of a crate, in a table that lists the parts from the top to the bottom.
///
/// Files and folders are named by their places below the folder of the sources, without endings, and separated by white
/// space. `server` is the file `server.rs` and the folder beside it.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The files and folders that it has. A file belongs to the part that names the most of its path.
    pub files: &'static str,
    /// The parts below it that it may import, each by one of its files or folders; or a single file of a part.
    pub may_import: &'static str,
}

/// Paths of other crates that only some files may name.
#[derive(Clone, Copy, Debug)]
pub struct Reserved {
    /// The paths, separated by white space, such as `std::env::var`. Every path below one of them is reserved as well.
    pub paths: &'static str,
    /// The files and folders that may name them.
    pub files: &'static str,
}

/// Returns the faults of a crate against its table: imports that the table does not allow, and rows that allow more
/// than there is.
pub fn layering_faults(sources: &Crate, table: &[Part]) -> Vec<String> {
    let mut faults = Vec::new();
    let files = sources.files();
    for file in files.iter().filter(|file| part_of(table, file).is_none()) {
        faults.push(format!("{file} is in no part of the table"));
    }
    let imports: Vec<_> = sources
        .imports()
        .into_iter()
        .filter_map(|(from, to)| Some((part_of(table, &from)?, part_of(table, &to)?, from, to)))
        .filter(|(importer, imported, ..)| importer != imported)
        .collect();
    for (importer, imported, from, to) in &imports {
        if imported < importer {
            faults.push(format!("{from} imports {to}, a part above its own"));
        } else if !allowed(table, *importer).any(|entry| covers(table, entry, *imported, to)) {
            faults.push(format!(
                "{from} imports {to}, which the table does not allow"
            ));
        }
    }
    for (number, part) in table.iter().enumerate() {
        for entry in part.files.split_whitespace() {
            if !files.iter().any(|file| is_in(file, entry)) {
                faults.push(format!("{entry} is in the table, but no file is there"));
            }
        }
        for entry in allowed(table, number) {
            let is_used = imports.iter().any(|(importer, imported, _, to)| {
                *importer == number && covers(table, entry, *imported, to)
            });
            if !is_used {
                let files = part.files;
                faults.push(format!("{files} may import {entry}, but does not"));
            }
        }
    }
    faults
}

/// Returns the faults of a crate against the reserved paths: files that name a path of others, and rows that allow more
/// than there is.
pub fn reservation_faults(sources: &Crate, table: &[Reserved]) -> Vec<String> {
    let mut faults = Vec::new();
    let named = sources.foreign_paths();
    for Reserved { paths, files } in table {
        let namers = named.iter().filter(|(_, path)| {
            let mut reserved = paths.split_whitespace();
            reserved.any(|reserved| is_named(reserved, path))
        });
        let namers: Vec<_> = namers.collect();
        for (file, path) in &namers {
            if !files.split_whitespace().any(|entry| is_in(file, entry)) {
                let place = if files.is_empty() { "no file" } else { files };
                faults.push(format!("{file} names {path}, which is for {place}"));
            }
        }
        for entry in files.split_whitespace() {
            let is_used = namers.iter().any(|(file, _)| is_in(file, entry));
            if !is_used {
                faults.push(format!("{entry} may name {paths}, but does not"));
            }
        }
    }
    faults
}

/// Returns the number of the part that names the most of a file's path.
fn part_of(table: &[Part], file: &str) -> Option<usize> {
    let entries = table.iter().enumerate().flat_map(|(number, part)| {
        let entries = part.files.split_whitespace();
        entries.map(move |entry| (number, entry))
    });
    let matching = entries.filter(|(_, entry)| is_in(file, entry));
    let (number, _) = matching.max_by_key(|(_, entry)| entry.len())?;
    Some(number)
}

fn allowed(table: &[Part], number: usize) -> impl Iterator<Item = &'static str> {
    table[number].may_import.split_whitespace()
}

/// Reports whether an entry of `may_import` allows this file of this part.
fn covers(table: &[Part], entry: &str, part: usize, file: &str) -> bool {
    let is_whole = table[part]
        .files
        .split_whitespace()
        .any(|whole| whole == entry);
    part_of(table, entry) == Some(part) && (is_whole || is_in(file, entry))
}

/// Reports whether the file is this entry, or in the folder of its name.
fn is_in(file: &str, entry: &str) -> bool {
    let rest = file.strip_prefix(entry);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reports whether this path is reserved, or its `*` includes a reserved one.
fn is_named(reserved: &str, path: &str) -> bool {
    let begins = |path: &str, start: &str| {
        let rest = path.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let glob = path.strip_suffix("::*");
    begins(path, reserved) || glob.is_some_and(|module| begins(reserved, module))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Returns a crate of these files.
    fn sources(files: &[(&str, &str)]) -> (TempDir, Crate) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (file, text) in files {
            let path = folder.path().join(file);
            let parent = path.parent().expect("a file is in a folder");
            fs_err::create_dir_all(parent).expect("a folder");
            fs_err::write(path, text).expect("a source file");
        }
        let sources = Crate::read(&folder.path().join("lib.rs"));
        (folder, sources)
    }

    /// A shop that knows its cellar, which must not know the shop.
    const TABLE: [Part; 3] = [
        Part {
            files: "lib shop",
            may_import: "cellar cellar/wine",
        },
        Part {
            files: "cellar",
            may_import: "",
        },
        Part {
            files: "cellar/wine",
            may_import: "",
        },
    ];

    const LIB: (&str, &str) = ("lib.rs", "mod shop; mod cellar;");

    #[test]
    fn a_crate_that_keeps_its_table_has_no_fault() {
        let (_folder, sources) = sources(&[
            LIB,
            (
                "shop.rs",
                "use crate::cellar::{Shelf, wine::Wine}; pub struct Shop(Shelf, Wine);",
            ),
            ("cellar.rs", "pub mod wine; pub struct Shelf;"),
            ("cellar/wine.rs", "pub struct Wine;"),
        ]);
        assert_eq!(layering_faults(&sources, &TABLE), [""; 0]);
        assert_eq!(sources.circles(), [[""; 0]; 0]);
    }

    #[test]
    fn circles_and_forbidden_imports_are_reported_with_their_files() {
        let (_folder, sources) = sources(&[
            LIB,
            (
                "shop.rs",
                "use crate::cellar; fn sell() { cellar::wine::pour() }",
            ),
            (
                "cellar.rs",
                "mod wine; mod beer; struct Shelf; fn open() { println!(\"{}\", crate::shop::sell()) }",
            ),
            ("cellar/wine.rs", "pub fn pour() {}"),
            ("cellar/beer.rs", "use super::wine::pour;"),
        ]);
        assert_eq!(
            layering_faults(&sources, &TABLE),
            [
                "cellar imports shop, a part above its own",
                "cellar/beer imports cellar/wine, which the table does not allow",
            ]
        );
        assert_eq!(sources.circles(), [["cellar", "shop"]]);
    }

    #[test]
    fn unused_rows_are_reported() {
        let (_folder, sources) = sources(&[
            ("lib.rs", "mod shop; mod cellar; mod garden;"),
            ("shop.rs", "use crate::cellar::Shelf;"),
            ("cellar.rs", "pub struct Shelf;"),
            ("garden.rs", ""),
        ]);
        assert_eq!(
            layering_faults(&sources, &TABLE),
            [
                "garden is in no part of the table",
                "lib shop may import cellar/wine, but does not",
                "cellar/wine is in the table, but no file is there",
            ]
        );
    }

    #[test]
    fn reserved_paths_are_found_in_every_form() {
        let (_folder, sources) = sources(&[
            (
                "lib.rs",
                "mod config; mod whole; mod renamed; mod path; mod glob; mod inside; mod none;",
            ),
            ("config.rs", "fn read() { std::env::var(\"A\"); }"),
            ("whole.rs", "use std::env; fn read() { env::var(\"A\"); }"),
            (
                "renamed.rs",
                "use std::{env::var as v}; fn read() { v(\"A\"); }",
            ),
            (
                "path.rs",
                "fn read() { println!(\"{:?}\", std::env::var(\"A\")); }",
            ),
            ("glob.rs", "use std::env::*; fn read() { var(\"A\"); }"),
            ("inside.rs", "mod deep { use ::std::env::var; }"),
            (
                "none.rs",
                "use std::env; fn read() { env::args(); } #[cfg(test)] mod tests { use std::env::var; }",
            ),
        ]);
        let table = |files| Reserved {
            paths: "std::env::var",
            files,
        };
        assert_eq!(
            reservation_faults(&sources, &[table("config none")]),
            [
                "glob names std::env::*, which is for config none",
                "inside names std::env::var, which is for config none",
                "path names std::env::var, which is for config none",
                "renamed names std::env::var, which is for config none",
                "whole names std::env::var, which is for config none",
                "none may name std::env::var, but does not",
            ]
        );
        let all = "config glob inside path renamed whole";
        assert_eq!(reservation_faults(&sources, &[table(all)]), [""; 0]);
    }
}
