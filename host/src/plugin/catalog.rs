//! The tools that are served: which plugins there are, what they declare, and what the configuration selects.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use mcp_protocol::tools::Tool;

use super::{
    Code, Declaration, OpenError, Plugin,
    agreement::{check_cpu, check_entry, overwritten},
    arguments::LazySchema,
    declaration_check::declaration_problems,
    discover::discover,
    file_check,
    library::Promised,
    manifest::{LayerInfo, Manifest, ManifestError, PluginEntry},
    select::{self, Unmatched, tools_list},
};
use crate::config::Config;

/// The tools that are served, in a stable order: that of `ENTRY_FILE`, else by file name, then as declared.
#[derive(Debug)]
pub struct Catalog {
    tools: Vec<Arc<CatalogTool>>,
    by_name: HashMap<String, usize>,
    layers: Vec<LayerInfo>,
}

/// A tool that can be called.
#[derive(Debug)]
pub struct CatalogTool {
    /// The tool, as MCP describes it.
    pub mcp: Tool,
    /// The plugin that has it.
    pub plugin: Arc<Plugin>,
    /// The tool's own time limit.
    pub timeout: Option<Duration>,
    /// The client capabilities without which it cannot work.
    pub requires: Vec<String>,
    pub(super) function: String,
    pub(super) validate: bool,
    pub(super) strict: bool,
    pub(super) schema: LazySchema,
}

/// Why the catalogue cannot be what the configuration asks for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The plugin folder cannot be read.
    #[error(
        "PLUGIN_DIR: {0}; attach a layer made by `cargo layer build`, or set PLUGIN_DIR to the folder of the plugins"
    )]
    Folder(std::io::Error),
    /// There is no plugin in it.
    #[error("PLUGIN_DIR: {} has no plugin{}; attach a layer made by `cargo layer build`", .folder.display(), listed(.unusable))]
    Empty {
        /// The folder.
        folder: PathBuf,
        /// Libraries in it that cannot be opened here, and why.
        unusable: Vec<String>,
    },
    /// A manifest is unusable.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A manifest and the files beside it, or this host, do not agree.
    #[error("{}: {problem}", .path.display())]
    Mismatch {
        /// A stable code.
        code: &'static str,
        /// The manifest or the library.
        path: PathBuf,
        /// What does not agree, and the remedy.
        problem: String,
    },
    /// A plugin without manifest cannot be opened.
    #[error(transparent)]
    Open(Box<OpenError>),
    /// A plugin declares tools that no client would accept.
    #[error("{}: {}; mend it and rebuild the plugin", .path.display(), .problems.join("; "))]
    Declaration {
        /// The library.
        path: PathBuf,
        /// What is wrong.
        problems: Vec<String>,
    },
    /// `ENTRY_FILE` is written wrongly.
    #[error("{0}")]
    EntryFile(String),
    /// `ENTRY_FILE` or `TOOLS_LIST` name what is not there.
    #[error("{}", unmatched_message(.variable, .unmatched, .known))]
    Unmatched {
        /// The variable.
        variable: &'static str,
        /// The names that nothing has.
        unmatched: Vec<Unmatched>,
        /// Everything there is.
        known: Vec<String>,
    },
    /// A name in `TOOLS_LIST` is that of several functions.
    #[error("TOOLS_LIST: {name} is the function of several tools: {}; write the tool's name", .tools.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The tools.
        tools: Vec<String>,
    },
    /// Two tools have one name.
    #[error(
        "two tools are named {name}: in {} and in {}; leave one out by TOOLS_LIST or ENTRY_FILE, or rename it by #[tool(name = \"...\")]",
        .first.display(), .second.display()
    )]
    Duplicate {
        /// The name.
        name: String,
        /// A library that has it.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl Code for CatalogError {
    fn code(&self) -> &'static str {
        match self {
            Self::Folder(_) => "PLUGIN_DIR_UNREADABLE",
            Self::Empty { .. } => "PLUGIN_DIR_EMPTY",
            Self::Manifest(error) => error.code(),
            Self::Mismatch { code, .. } => code,
            Self::Open(error) => error.code(),
            Self::Declaration { .. } => "PLUGIN_DECLARATION_INVALID",
            Self::EntryFile(_) => "ENTRY_FILE_INVALID",
            Self::Unmatched { variable, .. } if *variable == "ENTRY_FILE" => "ENTRY_FILE_UNMATCHED",
            Self::Unmatched { .. } => "TOOLS_LIST_UNMATCHED",
            Self::Ambiguous { .. } => "TOOLS_LIST_AMBIGUOUS",
            Self::Duplicate { .. } => "TOOL_DUPLICATE",
        }
    }
}

