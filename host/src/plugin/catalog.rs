//! The catalogue of the served tools. It is built from the plugins in the folder, their declarations, and the
//! configuration, which selects tools.

mod candidates;
mod compatibility;
pub(crate) mod error;
mod skipped;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use layer_format::{
    Declaration, SkippedPlugin, declaration_problems,
    manifest::{LayerInfo, ManifestError},
    selection::{self, Selectable, select_tools},
};
use mcp_protocol::tools::Tool;
use tool_schema::LazySchema;

use crate::{
    config::Config,
    plugin::{
        CatalogError, Plugin,
        catalog::{
            candidates::{Candidate, Candidates},
            skipped::BadPluginPolicy,
        },
        folder::{discover::discover, integrity::ExpectedLibrary},
    },
};

/// The served tools, in a stable order: plugins in the order of `ENTRY_FILE`, or without it by file name, and the tools
/// of a plugin in the order of its declaration.
#[derive(Debug)]
pub struct Catalog {
    tools: Vec<Arc<CatalogTool>>,
    by_name: HashMap<String, usize>,
    plugins: Vec<Arc<Plugin>>,
    layers: Vec<LayerInfo>,
    skipped: Vec<SkippedPlugin>,
}

/// A tool that can be called.
#[derive(Debug)]
pub struct CatalogTool {
    /// The tool as MCP describes it.
    pub mcp: Tool,
    /// The plugin that contains the tool.
    pub plugin: Arc<Plugin>,
    /// The name of the plugin's crate.
    pub crate_name: String,
    /// The time limit that the tool sets for itself.
    pub timeout: Option<Duration>,
    /// The client capabilities that the tool requires.
    pub requires: Vec<String>,
    /// The names of the headers that repeat arguments (from `x-mcp-header`), each with a JSON pointer to its argument.
    pub headers: BTreeMap<String, String>,
    pub(crate) function: String,
    /// Whether the tool is served if `TOOLS_LIST` is not set.
    pub(crate) is_default: bool,
    pub(crate) validate: bool,
    pub(crate) strict: bool,
    pub(crate) schema: LazySchema,
    /// The JSON Schema of the tool's structured results.
    pub(crate) output: LazySchema,
}

impl Selectable for CatalogTool {
    fn name(&self) -> &str {
        &self.mcp.name
    }

    fn function(&self) -> &str {
        &self.function
    }

    fn is_default(&self) -> bool {
        self.is_default
    }
}

impl Catalog {
    /// Finds the plugins to serve by the configuration, and selects their tools.
    ///
    /// # Errors
    /// [`CatalogError`]: the requested tools cannot be served.
    pub fn load(config: &Config) -> Result<Self, CatalogError> {
        let contents = discover(&config.plugin_dir).map_err(CatalogError::Folder)?;
        let mut policy = BadPluginPolicy::new(config.on_bad_plugin);
        let mut candidates = Candidates::scan(&config.plugin_dir, &contents, &mut policy);
        let layers = std::mem::take(&mut candidates.layers);
        let mut tools = Vec::new();
        for (file, candidate) in candidates.select(&config.entry_file, &mut policy)? {
            let path = config.plugin_dir.join(&file);
            let loaded = candidate.and_then(|candidate| plugin_tools(path, candidate));
            let named = !config.entry_file.is_empty();
            tools.extend(policy.apply(&file, named, loaded).into_iter().flatten());
        }
        policy.check()?;
        if tools.is_empty() {
            return Err(CatalogError::Empty {
                folder: config.plugin_dir.clone(),
                skipped: policy.into_skipped(),
            });
        }
        let tools = select_tools(&config.tools_list, tools, policy.skipped())?;
        let tools = without_duplicates(tools, config, &mut policy);
        let tools = if config.preload {
            preload(tools, config, &mut policy)
        } else {
            tools
        };
        policy.check()?;
        if tools.is_empty() {
            tracing::warn!("all tools were skipped: there is nothing to serve");
        }
        Ok(Self::new(tools, layers, policy.into_skipped()))
    }

    fn new(tools: Vec<CatalogTool>, layers: Vec<LayerInfo>, skipped: Vec<SkippedPlugin>) -> Self {
        let names = tools.iter().map(|tool| tool.mcp.name.clone());
        Self {
            by_name: names.zip(0..).collect(),
            plugins: distinct_plugins(&tools),
            tools: tools.into_iter().map(Arc::new).collect(),
            layers,
            skipped,
        }
    }

    /// Returns a catalogue of all tools in a plugin that is linked into the test binary.
    #[cfg(test)]
    pub(crate) fn linked(module: plugin_abi::PluginRef) -> Result<Self, CatalogError> {
        let (plugin, declared) = Plugin::linked(module).map_err(Arc::new)?;
        let tools = catalog_tools(plugin, declared.declaration, &[]);
        Ok(Self::new(tools, Vec::new(), Vec::new()))
    }

    /// Returns the tools in their stable order.
    #[must_use]
    pub fn tools(&self) -> &[Arc<CatalogTool>] {
        &self.tools
    }

