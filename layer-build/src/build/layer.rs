//! Builds a layer, which consists of the libraries of the plugins and a manifest that lists them.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use host::{
    StartError,
    config::{Config, OnBadPlugin},
    plugin::ABI_VERSION,
    server::McpServer,
};
use layer_format::{
    ErrorCode,
    manifest::{self, LayerInfo, Manifest, PluginEntry, Xxh3},
    sha256,
};

use crate::{
    archive::{
        read,
        write::{self, Entry, WrittenArchive},
    },
    build::{
        compile::{self, Linker, Profile, Remap, Target},
        packages::{Packages, PluginPackage},
        symbols,
    },
    error::CliError,
    library::{
        debug_info::{self, SplitLibrary},
        describe::{self, LibraryDeclaration},
        elf,
        platform::Platform,
    },
    process::{child, temp_dir},
};

/// The metadata of a layer.
#[derive(Debug)]
pub(crate) struct LayerMetadata {
    name: String,
    version: String,
    /// The default tools.
    tools: Vec<String>,
}

/// The metadata of a layer that the user has set.
#[derive(Debug, Default)]
pub(crate) struct MetadataOptions {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    /// The default tools, written like `TOOLS_LIST`.
    pub(crate) tools: Vec<String>,
}

/// A layer that was built.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) path: PathBuf,
    written: WrittenArchive,
    /// The files of the plugins.
    files: Vec<String>,
    /// The tools, in the order in which the host lists them.
    pub(crate) tools: Vec<String>,
}

impl LayerMetadata {
    /// Returns the metadata in the options. What is not set there is derived from the plugins.
    pub(crate) fn from_options(
        options: &MetadataOptions,
        packages: &Packages,
    ) -> Result<Self, CliError> {
        let version = match &options.version {
            Some(version) => version.clone(),
            None => common_version(&packages.plugins).ok_or_else(|| {
                let versions = packages
                    .plugins
                    .iter()
                    .map(|plugin| format!("{} {}", plugin.name, plugin.version));
                CliError::NoVersion(versions.collect())
            })?,
        };
        let name = options
            .name
            .clone()
            .unwrap_or_else(|| packages.name().to_owned());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(CliError::LayerName(name));
        }
        let tools = options.tools.iter().map(|entry| entry.trim().to_owned());
        Ok(Self {
            name,
            version,
            tools: tools.filter(|entry| !entry.is_empty()).collect(),
        })
    }
}

fn common_version(plugins: &[PluginPackage]) -> Option<String> {
    let (first, rest) = plugins.split_first()?;
    rest.iter()
        .all(|plugin| plugin.version == first.version)
        .then(|| first.version.clone())
}

/// The options of a build.
#[derive(Debug)]
pub(crate) struct BuildOptions<'a> {
    pub(crate) profile: Profile,
    pub(crate) platform: Platform,
    /// Other libraries to pack.
    pub(crate) includes: &'a [PathBuf],
}

/// A plugin that was built.
struct BuiltPlugin {
    file: String,
    /// The library to pack.
    content: Vec<u8>,
    /// The same library built for this machine, if this machine has a different CPU.
    native: Option<Vec<u8>>,
    described: LibraryDeclaration,
    split: Option<SplitLibrary>,
}

/// Builds plugins for this machine in the development profile, and unpacks the layer into a folder. The archive is also
/// kept in that folder.
pub(crate) fn build_for_development(packages: &Packages, opt: &Path) -> anyhow::Result<Layer> {
    let options = BuildOptions {
        profile: Profile::Dev,
        platform: Platform::native(),
        includes: &[],
    };
    let version = common_version(&packages.plugins);
    let metadata = LayerMetadata {
        name: packages.name().to_owned(),
        version: version.unwrap_or_else(|| "0.0.0-dev".to_owned()),
        tools: Vec::new(),
    };
    let layer = build(packages, &options, &metadata, &opt.join("layer.zip"))?;
    read::unpack(&layer.path, opt)?;
    Ok(layer)
}

