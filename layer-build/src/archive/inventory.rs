//! What a layer, or a library alone, declares: read from manifests; of what no manifest tells, by opening it in a child.

use std::path::{Path, PathBuf};

use layer_format::{
    Declaration, DeclaredTool,
    manifest::{self, LayerInfo, Manifest},
    selection::is_default_tool,
    sha256,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    archive::read::{Contents, Kind},
    compare,
    error::Failure,
    library::{
        describe,
        elf::{self, Facts},
    },
    process::{child, temp_dir},
};

/// What is in a file.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) path: PathBuf,
    /// Unit: bytes.
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// Of a layer with a manifest: what it says of itself.
    pub(crate) layers: Vec<LayerInfo>,
    pub(crate) plugins: Vec<Plugin>,
    /// Of a function, or of the host as a layer: its program.
    pub(crate) bootstrap: Option<Bootstrap>,
    /// Other files of a layer, which are no plugins.
    pub(crate) others: Vec<String>,
}

/// The program that Lambda starts.
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
    /// SHA-256 of its declaration.
    pub(crate) digest: String,
    pub(crate) cpu: String,
    pub(crate) glibc: Option<String>,
    pub(crate) needed: Vec<String>,
    pub(crate) build_id: Option<String>,
    #[serde(flatten)]
    pub(crate) versions: Versions,
    pub(crate) tools: Vec<Tool>,
}

/// What a plugin was built with, and for.
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
    /// Is it served where `TOOLS_LIST` is not set?
    pub(crate) by_default: bool,
    pub(crate) weight: Weight,
    pub(crate) strict: bool,
    pub(crate) validate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) requires: Vec<String>,
    /// As MCP describes it.
    pub(crate) declaration: Value,
}

/// What a tool costs each conversation in which it is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Weight {
    /// Of its JSON in the list of tools. Unit: bytes.
    pub(crate) bytes: usize,
    /// About so many tokens of a model.
    pub(crate) tokens: usize,
}

/// How many bytes a token has, about. Source: OpenAI, "What are tokens and how to count them": four characters of English
/// text; every model counts in its own way, and none publishes more than that.
const BYTES_PER_TOKEN: usize = 4;

impl Weight {
    pub(crate) fn of(bytes: usize) -> Self {
        Self {
            bytes,
            tokens: bytes.div_ceil(BYTES_PER_TOKEN),
        }
    }
}

impl Declared {
    /// Read a layer or a library.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let declared = Self::read_any(path)?;
        if declared.plugins.is_empty() {
            return Err(Failure::NothingDeclared(path.to_owned()).into());
        }
        Ok(declared)
    }

    /// Read a layer, a library or a function.
    pub(crate) fn read_any(path: &Path) -> anyhow::Result<Self> {
        let content = std::fs::read(path).map_err(|error| Failure::unreadable(path, error))?;
        let mut declared = Self {
            path: path.to_owned(),
            size: content.len() as u64,
            sha256: sha256(&content),
            layers: Vec::new(),
            plugins: Vec::new(),
            bootstrap: None,
            others: Vec::new(),
        };
        if elf::is_elf(&content) {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            declared.open(&file, path, &content)?;
        } else {
            declared.of_layer(&Contents::of(path)?)?;
        }
        if declared.plugins.is_empty() && declared.bootstrap.is_none() {
            return Err(Failure::NothingDeclared(path.to_owned()).into());
        }
        Ok(declared)
    }

    fn of_layer(&mut self, contents: &Contents) -> anyhow::Result<()> {
        let program = contents.files.iter().find(|file| file.path == "bootstrap");
        if let Some(program) = program {
            self.bootstrap = Some(Bootstrap::of(&contents.path, &program.content)?);
        }
        let at = |file: &str| PathBuf::from(format!("{}: {file}", contents.path.display()));
        let mut files: Vec<_> = contents
            .lib()
            .filter(|(_, file)| file.kind == Kind::File)
            .collect();
        files.sort_by_key(|(name, _)| *name);
        let mut told = Vec::new();
        for (name, file) in files
            .iter()
            .filter(|(name, _)| name.ends_with(manifest::SUFFIX))
        {
            let manifest = Manifest::parse(&at(name), &file.content).map_err(Failure::Manifest)?;
            for entry in manifest.plugins {
                let library = files.iter().find(|(name, _)| **name == entry.file);
                let (_, library) = library.ok_or_else(|| Failure::Library {
                    path: at(&entry.file),
                    problem: "named by the manifest, but not there; build the layer again"
                        .to_owned(),
                })?;
                let declaration = entry.declaration().map_err(|error| Failure::Library {
                    path: at(name),
                    problem: error.to_string(),
                })?;
                told.push(entry.file.clone());
                self.add(
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
            if told.iter().any(|told| told == name) || name.ends_with(manifest::SUFFIX) {
                continue;
            }
            let is_plugin = host::plugin::check_library(Path::new(name), &file.content);
            if is_plugin.unwrap_or(false) {
                let folder = temp_dir::folder()?;
                let library = folder.path().join(name);
                fs_err::write(&library, &file.content)?;
                self.open(name, &library, &file.content)?;
            } else {
                self.others.push((*name).to_owned());
            }
        }
        Ok(())
    }

    /// Ask a library itself.
    fn open(&mut self, file: &str, library: &Path, content: &[u8]) -> anyhow::Result<()> {
        let described = describe::describe(library, None, child::PATIENCE)?;
        let digest = sha256(described.text.get().as_bytes());
        self.add(file, content, described.declaration, digest, &[])
    }

    fn add(
        &mut self,
        file: &str,
        content: &[u8],
        declaration: Declaration,
        digest: String,
        defaults: &[String],
    ) -> anyhow::Result<()> {
        let Facts {
            cpu,
            glibc,
            needed,
            build_id,
            ..
        } = elf::facts(content).map_err(|error| Failure::Library {
            path: file.into(),
            problem: error.to_string(),
        })?;
        let tools = declaration.tools.into_iter();
        let tools = tools
            .map(|tool| Tool::of(tool, defaults))
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
    fn of(archive: &Path, content: &[u8]) -> anyhow::Result<Self> {
        let Facts { cpu, glibc, .. } = elf::facts(content).map_err(|error| Failure::Library {
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
    fn of(declared: DeclaredTool, defaults: &[String]) -> serde_json::Result<Self> {
        Ok(Self {
            by_default: is_default_tool(defaults, &declared),
            weight: Weight::of(serde_json::to_vec(&declared.tool)?.len()),
            declaration: serde_json::to_value(&declared.tool)?,
            name: declared.tool.name,
            function: declared.function,
            strict: declared.strict,
            validate: declared.validate,
            timeout_ms: declared.timeout_ms,
            requires: declared.requires,
        })
    }

    /// As it is compared.
    pub(crate) fn comparable(&self) -> compare::Tool {
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
            assert_eq!(Weight::of(bytes), Weight { bytes, tokens });
        }
    }
}
