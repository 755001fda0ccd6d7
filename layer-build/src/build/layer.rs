//! A layer: the plugins' libraries and the manifest that tells of them.

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
        write::{self, Entry, Written},
    },
    build::{
        compile::{self, Linker, Profile, Remap, Target},
        packages::{Packages, Plugin},
        symbols,
    },
    error::Failure,
    library::{
        debug_info::{self, Halves},
        describe::{self, Described},
        elf,
        platform::Platform,
    },
    process::{child, temp_dir},
};

/// What a layer says of itself.
#[derive(Debug)]
pub(crate) struct Label {
    name: String,
    version: String,
    /// Its default tools.
    tools: Vec<String>,
}

/// What a layer is to say of itself, as far as somebody has asked for it.
#[derive(Debug, Default)]
pub(crate) struct LabelOptions {
    pub(crate) name: Option<String>,
    pub(crate) version: Option<String>,
    /// The default tools, written like `TOOLS_LIST`.
    pub(crate) tools: Vec<String>,
}

/// A layer that was built.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) path: PathBuf,
    written: Written,
    /// The plugins' files.
    files: Vec<String>,
    /// The tools, in the order in which the host lists them.
    pub(crate) tools: Vec<String>,
}

impl Label {
    /// As asked for, else by what the plugins have in common.
    pub(crate) fn of(options: &LabelOptions, packages: &Packages) -> Result<Self, Failure> {
        let version = match &options.version {
            Some(version) => version.clone(),
            None => common_version(&packages.plugins).ok_or_else(|| {
                let versions = packages
                    .plugins
                    .iter()
                    .map(|plugin| format!("{} {}", plugin.name, plugin.version));
                Failure::NoVersion(versions.collect())
            })?,
        };
        let name = options
            .name
            .clone()
            .unwrap_or_else(|| packages.name().to_owned());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(Failure::LayerName(name));
        }
        let tools = options.tools.iter().map(|entry| entry.trim().to_owned());
        Ok(Self {
            name,
            version,
            tools: tools.filter(|entry| !entry.is_empty()).collect(),
        })
    }
}

fn common_version(plugins: &[Plugin]) -> Option<String> {
    let (first, rest) = plugins.split_first()?;
    rest.iter()
        .all(|plugin| plugin.version == first.version)
        .then(|| first.version.clone())
}

/// How a layer is built.
#[derive(Debug)]
pub(crate) struct BuildOptions<'a> {
    pub(crate) profile: Profile,
    pub(crate) platform: Platform,
    /// Other libraries that are packed.
    pub(crate) includes: &'a [PathBuf],
}

/// A plugin that was built.
struct Part {
    file: String,
    /// What is packed.
    content: Vec<u8>,
    /// The same for this machine, where that is another.
    here: Option<Vec<u8>>,
    described: Described,
    halves: Option<Halves>,
}

/// Builds plugins for this machine, and for people who wait, and unpacks the layer into a folder, in which it stays as well.
pub(crate) fn build_for_development(packages: &Packages, opt: &Path) -> anyhow::Result<Layer> {
    let options = BuildOptions {
        profile: Profile::Dev,
        platform: Platform::like_this_machine(),
        includes: &[],
    };
    let version = common_version(&packages.plugins);
    let label = Label {
        name: packages.name().to_owned(),
        version: version.unwrap_or_else(|| "0.0.0-dev".to_owned()),
        tools: Vec::new(),
    };
    let layer = build(packages, &options, &label, &opt.join("layer.zip"))?;
    read::unpack(&layer.path, opt)?;
    Ok(layer)
}

/// Build plugins and pack them into a layer.
pub(crate) fn build(
    packages: &Packages,
    options: &BuildOptions<'_>,
    label: &Label,
    out: &Path,
) -> anyhow::Result<Layer> {
    // Where plugins are opened, with what they find beside them, and then served.
    let folder = temp_dir::folder()?;
    let lib = folder.path().join("lib");
    fs_err::create_dir(&lib)?;
    let mut entries = Vec::new();
    for path in options.includes {
        let entry = included(path, options.platform)?;
        fs_err::write(folder.path().join(&entry.path), &entry.content)?;
        entries.push(entry);
    }
    let mut parts = Vec::new();
    for plugin in &packages.plugins {
        eprintln!("building {}", plugin.name);
        parts.push(part(plugin, &packages.remaps, options, &lib)?);
    }
    parts.sort_by(|a, b| a.file.cmp(&b.file));

    // What is for another CPU is proven by what was built of the same sources for this one.
    let here = |part: &Part| part.here.as_ref().unwrap_or(&part.content).clone();
    for entry in packed(&parts, label, std::env::consts::ARCH, here)? {
        fs_err::write(folder.path().join(&entry.path), &entry.content)?;
    }
    let tools = tools(folder.path(), &label.tools)?;

    entries.extend(packed(
        &parts,
        label,
        options.platform.arch.cpu(),
        |part| part.content.clone(),
    )?);
    let written = write::write(entries, out)?;
    let symbols = symbols::folder(out);
    for halves in parts.iter().filter_map(|part| part.halves.as_ref()) {
        symbols::keep(&symbols, halves)?;
    }
    Ok(Layer {
        path: out.to_owned(),
        written,
        files: parts.into_iter().map(|part| part.file).collect(),
        tools,
    })
}

