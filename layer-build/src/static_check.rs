//! Checks layers by reading them: for what fails on Lambda, or is known to be a problem there.
//!
//! Besides findings it imports `archive`, `aws` and `library`.

pub(crate) mod libraries;
pub(crate) mod limits;
pub(crate) mod subject;

use std::path::Path;

use crate::{
    finding::{FindingCode, Severity},
    static_check::{
        limits::SelectionOptions,
        subject::{Layer, Subject},
    },
};

/// What is certain of a layer by reading it.
pub(crate) struct StaticReport {
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

impl StaticReport {
    /// Read a layer; nothing of it is run.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let mut findings = Vec::new();
        let layer = subject::read(path, &mut findings)?;
        let subject = Subject {
            layers: layer.into_iter().collect(),
            host: None,
        };
        limits::check(&subject, 1, &SelectionOptions::default(), &mut findings);
        libraries::check(&subject, &[], &mut findings);
        // Whoever uploads it knows how.
        findings.retain(|finding| finding.code != FindingCode::UploadTooLarge.as_str());
        let layer = subject.layers.first();
        let manifests = layer.iter().flat_map(|layer| &layer.manifests);
        let labels = manifests.map(|manifest| {
            let info = &manifest.layer;
            format!("{} {}", info.name, info.version)
        });
        Ok(Self {
            fails: findings
                .iter()
                .any(|finding| finding.severity == Severity::Error),
            findings: findings.iter().map(ToString::to_string).collect(),
            cpu: layer.and_then(Layer::cpu).map(str::to_owned),
            size: layer.map_or(0, |layer| layer.archive.size),
            labels: labels.collect(),
        })
    }
}