/// Builds plugins and packs them into a layer.
pub(crate) fn build(
    packages: &Packages,
    options: &BuildOptions<'_>,
    metadata: &LayerMetadata,
    out: &Path,
) -> anyhow::Result<Layer> {
    // The folder in which plugins are opened, together with the libraries that they need, and then served.
    let folder = temp_dir::create()?;
    let lib = folder.path().join("lib");
    fs_err::create_dir(&lib)?;
    let mut entries = Vec::new();
    for path in options.includes {
        let entry = read_include(path, options.platform)?;
        fs_err::write(folder.path().join(&entry.path), &entry.content)?;
        entries.push(entry);
    }
    let mut built = Vec::new();
    for plugin in &packages.plugins {
        message!("building {}", plugin.name);
        built.push(build_plugin(plugin, &packages.remaps, options, &lib)?);
    }
    built.sort_by(|a, b| a.file.cmp(&b.file));

    // A library for another CPU cannot be opened here. A build of the same sources for this CPU is tested in its place.
    let native_content =
        |plugin: &BuiltPlugin| plugin.native.as_ref().unwrap_or(&plugin.content).clone();
    for entry in archive_entries(&built, metadata, std::env::consts::ARCH, native_content)? {
        fs_err::write(folder.path().join(&entry.path), &entry.content)?;
    }
    let tools = list_served_tools(folder.path(), &metadata.tools)?;

    entries.extend(archive_entries(
        &built,
        metadata,
        options.platform.arch.cpu(),
        |plugin| plugin.content.clone(),
    )?);
    let written = write::write(entries, out)?;
    let symbols = symbols::folder(out);
    for split in built.iter().filter_map(|plugin| plugin.split.as_ref()) {
        symbols::store(&symbols, split)?;
    }
    Ok(Layer {
        path: out.to_owned(),
        written,
        files: built.into_iter().map(|plugin| plugin.file).collect(),
        tools,
    })
}

/// Builds one plugin, and reads its declaration.
fn build_plugin(
    plugin: &PluginPackage,
    remaps: &[Remap],
    options: &BuildOptions<'_>,
    folder: &Path,
) -> anyhow::Result<BuiltPlugin> {
    let manifest = plugin.manifest_path.as_std_path();
    let (name, target) = (&plugin.name, Target::Plugin);
    let compile_native =
        |profile| compile::compile(name, manifest, target, profile, Linker::Native, remaps);
    let library = match options.profile {
        Profile::Dev => compile_native(Profile::Dev)?,
        Profile::Layer => compile::for_lambda(name, manifest, target, options.platform, remaps)?,
    };
    let name = library.file_name().unwrap_or_default();
    let file = name.to_string_lossy().into_owned();
    let mut content = fs_err::read(&library)?;
    let mut split = None;
    if options.profile == Profile::Layer {
        let split_library =
            debug_info::split_debug_info(content).map_err(|error| CliError::Library {
                path: library.clone(),
                problem: error.to_string(),
            })?;
        content = split_library.stripped.clone();
        split = Some(split_library);
    }
    let native = if options.platform.arch.is_native() {
        None
    } else {
        message!(
            "building {} for this machine, to read its declaration",
            plugin.name
        );
        Some(fs_err::read(compile_native(options.profile)?)?)
    };
    let opened = folder.join(&file);
    fs_err::write(&opened, native.as_ref().unwrap_or(&content))?;
    let described = describe::describe(&opened, None, child::CHILD_TIMEOUT);
    // The path at which the library was opened no longer exists, so replace it in the message.
    let described = described.map_err(|error| match error.downcast::<CliError>() {
        Ok(failure) => {
            let (opened, library) = (opened.display().to_string(), library.display().to_string());
            failure
                .map_message(|message| message.replace(&opened, &library))
                .into()
        }
        Err(error) => error,
    })?;
    Ok(BuiltPlugin {
        described,
        file,
        content,
        native,
        split,
    })
}

/// Reads a library from `--include`, which is packed unchanged.
fn read_include(path: &Path, Platform { arch, glibc }: Platform) -> anyhow::Result<Entry> {
    let content = std::fs::read(path).map_err(|error| CliError::unreadable(path, error))?;
    let refused = |problem: String| CliError::Library {
        path: path.to_owned(),
        problem,
    };
    let facts = elf::read_facts(&content).map_err(|error| refused(error.to_string()))?;
    if facts.cpu != arch.cpu() {
        return Err(refused(format!(
            "is for {}, but the layer is for {}",
            facts.cpu,
            arch.cpu()
        ))
        .into());
    }
    elf::check_glibc(path, glibc)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(Entry {
        path: format!("lib/{name}"),
        content,
        executable: false,
    })
}