fn listed(unusable: &[String]) -> String {
    if unusable.is_empty() {
        String::new()
    } else {
        format!(" that can be opened ({})", unusable.join("; "))
    }
}

fn unmatched_message(variable: &str, unmatched: &[Unmatched], known: &[String]) -> String {
    let what = if variable == "ENTRY_FILE" {
        "plugin"
    } else {
        "tool"
    };
    let names: Vec<_> = unmatched
        .iter()
        .map(|Unmatched { name, near }| match near.as_slice() {
            [] => format!("no {what} fits {name:?}"),
            near => format!(
                "no {what} fits {name:?}; did you mean {}?",
                near.join(" or ")
            ),
        })
        .collect();
    format!(
        "{variable}: {} (there are: {})",
        names.join("; "),
        known.join(", ")
    )
}

/// A library that may be served.
enum Candidate {
    /// With its entry in a manifest.
    Declared {
        manifest: PathBuf,
        entry: Box<PluginEntry>,
    },
    /// Without one.
    Bare,
}

impl Catalog {
    /// Find the plugins of the configuration, and select its tools.
    ///
    /// # Errors
    /// [`CatalogError`]: what was asked for cannot be served.
    pub fn load(config: &Config) -> Result<Self, CatalogError> {
        let found = discover(&config.plugin_dir).map_err(CatalogError::Folder)?;
        let mut layers = Vec::new();
        let mut candidates: BTreeMap<String, Candidate> = found
            .libraries
            .iter()
            .map(|path| (file_name(path), Candidate::Bare))
            .collect();
        for path in found.manifests {
            let manifest = Manifest::read(&path)?;
            check_cpu(&path, &manifest)?;
            for entry in manifest.plugins {
                check_entry(&path, &config.plugin_dir, &entry)?;
                if let Some(Candidate::Declared {
                    manifest,
                    entry: other,
                }) = candidates.get(&entry.file)
                    && other.sha256 != entry.sha256
                {
                    return Err(overwritten(manifest, &path, entry.file));
                }
                candidates.insert(
                    entry.file.clone(),
                    Candidate::Declared {
                        manifest: path.clone(),
                        entry: entry.into(),
                    },
                );
            }
            layers.push(manifest.layer);
        }
        let selected = entry_files(config, candidates)?;
        let mut tools = Vec::new();
        for (file, candidate) in selected {
            tools.extend(plugin_tools(config.plugin_dir.join(file), candidate)?);
        }
        if tools.is_empty() {
            let folder = config.plugin_dir.clone();
            let unusable = found
                .libraries
                .iter()
                .filter_map(|path| file_check::check(path).err());
            let unusable = unusable.map(|problem| problem.to_string()).collect();
            return Err(CatalogError::Empty { folder, unusable });
        }
        let tools = tools_list(&config.tools_list, tools)?;
        if tools.is_empty() {
            tracing::warn!("TOOLS_LIST leaves out every tool: there is nothing to serve");
        }
        let by_name = index(&tools)?;
        Ok(Self {
            tools: tools.into_iter().map(Arc::new).collect(),
            by_name,
            layers,
        })
    }

    /// All tools of a plugin that is linked into the test binary.
    #[cfg(test)]
    pub(crate) fn linked(module: plugin_abi::PluginRef) -> Result<Self, CatalogError> {
        let (plugin, declared) =
            Plugin::linked(module).map_err(|error| CatalogError::Open(Box::new(error)))?;
        let tools = tools_of(plugin, declared.declaration);
        Ok(Self {
            by_name: index(&tools)?,
            tools: tools.into_iter().map(Arc::new).collect(),
            layers: Vec::new(),
        })
    }

    /// The tools, in their stable order.
    #[must_use]
    pub fn tools(&self) -> &[Arc<CatalogTool>] {
        &self.tools
    }

