//! The measures of a crate.

use std::{collections::BTreeMap, fmt, path::Path};

use crate::{Crate, File};

/// The measures of a crate.
#[derive(Debug)]
pub struct Summary {
    /// Source files without tests.
    pub files: usize,
    /// The folder with the most files: their number, and its path.
    pub fullest_folder: (usize, String),
    /// Imports between files.
    pub imports: usize,
    /// Groups of files that import each other.
    pub circles: Vec<Vec<String>>,
    /// Lines that are neither blank, nor comments, nor tests.
    pub code_lines: usize,
    /// The file with the most code lines.
    pub largest_file: (usize, String),
    /// The function with the most lines.
    pub longest_function: (usize, String),
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  files: {}", self.files)?;
        let (files, folder) = &self.fullest_folder;
        writeln!(f, "  fullest folder: {files} files in src/{folder}")?;
        writeln!(f, "  imports between files: {}", self.imports)?;
        writeln!(f, "  circles: {}", self.circles.len())?;
        for circle in &self.circles {
            writeln!(f, "    {} files: {}", circle.len(), circle.join(", "))?;
        }
        writeln!(f, "  lines of code: {}", self.code_lines)?;
        let (lines, file) = &self.largest_file;
        writeln!(f, "  largest file: {lines} lines, {file}")?;
        let (lines, function) = &self.longest_function;
        write!(f, "  longest function: {lines} lines, {function}")
    }
}

impl Crate {
    /// Measures the crate.
    pub fn summary(&self) -> Summary {
        let mut folders: BTreeMap<String, usize> = BTreeMap::new();
        for file in self.files.values() {
            let folder = file.path.parent().unwrap_or(Path::new(""));
            *folders.entry(folder.display().to_string()).or_default() += 1;
        }
        let of_files = |value: fn(&File) -> usize| {
            let largest = self.files.values().max_by_key(|file| value(file));
            largest.map_or((0, String::new()), |file| {
                (value(file), file.path.display().to_string())
            })
        };
        let function = self
            .files
            .values()
            .max_by_key(|file| file.longest_function.0);
        Summary {
            files: self.files.len(),
            fullest_folder: folders
                .iter()
                .max_by_key(|(_, files)| **files)
                .map_or((0, String::new()), |(folder, files)| {
                    (*files, folder.clone())
                }),
            imports: self.imports().len(),
            circles: self.circles(),
            code_lines: self.files.values().map(|file| file.code_lines).sum(),
            largest_file: of_files(|file| file.code_lines),
            longest_function: function.map_or((0, String::new()), |file| {
                let (lines, name) = &file.longest_function;
                (*lines, format!("{name} in {}", file.path.display()))
            }),
        }
    }
}
