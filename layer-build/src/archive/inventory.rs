//! The plugins and tools that a layer or a single library declares. They are read from the manifest; if there is none,
//! the library is opened in a child process.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use host::plugin::OpenError;
use layer_format::{
    Declaration, DeclaredTool, HasErrorCode,
    manifest::{self, LayerInfo, Manifest},
    selection::is_default_tool,
    sha256,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    archive::read::{Archive, EntryKind},
    compare,
    error::CliError,
    library::{
        describe,
        elf::{self, ElfFacts},
    },
    process::{child, temp_dir},
};

/// The content of a layer, library or function.
#[derive(Debug)]
pub(crate) struct Inventory {
    pub(crate) path: PathBuf,
    /// Unit: bytes.
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// The metadata in the manifests of a layer.
    pub(crate) layers: Vec<LayerInfo>,
    pub(crate) plugins: Vec<Plugin>,
    /// The program `bootstrap` of a function, or of a layer with the host.
    pub(crate) bootstrap: Option<Bootstrap>,
    /// The other files of a layer, which are not plugins.
    pub(crate) other_files: Vec<String>,
}

/// The program that Lambda starts, `bootstrap`.
#[derive(Debug, Serialize)]
pub(crate) struct Bootstrap {
    /// Unit: bytes.
    pub(crate) size: u64,
    pub(crate) sha256: String,
    pub(crate) cpu: String,
    pub(crate) glibc: Option<String>,
}

/// A plugin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plugin {
    /// The library's file name.
    pub(crate) file: String,
    /// Unit: bytes.
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// The SHA-256 of its declaration.
    pub(crate) digest: String,
    pub(crate) cpu: String,
    pub(crate) glibc: Option<String>,
    pub(crate) needed: Vec<String>,
    pub(crate) build_id: Option<String>,
    #[serde(flatten)]
    pub(crate) versions: Versions,
    pub(crate) tools: Vec<Tool>,
}

/// The version of a plugin, the versions with which it was built, and its platform.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Versions {
    #[serde(rename = "crate")]
    pub(crate) krate: String,
    pub(crate) version: String,
    pub(crate) sdk: String,
    pub(crate) payload: u32,
    pub(crate) min_host: Option<String>,
    pub(crate) panic: String,
}

/// A tool of a plugin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) function: String,
    /// Whether it is served if `TOOLS_LIST` is not set.
    pub(crate) by_default: bool,
    #[serde(rename = "weight")]
    pub(crate) context_cost: ContextCost,
    pub(crate) strict: bool,
    pub(crate) validate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) requires: Vec<String>,
    /// The tool in MCP's form.
    pub(crate) declaration: Value,
}

/// The size that a tool adds to each conversation in which it is offered to a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ContextCost {
    /// The size of its JSON in the list of tools. Unit: bytes.
    pub(crate) bytes: usize,
    /// The approximate number of tokens.
    pub(crate) tokens: usize,
}

/// The approximate number of bytes per token. Source: OpenAI, "What are tokens and how to count them": four characters
/// of English text. Every model has its own tokens, and no vendor publishes more exact numbers.
const BYTES_PER_TOKEN: usize = 4;

impl ContextCost {
    pub(crate) fn from_bytes(bytes: usize) -> Self {
        Self {
            bytes,
            tokens: bytes.div_ceil(BYTES_PER_TOKEN),
        }
    }
}

/// What to do with a plugin that no manifest lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undeclared {
    /// Open the plugin to read its declaration, which runs its code, with an empty environment.
    Open,
    /// Return an error.
    Refuse,
}

impl Inventory {
    /// Reads a layer or a library.
    pub(crate) fn read(path: &Path, undeclared: Undeclared) -> anyhow::Result<Self> {
        let inventory = Self::read_any(path, undeclared)?;
        if inventory.plugins.is_empty() {
            return Err(CliError::NothingDeclared(path.to_owned()).into());
        }
        Ok(inventory)
    }

    /// Reads a layer, a library or a function.
    pub(crate) fn read_any(path: &Path, undeclared: Undeclared) -> anyhow::Result<Self> {
        let content = std::fs::read(path).map_err(|error| CliError::unreadable(path, error))?;
        let mut inventory = Self {
            path: path.to_owned(),
            size: content.len() as u64,
            sha256: sha256(&content),
            layers: Vec::new(),
            plugins: Vec::new(),
            bootstrap: None,
            other_files: Vec::new(),
        };
        if elf::is_elf(&content) {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            inventory.open_library(&file, path, &content, undeclared)?;
        } else {
            inventory.read_layer(&Archive::read(path)?, undeclared)?;
        }
        if inventory.plugins.is_empty() && inventory.bootstrap.is_none() {
            return Err(CliError::NothingDeclared(path.to_owned()).into());
        }
        Ok(inventory)
    }