    /// The tool of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<CatalogTool>> {
        self.by_name
            .get(name)
            .map(|position| &self.tools[*position])
    }

    /// The layers found, by the names of their manifests.
    #[must_use]
    pub fn layers(&self) -> &[LayerInfo] {
        &self.layers
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The plugins that `ENTRY_FILE` names, in its order; without it every plugin, by file name.
fn entry_files(
    config: &Config,
    mut candidates: BTreeMap<String, Candidate>,
) -> Result<Vec<(String, Candidate)>, CatalogError> {
    let is_plugin = |file: &String, candidate: &Candidate| match candidate {
        Candidate::Declared { .. } => true,
        Candidate::Bare => {
            let path = config.plugin_dir.join(file);
            if let Err(problem) = file_check::check(&path) {
                tracing::warn!("left out: {problem}");
                return false;
            }
            file_check::is_plugin(&path)
        }
    };
    if config.entry_file.is_empty() {
        return Ok(candidates
            .into_iter()
            .filter(|(file, candidate)| is_plugin(file, candidate))
            .collect());
    }
    let mut selected = Vec::new();
    let mut unmatched = Vec::new();
    for entry in &config.entry_file {
        let file = select::file_name(entry).map_err(CatalogError::EntryFile)?;
        match candidates.remove(&file) {
            Some(candidate) => selected.push((file, candidate)),
            None if selected.iter().any(|(selected, _)| *selected == file) => {}
            None => unmatched.push(entry),
        }
    }
    if unmatched.is_empty() {
        return Ok(selected);
    }
    candidates.retain(|file, candidate| is_plugin(file, candidate));
    let known: Vec<String> = selected
        .into_iter()
        .map(|(file, _)| file)
        .chain(candidates.into_keys())
        .collect();
    let near = |entry: &String| {
        let file = select::file_name(entry).unwrap_or_default();
        Unmatched {
            name: entry.clone(),
            ..Unmatched::new(&file, known.iter().map(String::as_str))
        }
    };
    Err(CatalogError::Unmatched {
        variable: "ENTRY_FILE",
        unmatched: unmatched.into_iter().map(near).collect(),
        known,
    })
}

/// The tools of one plugin. One without manifest is opened for it.
fn plugin_tools(path: PathBuf, candidate: Candidate) -> Result<Vec<CatalogTool>, CatalogError> {
    let (plugin, declaration) = match candidate {
        Candidate::Declared { manifest, entry } => {
            let declaration = entry
                .declaration()
                .map_err(|source| ManifestError::Invalid {
                    path: manifest,
                    source,
                })?;
            let promised = Promised {
                sha256: entry.sha256,
                digest: entry.digest,
            };
            (Plugin::new(path, promised), declaration)
        }
        Candidate::Bare => {
            tracing::info!(library = %path.display(), "no manifest names this plugin: it is opened at the start, which is slower");
            open(path)?
        }
    };
    Ok(tools_of(plugin, declaration))
}

fn tools_of(plugin: Plugin, declaration: Declaration) -> Vec<CatalogTool> {
    let plugin = Arc::new(plugin);
    let tools = declaration.tools.into_iter().map(|declared| CatalogTool {
        mcp: declared.tool,
        plugin: Arc::clone(&plugin),
        timeout: declared.timeout_ms.map(Duration::from_millis),
        requires: declared.requires,
        function: declared.function,
        validate: declared.validate,
        strict: declared.strict,
        schema: LazySchema::default(),
    });
    tools.collect()
}

fn open(path: PathBuf) -> Result<(Plugin, Declaration), CatalogError> {
    let (plugin, declared) =
        Plugin::open(path).map_err(|error| CatalogError::Open(Box::new(error)))?;
    let declaration = declared.declaration;
    let problems = declaration_problems(&declaration);
    if problems.is_empty() {
        Ok((plugin, declaration))
    } else {
        Err(CatalogError::Declaration {
            path: plugin.path().to_owned(),
            problems,
        })
    }
}

fn index(tools: &[CatalogTool]) -> Result<HashMap<String, usize>, CatalogError> {
    let mut by_name = HashMap::with_capacity(tools.len());
    for (position, tool) in tools.iter().enumerate() {
        if let Some(first) = by_name.insert(tool.mcp.name.clone(), position) {
            return Err(CatalogError::Duplicate {
                name: tool.mcp.name.clone(),
                first: tools[first].plugin.path().to_owned(),
                second: tool.plugin.path().to_owned(),
            });
        }
    }
    Ok(by_name)
}
