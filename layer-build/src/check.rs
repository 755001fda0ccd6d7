//! Does anything in these layers fail on Lambda, as far as that can be known before they are there?
//!
//! First what can be read (archives, sizes, every ELF file, manifests), then the proof: each plugin is opened, and a host
//! serves them all, as on Lambda. What cannot be seen from here is said as well.

mod finding;
mod libraries;
mod limits;
mod live;

use std::path::{Path, PathBuf};

use layer_format::manifest::{self, Manifest};
use serde::Serialize;

pub(crate) use finding::Check;
use finding::{Finding, Severity};
pub(crate) use limits::MAX_UPLOAD;
pub(crate) use live::emulator;

use crate::{
    cli,
    contents::{Contents, Kind},
    elf::{self, Facts},
    exit::Exit,
    out,
};

/// What a check has come to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    passed: bool,
    findings: Vec<Finding>,
    layers: Vec<Summary>,
    /// What the host lists.
    tools: Vec<String>,
    /// What could not be seen.
    not_seen: Vec<String>,
}

/// A layer in a line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    layer: PathBuf,
    /// Unit: bytes.
    zipped: u64,
    /// Unit: bytes.
    unzipped: u64,
    plugins: usize,
    cpu: Option<String>,
}

/// What is checked together: the layers in the function's order, and its own code.
struct Subject {
    layers: Vec<Layer>,
    host: Option<Layer>,
}

/// An archive, and what its ELF files and manifests say.
struct Layer {
    contents: Contents,
    libraries: Vec<Library>,
    manifests: Vec<Manifest>,
}

/// An ELF file.
struct Library {
    /// Its path in the archive.
    path: String,
    facts: Facts,
    is_plugin: bool,
    /// Where it really is, if this is a link.
    leads_to: Option<String>,
}

