//! The layers of a function, as files: downloaded, or copies that are here already.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use layer_format::sha256;
use tempfile::TempDir;

use crate::{
    archive::{inventory::Declared, read::Contents},
    aws::{
        cli::{Aws, quoted},
        error::Deployment,
        layer_version::LayerVersion,
    },
    error::Failure,
    process::temp_dir,
    terminal::progress::doing,
};

/// The largest layer that is downloaded. Unit: bytes. Source: AWS Lambda Developer Guide, "Lambda quotas": function and layers
/// have 250 MB unzipped, and no archive is much larger than what is in it.
const MAX_LAYER: u64 = 300 << 20;

/// Layers, each once.
pub(crate) struct Fetched {
    by_arn: HashMap<String, Layer>,
    _folder: TempDir,
}

/// A layer that is here.
struct Layer {
    /// `None`: no plugin is in it.
    declared: Option<Declared>,
}

impl Fetched {
    /// Get all these layers. A file of `copies` takes the place of a download.
    pub(crate) fn get(
        aws: &Aws,
        arns: &[&LayerVersion],
        copies: &[PathBuf],
    ) -> anyhow::Result<Self> {
        let folder = temp_dir::folder()?;
        let mut hashed = Vec::new();
        for copy in copies {
            let bytes = std::fs::read(copy).map_err(|error| Failure::unreadable(copy, error))?;
            hashed.push((copy, sha256(&bytes), false));
        }
        let mut by_arn: HashMap<String, Layer> = HashMap::new();
        for arn in arns {
            let key = arn.to_string();
            if by_arn.contains_key(&key) {
                continue;
            }
            let words = [
                "lambda",
                "get-layer-version",
                "--layer-name",
                &arn.layer,
                "--version-number",
                &arn.version,
            ];
            let content = aws.ask(&words)?["Content"].take();
            let hash = content["CodeSha256"].as_str().unwrap_or_default();
            let hash = hex(hash);
            let copy = hashed
                .iter_mut()
                .find(|(_, of, _)| Some(of) == hash.as_ref());
            let path = match copy {
                Some((path, _, is_used)) => {
                    *is_used = true;
                    (*path).clone()
                }
                None => {
                    let name = format!("{}.zip", by_arn.len());
                    let path = folder.path().join(name);
                    let location = content["Location"].as_str().unwrap_or_default();
                    download(aws, &words, &key, location, &path)?;
                    path
                }
            };
            let bytes = fs_err::read(&path)?;
            let found = sha256(&bytes);
            if let Some(expected) = hash.filter(|hash| *hash != found) {
                let why = format!(": its SHA-256 is {found}, not {expected}");
                return Err(Deployment::NoContent { arn: key, why }.into());
            }
            by_arn.insert(key, Layer::read(&path)?);
        }
        if let Some((path, ..)) = hashed.iter().find(|(.., is_used)| !is_used) {
            let path = (*path).clone();
            let arns = arns.iter().map(ToString::to_string).collect();
            return Err(Deployment::CopyOfNothing { path, arns }.into());
        }
        let _folder = folder;
        Ok(Self { by_arn, _folder })
    }

    /// What these layers declare, in their order; those without plugins declare nothing.
    pub(crate) fn declared<'a>(
        &'a self,
        layers: &'a [LayerVersion],
    ) -> impl Iterator<Item = &'a Declared> {
        let all = layers.iter().map(|layer| &self.by_arn[&layer.to_string()]);
        all.filter_map(|layer| layer.declared.as_ref())
    }

    /// Does a layer have plugins?
    pub(crate) fn has_plugins(&self, layer: &LayerVersion) -> bool {
        self.by_arn[&layer.to_string()].declared.is_some()
    }
}

impl Layer {
    fn read(path: &Path) -> anyhow::Result<Self> {
        // What is no archive is no layer either.
        Contents::of(path)?;
        let declared = match Declared::read(path) {
            Ok(declared) => Some(declared),
            Err(error) => match error.downcast::<Failure>()? {
                Failure::NothingDeclared(_) => None,
                failure => return Err(failure.into()),
            },
        };
        Ok(Self { declared })
    }
}

/// What a link of Lambda's leads to, for some minutes and for everyone who has it: it is not printed.
fn download(
    aws: &Aws,
    words: &[&str],
    arn: &str,
    location: &str,
    path: &Path,
) -> anyhow::Result<()> {
    if !location.starts_with("http") {
        let arn = arn.to_owned();
        let why = String::new();
        return Err(Deployment::NoContent { arn, why }.into());
    }
    let words = [words, &["--query", "Content.Location", "--output", "text"]].concat();
    let shown = match path.file_name() {
        // The folder is gone before anybody could type this.
        Some(name) if aws.dry_run => name.to_string_lossy().into_owned(),
        _ => path.display().to_string(),
    };
    eprintln!("curl -so {} \"$({})\"", quoted(&shown), aws.shown(&words));
    let _doing = doing(format!("downloading {arn}"));
    let failed = |error: ureq::Error| Deployment::NoContent {
        arn: arn.to_owned(),
        why: format!(": {error}"),
    };
    let mut answer = ureq::get(location).call().map_err(failed)?;
    let body = answer.body_mut().with_config().limit(MAX_LAYER);
    let bytes = body.read_to_vec().map_err(failed)?;
    fs_err::write(path, bytes).context("a layer cannot be kept")?;
    Ok(())
}

/// A hash in hex, of how Lambda writes it.
pub(crate) fn hex(base64: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(base64).ok()?;
    let is_hash = bytes.len() == 32;
    is_hash.then(|| layer_format::hex(&bytes))
}