    /// Returns the names of the tools, in the same order as the tools.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|tool| tool.mcp.name.as_str())
    }

    /// Returns the tool with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<CatalogTool>> {
        self.position(name).map(|position| &self.tools[position])
    }

    /// Returns the position of the tool with this name.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Returns the layers in the folder, sorted by the names of their manifests.
    #[must_use]
    pub fn layers(&self) -> &[LayerInfo] {
        &self.layers
    }

    /// Reports whether any tool is still running after its call timed out.
    #[must_use]
    pub fn has_stuck_tools(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin.is_quarantined())
    }

    /// Returns the plugins that are not served: those that were skipped at startup, those whose library could not be
    /// opened later, and those with a stuck tool.
    pub fn skipped(&self) -> impl Iterator<Item = SkippedPlugin> {
        let unable = self.plugins.iter().filter_map(|plugin| {
            let error = match plugin.open_error() {
                Some(error) => CatalogError::Open(error),
                None if plugin.is_quarantined() => CatalogError::Quarantined {
                    path: plugin.path().to_owned(),
                },
                None => return None,
            };
            Some(SkippedPlugin::new(&plugin.file(), &error))
        });
        self.skipped.iter().cloned().chain(unable)
    }
}

/// Returns the tools of one plugin. A plugin without a manifest is opened for that.
fn plugin_tools(path: PathBuf, candidate: Candidate) -> Result<Vec<CatalogTool>, CatalogError> {
    let (plugin, declaration, defaults) = match candidate {
        Candidate::Declared {
            manifest,
            entry,
            defaults,
        } => {
            let declaration = entry
                .declaration()
                .map_err(|source| ManifestError::Invalid {
                    path: manifest,
                    source,
                })?;
            let expected = ExpectedLibrary::from_entry(&entry);
            (Plugin::new(path, expected), declaration, defaults)
        }
        Candidate::Bare => {
            tracing::info!(library = %path.display(), "no manifest names this plugin, so it is opened at startup, which is slower. (If two layers have the same name, the later one overwrites the manifest of the other.)");
            let (plugin, declaration) = open(path)?;
            (plugin, declaration, Vec::new())
        }
    };
    Ok(catalog_tools(plugin, declaration, &defaults))
}

fn catalog_tools(
    plugin: Plugin,
    declaration: Declaration,
    defaults: &[String],
) -> Vec<CatalogTool> {
    let plugin = Arc::new(plugin);
    let crate_name = declaration.krate.name;
    let tools = declaration.tools.into_iter().map(|declared| CatalogTool {
        is_default: selection::is_default_tool(defaults, &declared),
        mcp: declared.tool,
        plugin: Arc::clone(&plugin),
        crate_name: crate_name.clone(),
        timeout: declared.timeout_ms.map(Duration::from_millis),
        requires: declared.requires,
        headers: declared.headers,
        function: declared.function,
        validate: declared.validate,
        strict: declared.strict,
        schema: LazySchema::default(),
        output: LazySchema::default(),
    });
    tools.collect()
}

/// Returns the plugins of these tools, without duplicates.
fn distinct_plugins(tools: &[CatalogTool]) -> Vec<Arc<Plugin>> {
    let mut plugins: Vec<_> = tools.iter().map(|tool| Arc::clone(&tool.plugin)).collect();
    // The tools of one plugin are adjacent, so `dedup` finds all duplicates.
    plugins.dedup_by(|a, b| Arc::ptr_eq(a, b));
    plugins
}

fn open(path: PathBuf) -> Result<(Plugin, Declaration), CatalogError> {
    let (plugin, declared) = Plugin::open(path).map_err(Arc::new)?;
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

/// If several tools have the same name, keeps the first and records an error for each of the others.
fn without_duplicates(
    tools: Vec<CatalogTool>,
    config: &Config,
    policy: &mut BadPluginPolicy,
) -> Vec<CatalogTool> {
    let mut first: HashMap<String, Arc<Plugin>> = HashMap::with_capacity(tools.len());
    let mut is_first = |tool: &CatalogTool| {
        let name = &tool.mcp.name;
        let Some(plugin) = first.get(name) else {
            first.insert(name.clone(), Arc::clone(&tool.plugin));
            return true;
        };
        let duplicate = CatalogError::Duplicate {
            name: name.clone(),
            first: plugin.path().to_owned(),
            second: tool.plugin.path().to_owned(),
        };
        let named = config.tools_list.contains(name);
        policy.apply::<()>(&tool.plugin.file(), named, Err(duplicate));
        false
    };
    tools.into_iter().filter(|tool| is_first(tool)).collect()
}

/// Opens the plugins of these tools and prepares them for calls. Returns the tools of the plugins that could be opened.
fn preload(
    mut tools: Vec<CatalogTool>,
    config: &Config,
    policy: &mut BadPluginPolicy,
) -> Vec<CatalogTool> {
    let mut bad: Vec<Arc<Plugin>> = Vec::new();
    for plugin in distinct_plugins(&tools) {
        let of_plugin = |tool: &&CatalogTool| Arc::ptr_eq(&tool.plugin, &plugin);
        let named = !config.entry_file.is_empty()
            || tools
                .iter()
                .filter(of_plugin)
                .any(|tool| config.tools_list.contains(&tool.mcp.name));
        let opened = plugin.preload().map_err(CatalogError::Open);
        if policy.apply(&plugin.file(), named, opened).is_none() {
            bad.push(plugin);
        }
    }
    tools.retain(|tool| !bad.iter().any(|bad| Arc::ptr_eq(bad, &tool.plugin)));
    tools
}