    fn read_layer(&mut self, archive: &Archive, undeclared: Undeclared) -> anyhow::Result<()> {
        let program = archive.files.iter().find(|file| file.path == "bootstrap");
        if let Some(program) = program {
            self.bootstrap = Some(Bootstrap::from_elf(&archive.path, &program.content)?);
        }
        let path_in_archive =
            |file: &str| PathBuf::from(format!("{}: {file}", archive.path.display()));
        let mut files: Vec<_> = archive
            .lib_files()
            .filter(|(_, file)| file.kind == EntryKind::File)
            .collect();
        files.sort_by_key(|(name, _)| *name);
        let by_name: HashMap<_, _> = files.iter().copied().collect();
        let mut listed = HashSet::new();
        for (name, file) in files
            .iter()
            .filter(|(name, _)| name.ends_with(manifest::SUFFIX))
        {
            let manifest = Manifest::parse(&path_in_archive(name), &file.content)
                .map_err(CliError::Manifest)?;
            for entry in manifest.plugins {
                let library = by_name.get(entry.file.as_str());
                let library = library.ok_or_else(|| CliError::Library {
                    path: path_in_archive(&entry.file),
                    problem: "listed in the manifest, but missing; build the layer again"
                        .to_owned(),
                })?;
                let declaration = entry.declaration().map_err(|error| CliError::Library {
                    path: path_in_archive(name),
                    problem: error.to_string(),
                })?;
                listed.insert(entry.file.clone());
                self.add_plugin(
                    &entry.file,
                    &library.content,
                    declaration,
                    entry.digest,
                    &manifest.layer.tools,
                )?;
            }
            self.layers.push(manifest.layer);
        }
        for (name, file) in &files {
            if listed.contains(*name) || name.ends_with(manifest::SUFFIX) {
                continue;
            }
            let is_plugin = host::plugin::check_library(Path::new(name), &file.content);
            if is_plugin.unwrap_or(false) {
                let folder = temp_dir::create()?;
                let library = folder.path().join(name);
                fs_err::write(&library, &file.content)?;
                self.open_library(name, &library, &file.content, undeclared)?;
            } else {
                self.other_files.push((*name).to_owned());
            }
        }
        Ok(())
    }

    /// Opens a library to read its declaration. The library may come from someone else, so its code does not get the
    /// user's environment variables.
    fn open_library(
        &mut self,
        file: &str,
        library: &Path,
        content: &[u8],
        undeclared: Undeclared,
    ) -> anyhow::Result<()> {
        // Do not open libraries that are not plugins.
        if let Ok(false) = host::plugin::check_library(library, content) {
            let path = library.to_owned();
            let error = OpenError::NotAPlugin { path };
            return Err(CliError::Reported {
                code: error.code().as_str().to_owned(),
                message: error.to_string(),
            }
            .into());
        }
        if undeclared == Undeclared::Refuse {
            return Err(CliError::Undeclared(file.into()).into());
        }
        message!("note: {file} has no manifest, so its code is run to read its declaration");
        let folder = library.parent().unwrap_or(Path::new("."));
        let opened = describe::describe(library, Some(folder), child::CHILD_TIMEOUT)?;
        let digest = sha256(opened.text.get().as_bytes());
        self.add_plugin(file, content, opened.declaration, digest, &[])
    }

    fn add_plugin(
        &mut self,
        file: &str,
        content: &[u8],
        declaration: Declaration,
        digest: String,
        defaults: &[String],
    ) -> anyhow::Result<()> {
        let ElfFacts {
            cpu,
            glibc,
            needed,
            build_id,
            ..
        } = elf::read_facts(content).map_err(|error| CliError::Library {
            path: file.into(),
            problem: error.to_string(),
        })?;
        let tools = declaration.tools.into_iter();
        let tools = tools
            .map(|tool| Tool::from_declared(tool, defaults))
            .collect::<Result<_, _>>()?;
        self.plugins.push(Plugin {
            file: file.to_owned(),
            size: content.len() as u64,
            sha256: sha256(content),
            digest,
            cpu,
            glibc: glibc.map(|glibc| glibc.to_string()),
            needed,
            build_id,
            versions: Versions {
                krate: declaration.krate.name,
                version: declaration.krate.version,
                sdk: declaration.sdk,
                payload: declaration.payload,
                min_host: declaration.min_host,
                panic: declaration.panic,
            },
            tools,
        });
        Ok(())
    }

    pub(crate) fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.plugins.iter().flat_map(|plugin| &plugin.tools)
    }
}

impl Bootstrap {
    fn from_elf(archive: &Path, content: &[u8]) -> anyhow::Result<Self> {
        let ElfFacts { cpu, glibc, .. } =
            elf::read_facts(content).map_err(|error| CliError::Library {
                path: format!("{}: bootstrap", archive.display()).into(),
                problem: error.to_string(),
            })?;
        Ok(Self {
            size: content.len() as u64,
            sha256: sha256(content),
            cpu,
            glibc: glibc.map(|glibc| glibc.to_string()),
        })
    }
}

impl Tool {
    fn from_declared(tool: DeclaredTool, defaults: &[String]) -> serde_json::Result<Self> {
        Ok(Self {
            by_default: is_default_tool(defaults, &tool),
            context_cost: ContextCost::from_bytes(serde_json::to_vec(&tool.tool)?.len()),
            declaration: serde_json::to_value(&tool.tool)?,
            name: tool.tool.name,
            function: tool.function,
            strict: tool.strict,
            validate: tool.validate,
            timeout_ms: tool.timeout_ms,
            requires: tool.requires,
        })
    }

    /// Returns the tool in the form that `compare` uses.
    pub(crate) fn to_compare_tool(&self) -> compare::Tool {
        compare::Tool {
            mcp: self.declaration.clone(),
            function: self.function.clone(),
            by_default: self.by_default,
            strict: self.strict,
            timeout_ms: self.timeout_ms,
            requires: self.requires.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_about_four_bytes() {
        for (bytes, tokens) in [(0, 0), (1, 1), (4, 1), (5, 2), (400, 100)] {
            assert_eq!(
                ContextCost::from_bytes(bytes),
                ContextCost { bytes, tokens }
            );
        }
    }
}
