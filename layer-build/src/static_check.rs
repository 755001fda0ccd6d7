//! Checks layers for known problems on Lambda, without running any of their code.
//!
//! Besides the findings, this module imports only `archive`, `aws` and `library`.

pub(crate) mod libraries;
pub(crate) mod limits;
pub(crate) mod subject;
pub(crate) mod text;

use std::path::Path;

use crate::{
    finding::{FindingCode, Severity},
    static_check::{
        limits::SelectionOptions,
        subject::{Layer, Subject},
    },
};

/// The result of reading a layer.
pub(crate) struct StaticReport {
    /// The findings, as lines for the user.
    pub(crate) findings: Vec<String>,
    pub(crate) fails: bool,
    /// The CPU, by Rust's name.
    pub(crate) cpu: Option<String>,
    /// The size of the archive. Unit: bytes.
    pub(crate) size: u64,
    /// The names and versions in its manifests.
    pub(crate) labels: Vec<String>,
}

impl StaticReport {
    /// Reads and checks a layer, without running any of its code.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let mut findings = Vec::new();
        let layer = subject::read(path, &mut findings)?;
        let subject = Subject {
            layers: layer.into_iter().collect(),
            host: None,
        };
        limits::check(&subject, 1, &SelectionOptions::default(), &mut findings);
        libraries::check(&subject, &[], &mut findings);
        text::check(&subject, &mut findings);
        // Larger archives can be uploaded too, through S3.
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
