//! `check`: finds problems that layers would have on Lambda, before they are deployed.
//!
//! First come the static checks (archives, sizes, every ELF file, manifests), then the live check: each plugin is
//! opened, and a host serves all of them, as on Lambda. The report also lists what could not be checked.

mod live;

use std::path::PathBuf;

use serde::Serialize;

use crate::{
    args,
    exit::Exit,
    finding::{Finding, FindingCode, Severity},
    static_check::{
        libraries,
        limits::{self, SelectionOptions},
        subject::{self, Layer, Subject},
        text,
    },
    terminal::stdout,
};

/// The result of a check.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    passed: bool,
    findings: Vec<Finding>,
    layers: Vec<LayerSummary>,
    /// The tools that the host lists.
    tools: Vec<String>,
    /// The parts that could not be checked.
    not_seen: Vec<String>,
}

/// The summary of a layer, which is printed as one line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerSummary {
    layer: PathBuf,
    /// Unit: bytes.
    zipped: u64,
    /// Unit: bytes.
    unzipped: u64,
    plugins: usize,
    cpu: Option<String>,
}

/// Checks layers, and prints the findings.
pub(crate) fn run(args: &args::layer::Check) -> anyhow::Result<Exit> {
    let report = examine(args)?;
    if args.json {
        stdout::line(serde_json::to_string_pretty(&report)?)?;
    } else {
        stdout::line(&report)?;
    }
    Ok(if report.passed {
        Exit::Done
    } else {
        Exit::Failed
    })
}

fn examine(args: &args::layer::Check) -> anyhow::Result<Report> {
    let mut findings = Vec::new();
    let mut layers = Vec::new();
    for path in &args.layers {
        layers.extend(subject::read(path, &mut findings)?);
    }
    let host = match &args.host {
        Some(path) => subject::read(path, &mut findings)?,
        None => None,
    };
    let is_complete = layers.len() == args.layers.len() && host.is_some() == args.host.is_some();
    let subject = Subject { layers, host };
    let selection = SelectionOptions {
        entry_file: args.entry_file.clone(),
        tools_list: args.tools_list.clone(),
    };
    limits::check(&subject, args.layers.len(), &selection, &mut findings);
    libraries::check(&subject, &args.system_libraries, &mut findings);
    text::check(&subject, &mut findings);

    let mut not_seen = vec![
        "calls of the tools, and what they use: network, permissions, secrets, memory, time".to_owned(),
        "Amazon Linux 2023 itself: its glibc is compared by version, and its loader is not this system's".to_owned(),
    ];
    if args.host.is_none() {
        not_seen.push("the function's own code, which counts towards the size: name it with --host function.zip".to_owned());
    }
    let unpackable = |finding: &Finding| finding.code == FindingCode::ArchivePath.as_str();
    let tools = if !is_complete || findings.iter().any(unpackable) {
        not_seen.push("the running plugins: an archive cannot be unpacked".to_owned());
        Vec::new()
    } else {
        live::check(&subject, args, &mut findings, &mut not_seen)?
    };
    let fails = |finding: &Finding| args.strict || finding.severity == Severity::Error;
    Ok(Report {
        passed: !findings.iter().any(fails),
        layers: subject
            .layers
            .iter()
            .map(LayerSummary::from_layer)
            .collect(),
        findings,
        tools,
        not_seen,
    })
}

impl LayerSummary {
    fn from_layer(layer: &Layer) -> Self {
        Self {
            layer: layer.archive.path.clone(),
            zipped: layer.archive.size,
            unzipped: layer.archive.unpacked_size(),
            plugins: layer.plugins().count(),
            cpu: layer.cpu().map(str::to_owned),
        }
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
                count_noun(layer.plugins, "plugin"),
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
        writeln!(f, "not checked:")?;
        for what in &self.not_seen {
            writeln!(f, "  - {what}")?;
        }
        let count = |severity, noun| {
            let findings = self.findings.iter();
            let matching = findings.filter(|finding| finding.severity == severity);
            count_noun(matching.count(), noun)
        };
        let outcome = if self.passed { "passed" } else { "failed" };
        let errors = count(Severity::Error, "error");
        let warnings = count(Severity::Warning, "warning");
        write!(f, "{outcome}: {errors}, {warnings}")
    }
}

/// Returns `1 plugin` or `2 plugins`.
fn count_noun(count: usize, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{end}")
}
