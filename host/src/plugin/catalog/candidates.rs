//! The libraries in the plugin folder that may be served: those that a manifest lists, and those that export the root
//! symbol of a plugin.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use layer_format::{
    SelectionError, Unmatched,
    manifest::{LayerInfo, Manifest, PluginEntry},
    selection,
};

use crate::plugin::{
    CatalogError,
    catalog::{
        compatibility::{check_cpu, check_entry, overwritten_error},
        skipped::BadPluginPolicy,
    },
    folder::{
        discover::FolderContents,
        file_check::{self, LibraryKind},
    },
};

/// A library that may be served.
pub(crate) enum Candidate {
    /// A library with an entry in a manifest.
    Declared {
        manifest: PathBuf,
        entry: Box<PluginEntry>,
        /// The default tools of the library's layer, in the notation of `TOOLS_LIST`.
        defaults: Vec<String>,
    },
    /// A library without a manifest.
    Bare,
}

/// A library's file name, with the library itself or the reason why it cannot be served.
pub(crate) type NamedCandidate = (String, Result<Candidate, CatalogError>);

/// The libraries in a folder, by file name.
pub(crate) struct Candidates {
    folder: PathBuf,
    libraries: BTreeMap<String, Result<Candidate, CatalogError>>,
    /// The layers, sorted by the names of their manifests.
    pub(crate) layers: Vec<LayerInfo>,
}

impl Candidates {
    /// Reads the manifests, and matches their entries with the libraries in the folder.
    pub(crate) fn scan(
        folder: &Path,
        contents: &FolderContents,
        policy: &mut BadPluginPolicy,
    ) -> Self {
        let bare = |path| (file_name(path), Ok(Candidate::Bare));
        let mut candidates = Self {
            folder: folder.to_owned(),
            libraries: contents.libraries.iter().map(bare).collect(),
            layers: Vec::new(),
        };
        for path in &contents.manifests {
            let manifest = Manifest::read(path).map_err(CatalogError::Manifest);
            if let Some(manifest) = policy.apply(&file_name(path), false, manifest) {
                candidates.add(path, manifest);
            }
        }
        candidates
    }

    fn add(&mut self, path: &Path, manifest: Manifest) {
        for entry in manifest.plugins {
            let checked = self
                .check_unique(path, &entry)
                .and_then(|()| check_cpu(path, &manifest.cpu))
                .and_then(|()| check_entry(path, &self.folder, &entry));
            let file = entry.file.clone();
            let candidate = checked.map(|()| Candidate::Declared {
                manifest: path.to_owned(),
                entry: entry.into(),
                defaults: manifest.layer.tools.clone(),
            });
            self.libraries.insert(file, candidate);
        }
        self.layers.push(manifest.layer);
    }

    /// Checks that no other layer lists a different file under the same name. (Two layers may contain the same file.)
    fn check_unique(&self, path: &Path, entry: &PluginEntry) -> Result<(), CatalogError> {
        match self.libraries.get(&entry.file) {
            Some(Ok(Candidate::Declared {
                manifest,
                entry: first,
                ..
            })) if first.sha256 != entry.sha256 => {
                Err(overwritten_error(manifest, path, &entry.file))
            }
            _ => Ok(()),
        }
    }

    /// Returns the plugins that `ENTRY_FILE` names, in the order of `ENTRY_FILE`. Without `ENTRY_FILE`, returns every
    /// plugin, sorted by file name.
    pub(crate) fn select(
        mut self,
        entry_file: &[String],
        policy: &mut BadPluginPolicy,
    ) -> Result<Vec<NamedCandidate>, CatalogError> {
        if entry_file.is_empty() {
            self.retain_plugins(policy);
            return Ok(self.libraries.into_iter().collect());
        }
        let mut selected: Vec<NamedCandidate> = Vec::new();
        let mut unmatched = Vec::new();
        for entry in entry_file {
            let file = selection::library_file_name(entry).map_err(SelectionError::EntryFile)?;
            match self.libraries.remove(&file) {
                Some(candidate) => selected.push((file, candidate)),
                None if selected.iter().any(|(selected, _)| *selected == file) => {}
                None => unmatched.push((entry, file)),
            }
        }
        if unmatched.is_empty() {
            return Ok(selected);
        }
        self.retain_plugins(policy);
        let known: Vec<String> = selected
            .into_iter()
            .map(|(file, _)| file)
            .chain(self.libraries.into_keys())
            .collect();
        let describe = |(entry, file): (&String, String)| Unmatched {
            name: entry.clone(),
            ..Unmatched::new(&file, known.iter().map(String::as_str))
        };
        Err(SelectionError::Unmatched {
            variable: "ENTRY_FILE",
            unmatched: unmatched.into_iter().map(describe).collect(),
            known,
            skipped: policy.skipped().to_vec(),
        }
        .into())
    }

    /// Removes the libraries that are not plugins. A library without a manifest that fails the check is skipped, not
    /// reported as an error: it may not be a plugin at all.
    fn retain_plugins(&mut self, policy: &mut BadPluginPolicy) {
        self.libraries.retain(|file, candidate| {
            if !matches!(candidate, Ok(Candidate::Bare)) {
                return true;
            }
            let path = self.folder.join(file);
            match file_check::check(&path) {
                Ok(kind) => matches!(kind, LibraryKind::Plugin(_)),
                Err(problem) => {
                    policy.skip(file, &problem.into());
                    false
                }
            }
        });
    }
}

fn file_name(path: impl AsRef<Path>) -> String {
    let name = path.as_ref().file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