/// Build one plugin, and ask it what it declares.
fn part(
    plugin: &Plugin,
    remaps: &[Remap],
    options: &BuildOptions<'_>,
    folder: &Path,
) -> anyhow::Result<Part> {
    let manifest = plugin.manifest_path.as_std_path();
    let (name, target) = (&plugin.name, Target::Plugin);
    let for_this_machine =
        |profile| compile::compile(name, manifest, target, profile, Linker::Own, remaps);
    let library = match options.profile {
        Profile::Dev => for_this_machine(Profile::Dev)?,
        Profile::Layer => compile::for_lambda(name, manifest, target, options.platform, remaps)?,
    };
    let name = library.file_name().unwrap_or_default();
    let file = name.to_string_lossy().into_owned();
    let mut content = fs_err::read(&library)?;
    let mut halves = None;
    if options.profile == Profile::Layer {
        let of_library = debug_info::halves(content).map_err(|error| Failure::Library {
            path: library.clone(),
            problem: error.to_string(),
        })?;
        content = of_library.stripped.clone();
        halves = Some(of_library);
    }
    let here = if options.platform.arch.is_here() {
        None
    } else {
        eprintln!(
            "building {} for this machine, to ask it what it declares",
            plugin.name
        );
        Some(fs_err::read(for_this_machine(options.profile)?)?)
    };
    let opened = folder.join(&file);
    fs_err::write(&opened, here.as_ref().unwrap_or(&content))?;
    let described = describe::describe(&opened, None, child::PATIENCE);
    // Where it was opened it is no more.
    let described = described.map_err(|error| match error.downcast::<Failure>() {
        Ok(failure) => {
            let (opened, library) = (opened.display().to_string(), library.display().to_string());
            failure
                .told(|message| message.replace(&opened, &library))
                .into()
        }
        Err(error) => error,
    })?;
    Ok(Part {
        described,
        file,
        content,
        here,
        halves,
    })
}

/// A library that is packed as it is.
fn included(path: &Path, Platform { arch, glibc }: Platform) -> anyhow::Result<Entry> {
    let content = std::fs::read(path).map_err(|error| Failure::unreadable(path, error))?;
    let refused = |problem: String| Failure::Library {
        path: path.to_owned(),
        problem,
    };
    let facts = elf::facts(&content).map_err(|error| refused(error.to_string()))?;
    if facts.cpu != arch.cpu() {
        return Err(refused(format!(
            "for {}, the layer is for {}",
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

/// What is packed: the libraries, and the manifest that tells of them.
fn packed(
    parts: &[Part],
    label: &Label,
    cpu: &str,
    content: impl Fn(&Part) -> Vec<u8>,
) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut plugins = Vec::new();
    for part in parts {
        let content = content(part);
        let mut entry = entry(part.file.clone(), &content, &part.described);
        // One for another CPU was not asked itself: the host asks it.
        let declared = part.here.is_none().then(|| entry.declaration.get());
        entry.xxh3 = Some(Xxh3::new(&content, declared));
        plugins.push(entry);
        entries.push(Entry {
            path: format!("lib/{}", part.file),
            content,
            executable: false,
        });
    }
    let manifest = Manifest {
        format: manifest::FORMAT,
        layer: LayerInfo {
            name: label.name.clone(),
            version: label.version.clone(),
            instructions: None,
            tools: label.tools.clone(),
        },
        cpu: cpu.to_owned(),
        declared_on: (cpu != std::env::consts::ARCH).then(|| std::env::consts::ARCH.to_owned()),
        plugins,
    };
    entries.push(Entry {
        path: format!("lib/{}{}", label.name, manifest::SUFFIX),
        content: serde_json::to_vec_pretty(&manifest)?,
        executable: false,
    });
    Ok(entries)
}

fn entry(file: String, content: &[u8], described: &Described) -> PluginEntry {
    let Described { text, declaration } = described.clone();
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

/// What a host lists that is started where this is `/opt`: the proof that the layer can be served.
fn tools(opt: &Path, selected: &[String]) -> anyhow::Result<Vec<String>> {
    let config = Config {
        plugin_dir: opt.join("lib"),
        on_bad_plugin: OnBadPlugin::Stop,
        tools_list: selected.to_vec(),
        ..Config::from_env(|_| None)
    };
    let app = McpServer::start(&config).map_err(|error| Failure::Described {
        code: error.code().as_str().to_owned(),
        message: unservable(&error, opt),
    })?;
    Ok(app.tool_names().map(str::to_owned).collect())
}

/// In the words of whoever builds: of files of the layer, and of options.
fn unservable(error: &StartError, opt: &Path) -> String {
    let message = error.to_string();
    let message = message.replace(&format!("{}/", opt.display()), "");
    let by_option = message.replace("TOOLS_LIST: ", "--tools: ");
    match error.code() {
        ErrorCode::ToolsListUnmatched | ErrorCode::ToolsListAmbiguous => by_option,
        ErrorCode::ToolDuplicate => {
            format!("{message}\n  help: or build one layer of each plugin, by -p")
        }
        _ => message,
    }
}

impl Layer {
    /// Of the whole archive.
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