/// Returns the entries of the archive: the libraries, and the manifest that lists them.
fn archive_entries(
    built: &[BuiltPlugin],
    metadata: &LayerMetadata,
    cpu: &str,
    content: impl Fn(&BuiltPlugin) -> Vec<u8>,
) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut plugins = Vec::new();
    for plugin in built {
        let content = content(plugin);
        let mut entry = manifest_entry(plugin.file.clone(), &content, &plugin.described);
        // A library for another CPU was not opened here, so the host must open it to read its declaration.
        let declaration = plugin.native.is_none().then(|| entry.declaration.get());
        entry.xxh3 = Some(Xxh3::new(&content, declaration));
        plugins.push(entry);
        entries.push(Entry {
            path: format!("lib/{}", plugin.file),
            content,
            executable: false,
        });
    }
    let manifest = Manifest {
        format: manifest::FORMAT,
        layer: LayerInfo {
            name: metadata.name.clone(),
            version: metadata.version.clone(),
            instructions: None,
            tools: metadata.tools.clone(),
        },
        cpu: cpu.to_owned(),
        declared_on: (cpu != std::env::consts::ARCH).then(|| std::env::consts::ARCH.to_owned()),
        plugins,
    };
    entries.push(Entry {
        path: format!("lib/{}{}", metadata.name, manifest::SUFFIX),
        content: serde_json::to_vec_pretty(&manifest)?,
        executable: false,
    });
    Ok(entries)
}

fn manifest_entry(file: String, content: &[u8], described: &LibraryDeclaration) -> PluginEntry {
    let LibraryDeclaration { text, declaration } = described.clone();
    PluginEntry {
        file,
        size: content.len() as u64,
        sha256: sha256(content),
        xxh3: None,
        krate: declaration.krate,
        sdk: declaration.sdk,
        payload: declaration.payload,
        abi: ABI_VERSION.to_owned(),
        min_host: declaration.min_host,
        panic: declaration.panic,
        digest: sha256(text.get().as_bytes()),
        declaration: text,
    }
}

/// Starts a host with this folder as `/opt`, and returns the tools that it lists. This proves that the layer can be
/// served.
fn list_served_tools(opt: &Path, selected: &[String]) -> anyhow::Result<Vec<String>> {
    let config = Config {
        plugin_dir: opt.join("lib"),
        on_bad_plugin: OnBadPlugin::Stop,
        tools_list: selected.to_vec(),
        ..Config::from_env(|_| None)
    };
    let server = McpServer::start(&config).map_err(|error| CliError::Reported {
        code: error.code().as_str().to_owned(),
        message: start_message(&error, opt),
    })?;
    Ok(server.tool_names().map(str::to_owned).collect())
}

/// Returns the message in terms of a build: with paths in the layer and options of this program.
fn start_message(error: &StartError, opt: &Path) -> String {
    let message = error.to_string();
    let message = message.replace(&format!("{}/", opt.display()), "");
    let by_option = message.replace("TOOLS_LIST: ", "--tools: ");
    match error.code() {
        ErrorCode::ToolsListUnmatched | ErrorCode::ToolsListAmbiguous => by_option,
        ErrorCode::ToolDuplicate => {
            format!("{message}\n  help: or build one layer for each plugin, with -p")
        }
        _ => message,
    }
}

impl Layer {
    /// Returns the SHA-256 of the archive.
    pub(crate) fn sha256(&self) -> &str {
        &self.written.sha256
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "layer: {}", self.path.display())?;
        writeln!(f, "size: {} bytes", self.written.size)?;
        writeln!(f, "sha256: {}", self.written.sha256)?;
        writeln!(f, "tools: {}", self.tools.join(", "))?;
        writeln!(f, "ENTRY_FILE={}", self.files.join(","))?;
        write!(f, "TOOLS_LIST={}", self.tools.join(","))
    }
}