/// Check layers, and say what was found.
pub(crate) fn run(args: &cli::Check) -> anyhow::Result<Exit> {
    let report = examine(args)?;
    if args.json {
        out::line(serde_json::to_string_pretty(&report)?)?;
    } else {
        out::line(&report)?;
    }
    Ok(if report.passed {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// What is certain of a layer by reading it.
pub(crate) struct Certain {
    /// For people.
    pub(crate) findings: Vec<String>,
    pub(crate) fails: bool,
    /// As Rust names it.
    pub(crate) cpu: Option<String>,
    /// Of the archive. Unit: bytes.
    pub(crate) size: u64,
    /// The names and versions in its manifests.
    pub(crate) labels: Vec<String>,
}

impl Certain {
    /// Read a layer; nothing of it is run.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        let mut findings = Vec::new();
        let layer = read(path, &mut findings)?;
        let args = cli::Check::of(path);
        let subject = Subject {
            layers: layer.into_iter().collect(),
            host: None,
        };
        limits::check(&subject, &args, &mut findings);
        libraries::check(&subject, &[], &mut findings);
        // Whoever uploads it knows how.
        findings.retain(|finding| finding.code != Check::UploadTooLarge.as_str());
        let layer = subject.layers.first();
        let manifests = layer.iter().flat_map(|layer| &layer.manifests);
        let labels = manifests.map(|manifest| {
            let label = &manifest.layer;
            format!("{} {}", label.name, label.version)
        });
        Ok(Self {
            fails: findings
                .iter()
                .any(|finding| finding.severity == Severity::Error),
            findings: findings.iter().map(ToString::to_string).collect(),
            cpu: layer.and_then(Layer::cpu).map(str::to_owned),
            size: layer.map_or(0, |layer| layer.contents.size),
            labels: labels.collect(),
        })
    }
}

fn examine(args: &cli::Check) -> anyhow::Result<Report> {
    let mut findings = Vec::new();
    let mut layers = Vec::new();
    for path in &args.layers {
        layers.extend(read(path, &mut findings)?);
    }
    let host = match &args.host {
        Some(path) => read(path, &mut findings)?,
        None => None,
    };
    let is_whole = layers.len() == args.layers.len() && host.is_some() == args.host.is_some();
    let subject = Subject { layers, host };
    limits::check(&subject, args, &mut findings);
    libraries::check(&subject, &args.system_libraries, &mut findings);

    let mut not_seen = vec![
        "what the tools do when they are called, and what they reach: network, permissions, secrets, memory, time".to_owned(),
        "Amazon Linux 2023 itself: its glibc is compared by version, and its loader is not this system's".to_owned(),
    ];
    if args.host.is_none() {
        not_seen.push("the function's own code, which counts towards its size: name it by --host function.zip".to_owned());
    }
    let unpackable = |finding: &Finding| finding.code == Check::ArchivePath.as_str();
    let tools = if !is_whole || findings.iter().any(unpackable) {
        not_seen.push("the plugins at work: an archive cannot be unpacked".to_owned());
        Vec::new()
    } else {
        live::check(&subject, args, &mut findings, &mut not_seen)?
    };
    let fails = |finding: &Finding| args.strict || finding.severity == Severity::Error;
    Ok(Report {
        passed: !findings.iter().any(fails),
        layers: subject.layers.iter().map(Layer::summary).collect(),
        findings,
        tools,
        not_seen,
    })
}

/// Read an archive, and what its ELF files and manifests say.
fn read(path: &Path, findings: &mut Vec<Finding>) -> anyhow::Result<Option<Layer>> {
    let contents = match Contents::read(path)? {
        Ok(contents) => contents,
        Err(error) => {
            findings.push(Finding::new(
                Check::ArchiveInvalid,
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
        contents,
        libraries: Vec::new(),
        manifests: Vec::new(),
    };
    for file in &layer.contents.files {
        let at = || format!("{}: {}", path.display(), file.path);
        if file.leads_out {
            let (what, help) = match file.kind {
                Kind::Link => (
                    "a link that leads out of the archive",
                    "pack the file itself, or link it by a relative path to a file of the archive",
                ),
                _ => (
                    "a path that leads out of the archive",
                    "pack the files by relative paths; `cargo layer build` does",
                ),
            };
            findings.push(Finding::new(
                Check::ArchivePath,
                format!("{}: {what}", at()),
                help,
            ));
        }
        if file.kind != Kind::File {
            continue;
        }
        if elf::is_elf(&file.content) {
            let judged = host::plugin::check_library(Path::new(&file.path), &file.content);
            match elf::facts(&file.content) {
                Ok(facts) => layer.libraries.push(Library {
                    path: file.path.clone(),
                    facts,
                    is_plugin: judged.unwrap_or(false),
                    leads_to: file.leads_to.clone(),
                }),
                Err(error) => findings.push(Finding::new(
                    Check::LibraryUnreadable,
                    format!("{}: an ELF file that cannot be read: {error}", at()),
                    "copy or build it again",
                )),
            }
        }
        let name = file.path.strip_prefix("lib/").unwrap_or_default();
        if name.ends_with(manifest::SUFFIX) {
            match Manifest::parse(Path::new(&file.path), &file.content) {
                Ok(manifest) => layer.manifests.push(manifest),
                Err(error) => {
                    use layer_format::Code;
                    let message = format!("{}: {error}", path.display());
                    findings.push(Finding::of_host(error.code().as_str(), message));
                }
            }
        }
    }
    Ok(Some(layer))
}

impl Layer {
    fn summary(&self) -> Summary {
        Summary {
            layer: self.contents.path.clone(),
            zipped: self.contents.size,
            unzipped: self.contents.unpacked_size(),
            plugins: self.plugins().count(),
            cpu: self.cpu().map(str::to_owned),
        }
    }

    /// A place in it, for people.
    fn at(&self, path: &str) -> String {
        format!("{}: {path}", self.contents.path.display())
    }

    /// The plugins in its folder `lib`.
    fn plugins(&self) -> impl Iterator<Item = &Library> {
        let plugins = self.libraries.iter().filter(|library| library.is_plugin);
        plugins.filter(|library| library.name_in_lib().is_some())
    }

    /// The file names of those for this CPU.
    fn plugins_for(&self, cpu: &str) -> impl Iterator<Item = &str> {
        let plugins = self.plugins().filter(move |plugin| plugin.facts.cpu == cpu);
        plugins.filter_map(Library::name_in_lib)
    }

    /// The CPU that its manifest names, else that of its first library.
    fn cpu(&self) -> Option<&str> {
        let told = self.manifests.first().map(|manifest| manifest.cpu.as_str());
        told.or_else(|| Some(self.libraries.first()?.facts.cpu.as_str()))
    }

    /// Does one of its manifests tell of this file?
    fn declares(&self, file: &str) -> bool {
        let mut entries = self.manifests.iter().flat_map(|manifest| &manifest.plugins);
        entries.any(|entry| entry.file == file)
    }
}

impl Library {
    /// Its file name, if it is in the folder in which the host and the loader look.
    fn name_in_lib(&self) -> Option<&str> {
        let name = self.path.strip_prefix("lib/")?;
        (!name.contains('/')).then_some(name)
    }
}

impl Subject {
    /// The CPU that all have to be for: that of the function's own code, else of the first layer.
    fn cpu(&self) -> Option<&str> {
        let all = self.host.iter().chain(&self.layers);
        all.filter_map(Layer::cpu).next()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for layer in &self.layers {
            writeln!(
                f,
                "{}: {} for {}, {} bytes, {} unzipped",
                layer.layer.display(),
                counted(layer.plugins, "plugin"),
                layer.cpu.as_deref().unwrap_or("no CPU"),
                layer.zipped,
                layer.unzipped,
            )?;
        }
        let tools = match self.tools.as_slice() {
            [] => "nothing".to_owned(),
            tools => tools.join(", "),
        };
        writeln!(f, "served: {tools}")?;
        writeln!(f, "not seen from here:")?;
        for what in &self.not_seen {
            writeln!(f, "  - {what}")?;
        }
        let count = |severity, noun| {
            let findings = self.findings.iter();
            let of_it = findings.filter(|finding| finding.severity == severity);
            counted(of_it.count(), noun)
        };
        let outcome = if self.passed { "passed" } else { "failed" };
        let errors = count(Severity::Error, "error");
        let warnings = count(Severity::Warning, "warning");
        write!(f, "{outcome}: {errors}, {warnings}")
    }
}

/// `1 plugin`, `2 plugins`
fn counted(count: usize, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{end}")
}
