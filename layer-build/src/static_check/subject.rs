//! The layers and the function that are checked together, with facts from their ELF files and manifests.

use std::path::Path;

use layer_format::manifest::{self, Manifest};

use crate::{
    archive::read::{Archive, EntryKind},
    finding::{Finding, FindingCode},
    library::elf::{self, ElfFacts},
};

/// The subject of a check: the layers in the function's order, and the function's own code.
pub(crate) struct Subject {
    pub(crate) layers: Vec<Layer>,
    pub(crate) host: Option<Layer>,
}

/// An archive, with facts from its ELF files and manifests.
pub(crate) struct Layer {
    pub(crate) archive: Archive,
    pub(crate) libraries: Vec<Library>,
    pub(crate) manifests: Vec<Manifest>,
}

/// An ELF file.
pub(crate) struct Library {
    /// Its path in the archive.
    pub(crate) path: String,
    pub(crate) facts: ElfFacts,
    pub(crate) is_plugin: bool,
    /// The path of the file that this points to, if this is a link.
    pub(crate) link_target: Option<String>,
}

/// Reads an archive, its ELF files and its manifests.
pub(crate) fn read(path: &Path, findings: &mut Vec<Finding>) -> anyhow::Result<Option<Layer>> {
    let archive = match Archive::try_read(path)? {
        Ok(archive) => archive,
        Err(error) => {
            findings.push(Finding::new(
                FindingCode::ArchiveInvalid,
                format!(
                    "{}: not an archive that can be read: {error}",
                    path.display()
                ),
                "build it again, or copy it again",
            ));
            return Ok(None);
        }
    };
    let mut layer = Layer {
        archive,
        libraries: Vec::new(),
        manifests: Vec::new(),
    };
    for file in &layer.archive.files {
        let location = || format!("{}: {}", path.display(), file.path);
        if file.escapes_root {
            let (what, help) = match file.kind {
                EntryKind::Link => (
                    "a link that leads out of the archive",
                    "pack the file itself, or link it by a relative path to a file of the archive",
                ),
                _ => (
                    "a path that leads out of the archive",
                    "pack the files with relative paths, as `cargo layer build` does",
                ),
            };
            findings.push(Finding::new(
                FindingCode::ArchivePath,
                format!("{}: {what}", location()),
                help,
            ));
        }
        if file.kind != EntryKind::File {
            continue;
        }
        if elf::is_elf(&file.content) {
            let checked = host::plugin::check_library(Path::new(&file.path), &file.content);
            match elf::read_facts(&file.content) {
                Ok(facts) => layer.libraries.push(Library {
                    path: file.path.clone(),
                    facts,
                    is_plugin: checked.unwrap_or(false),
                    link_target: file.link_target.clone(),
                }),
                Err(error) => findings.push(Finding::new(
                    FindingCode::LibraryUnreadable,
                    format!("{}: an ELF file that cannot be read: {error}", location()),
                    "copy or build it again",
                )),
            }
        }
        let name = file.path.strip_prefix("lib/").unwrap_or_default();
        if name.ends_with(manifest::SUFFIX) {
            match Manifest::parse(Path::new(&file.path), &file.content) {
                Ok(manifest) => layer.manifests.push(manifest),
                Err(error) => {
                    use layer_format::HasErrorCode;
                    let message = format!("{}: {error}", path.display());
                    findings.push(Finding::from_host(error.code().as_str(), message));
                }
            }
        }
    }
    Ok(Some(layer))
}

impl Layer {
    /// Returns the name of a place in the archive, for messages.
    pub(crate) fn location(&self, path: &str) -> String {
        format!("{}: {path}", self.archive.path.display())
    }

    /// Returns the plugins in its folder `lib`.
    pub(crate) fn plugins(&self) -> impl Iterator<Item = &Library> {
        let plugins = self.libraries.iter().filter(|library| library.is_plugin);
        plugins.filter(|library| library.name_in_lib().is_some())
    }

    /// Returns the file names of the plugins for this CPU.
    pub(crate) fn plugins_for(&self, cpu: &str) -> impl Iterator<Item = &str> {
        let plugins = self.plugins().filter(move |plugin| plugin.facts.cpu == cpu);
        plugins.filter_map(Library::name_in_lib)
    }

    /// Returns the CPU in its manifest; if it has no manifest, that of its first library.
    pub(crate) fn cpu(&self) -> Option<&str> {
        let declared = self.manifests.first().map(|manifest| manifest.cpu.as_str());
        declared.or_else(|| Some(self.libraries.first()?.facts.cpu.as_str()))
    }

    /// Reports whether one of its manifests lists this file.
    pub(crate) fn declares(&self, file: &str) -> bool {
        let mut entries = self.manifests.iter().flat_map(|manifest| &manifest.plugins);
        entries.any(|entry| entry.file == file)
    }
}

impl Library {
    /// Returns its file name, if it is directly in `lib`, where the host and the loader look.
    pub(crate) fn name_in_lib(&self) -> Option<&str> {
        let name = self.path.strip_prefix("lib/")?;
        (!name.contains('/')).then_some(name)
    }
}

impl Subject {
    /// Returns the CPU that all files must be for: that of the function's own code, or else that of the first layer.
    pub(crate) fn cpu(&self) -> Option<&str> {
        let all = self.host.iter().chain(&self.layers);
        all.filter_map(Layer::cpu).next()
    }
}
