//! The structure of a crate as its source shows it: files, imports between them, circles, sizes. Tests are left out.
//!
//! An import is a path that begins with `crate`, `self` or `super`, or names a module beside it, in a `use` or anywhere in the
//! code. A re-export (`pub use`) is no import of its file: who imports the name imports the file that defines it.
//! A name that a `use` brings into a file is replaced by its path in the whole file.

mod layering;
mod reader;
mod summary;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use reader::read_module;

pub use crate::{
    layering::{Part, Reserved, layering_faults, reservation_faults},
    summary::Summary,
};

/// The root files of the crates that are measured. None of them has an import circle.
pub const ROOTS: [&str; 10] = [
    "host/src/lib.rs",
    "host/layer-format/src/lib.rs",
    "host/mcp-protocol/src/lib.rs",
    "layer-build/src/main.rs",
    "layer-build/lambda-local/src/lib.rs",
    "plugin-sdk/src/lib.rs",
    "plugin-sdk/plugin-abi/src/lib.rs",
    "plugin-sdk/plugin-sdk-macros/src/lib.rs",
    "plugin-sdk/tool-rules/src/lib.rs",
    "plugin-sdk/tool-schema/src/lib.rs",
];

/// Returns the folder of this workspace.
pub fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the crate is two folders deep")
}

/// The path of a module or an item within its crate, without `crate`.
type ModulePath = Vec<String>;

/// The sources of one crate.
#[derive(Debug)]
pub struct Crate {
    folder: PathBuf,
    /// The files, by the path of their module.
    files: BTreeMap<ModulePath, File>,
}

/// A source file.
#[derive(Debug, Default)]
struct File {
    path: PathBuf,
    /// Names that are defined in it: items, and modules without a file of their own.
    items: BTreeSet<String>,
    /// Names that it re-exports, and the paths they come from.
    reexports: BTreeMap<String, ModulePath>,
    /// Modules and enums that it re-exports whole.
    globs: Vec<ModulePath>,
    /// Paths of this crate that it uses.
    uses: BTreeSet<ModulePath>,
    /// Paths of other crates that it names.
    foreign: BTreeSet<ModulePath>,
    /// Lines that are neither blank, nor comments, nor tests.
    code_lines: usize,
    /// The longest function: its lines, and its name.
    longest_function: (usize, String),
}

impl Crate {
    /// Reads the crate that has this root file, such as `host/src/lib.rs`.
    ///
    /// # Panics
    /// When a file cannot be read, or is not Rust.
    pub fn read(root: &Path) -> Self {
        let folder = root
            .parent()
            .expect("a root file is in a folder")
            .to_owned();
        let mut files = BTreeMap::new();
        read_module(root, &folder, Vec::new(), &mut files);
        // A package with a library and a program: the program's own modules count as well.
        let program = folder.join("main.rs");
        if program.is_file() && program != root {
            read_module(&program, &folder, vec!["main".to_owned()], &mut files);
        }
        Self { folder, files }
    }

    /// Returns the imports, as pairs of files (importing, imported), by their places below the folder of the crate's sources.
    pub fn imports(&self) -> BTreeSet<(String, String)> {
        let mut imports = BTreeSet::new();
        for (module, file) in &self.files {
            for path in &file.uses {
                let Some(target) = self.definition(path, &mut BTreeSet::new()) else {
                    continue;
                };
                if target != module {
                    imports.insert((self.place(module), self.place(target)));
                }
            }
        }
        imports
    }

    /// Returns the paths of other crates, and of the standard library, that files name: the file, as [`Self::imports`]
    /// names it, and the path, such as `std::env::var`. All of a module is `*`, as in `std::env::*`.
    pub fn foreign_paths(&self) -> BTreeSet<(String, String)> {
        let files = self.files.iter();
        let paths = files.flat_map(|(module, file)| {
            let paths = file.foreign.iter();
            paths.map(|path| (self.place(module), path.join("::")))
        });
        paths.collect()
    }

    /// Returns the files, by their places below the folder of the crate's sources, without their endings.
    pub fn files(&self) -> BTreeSet<String> {
        self.files.keys().map(|module| self.place(module)).collect()
    }

    /// Returns the groups of files that import each other, each sorted.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let imports = self.imports();
        let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in &imports {
            reach.entry(from).or_default().insert(to);
        }
        loop {
            let mut has_grown = false;
            for file in reach.keys().copied().collect::<Vec<_>>() {
                let beyond: Vec<_> = reach[file]
                    .iter()
                    .filter_map(|next| reach.get(next))
                    .flatten()
                    .copied()
                    .collect();
                let reached = reach.entry(file).or_default();
                let before = reached.len();
                reached.extend(beyond);
                has_grown |= reached.len() > before;
            }
            if !has_grown {
                break;
            }
        }
        let reaches = |from: &str, to: &str| reach.get(from).is_some_and(|all| all.contains(to));
        let mut circles = BTreeSet::new();
        for file in reach.keys() {
            let group: Vec<_> = reach
                .keys()
                .filter(|other| reaches(file, other) && reaches(other, file))
                .map(|&other| other.to_owned())
                .collect();
            if group.len() > 1 {
                circles.insert(group);
            }
        }
        circles.into_iter().collect()
    }

    /// Returns the file of a module, below the folder of the crate's sources, without its ending.
    fn place(&self, module: &ModulePath) -> String {
        self.files[module]
            .path
            .with_extension("")
            .display()
            .to_string()
    }

    /// Returns the module of the file that defines the path's item.
    fn definition(&self, path: &[String], seen: &mut BTreeSet<ModulePath>) -> Option<&ModulePath> {
        if !seen.insert(path.to_vec()) {
            return None;
        }
        let (module, file, rest) = (0..=path.len()).rev().find_map(|length| {
            let (module, file) = self.files.get_key_value(&path[..length])?;
            Some((module, file, &path[length..]))
        })?;
        let Some(name) = rest.first() else {
            return Some(module);
        };
        if file.items.contains(name) {
            return Some(module);
        }
        if let Some(origin) = file.reexports.get(name) {
            let origin = [origin.as_slice(), &rest[1..]].concat();
            return self.definition(&origin, seen);
        }
        let through_glob = file.globs.iter().find_map(|origin| {
            let origin = [origin.as_slice(), rest].concat();
            let found = self.definition(&origin, seen)?;
            self.files[found]
                .items
                .contains(rest.last()?)
                .then_some(found)
        });
        through_glob.or(Some(module))
    }

    /// Returns the folder of its sources.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
