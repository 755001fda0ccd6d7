//! A layer: the plugins' libraries and the manifest that tells of them.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use host::{
    app::App,
    config::{Config, OnBadPlugin},
    plugin::{
        ABI_VERSION,
        manifest::{self, LayerInfo, Manifest, PluginEntry, sha256},
    },
};

use crate::{
    archive::{self, Entry, Written},
    child, cli,
    compile::{self, Profile, Target},
    describe::{self, Described},
    elf,
    error::Failure,
    packages::{Packages, Plugin},
    strip, symbols,
};

/// What a layer says of itself.
#[derive(Debug)]
pub(crate) struct Label {
    name: String,
    version: String,
    /// Its default tools.
    tools: Vec<String>,
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
    pub(crate) fn of(args: &cli::Build, packages: &Packages) -> Result<Self, Failure> {
        let version = match &args.version {
            Some(version) => version.clone(),
            None => common_version(&packages.plugins).ok_or_else(|| {
                let versions = packages
                    .plugins
                    .iter()
                    .map(|plugin| format!("{} {}", plugin.name, plugin.version));
                Failure::NoVersion(versions.collect())
            })?,
        };
        let name = args
            .name
            .clone()
            .unwrap_or_else(|| default_name(&packages.plugins));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(Failure::LayerName(name));
        }
        let tools = args.tools.iter().map(|entry| entry.trim().to_owned());
        Ok(Self {
            name,
            version,
            tools: tools.filter(|entry| !entry.is_empty()).collect(),
        })
    }

    /// For a layer that lives only on this machine.
    pub(crate) fn for_development(packages: &Packages) -> Self {
        let version = common_version(&packages.plugins).unwrap_or_else(|| "0.0.0-dev".to_owned());
        Self {
            name: default_name(&packages.plugins),
            version,
            tools: Vec::new(),
        }
    }
}

fn default_name(plugins: &[Plugin]) -> String {
    match plugins {
        [plugin] => plugin.name.clone(),
        _ => "tools".to_owned(),
    }
}

fn common_version(plugins: &[Plugin]) -> Option<String> {
    let (first, rest) = plugins.split_first()?;
    rest.iter()
        .all(|plugin| plugin.version == first.version)
        .then(|| first.version.clone())
}

/// Build plugins and pack them into a layer.
pub(crate) fn build(
    packages: &Packages,
    profile: Profile,
    label: &Label,
    out: &Path,
) -> anyhow::Result<Layer> {
    let mut entries = Vec::new();
    let mut plugins = Vec::new();
    let mut halves = Vec::new();
    let folder = tempfile::tempdir()?;
    for plugin in &packages.plugins {
        eprintln!("building {}", plugin.name);
        let library = compile::compile(
            &plugin.name,
            plugin.manifest_path.as_std_path(),
            Target::Plugin,
            profile,
        )?;
        let file = library
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut packed = library.clone();
        if profile == Profile::Layer {
            elf::check_glibc(&library)?;
            let of_library = strip::halves(fs_err::read(&library)?);
            let of_library = of_library.map_err(|error| Failure::Library {
                path: library,
                problem: error.to_string(),
            })?;
            packed = folder.path().join(&file);
            fs_err::write(&packed, &of_library.stripped)?;
            halves.push(of_library);
        }
        let described = describe::describe(&packed, None, child::PATIENCE)?;
        let content = fs_err::read(&packed)?;
        plugins.push(entry(file.clone(), &content, described));
        entries.push(Entry {
            path: format!("lib/{file}"),
            content,
            executable: false,
        });
    }
    plugins.sort_by(|a, b| a.file.cmp(&b.file));
    let files = plugins.iter().map(|plugin| plugin.file.clone()).collect();
    let manifest = Manifest {
        format: manifest::FORMAT,
        layer: LayerInfo {
            name: label.name.clone(),
            version: label.version.clone(),
            instructions: None,
            tools: label.tools.clone(),
        },
        cpu: std::env::consts::ARCH.to_owned(),
        plugins,
    };
    let path = format!("lib/{}{}", label.name, manifest::SUFFIX);
    entries.push(Entry {
        path,
        content: serde_json::to_vec_pretty(&manifest)?,
        executable: false,
    });
    let bytes = archive::packed(entries)?;
    // It appears when it is known to be good.
    let draft = folder.path().join("layer.zip");
    archive::place(&bytes, &draft)?;
    let tools = tools(&draft, &label.tools)?;
    let written = archive::place(&bytes, out)?;
    let symbols = symbols::folder(out);
    for halves in &halves {
        symbols::keep(&symbols, halves)?;
    }
    Ok(Layer {
        path: out.to_owned(),
        written,
        files,
        tools,
    })
}

fn entry(file: String, content: &[u8], described: Described) -> PluginEntry {
    let Described { text, declaration } = described;
    PluginEntry {
        file,
        size: content.len() as u64,
        sha256: sha256(content),
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

/// What a host lists that is started on this layer: the proof that it can be served.
fn tools(layer: &Path, selected: &[String]) -> anyhow::Result<Vec<String>> {
    let opt = tempfile::tempdir()?;
    archive::unpack(layer, opt.path())?;
    let config = Config {
        plugin_dir: opt.path().join("lib"),
        on_bad_plugin: OnBadPlugin::Stop,
        tools_list: selected.to_vec(),
        ..Config::from_env(|_| None)
    };
    let app = App::start(&config).map_err(Failure::Unservable)?;
    Ok(app.tool_names().map(str::to_owned).collect())
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
