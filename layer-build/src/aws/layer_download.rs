//! Gets the layers of a function as files: downloads them, or uses copies on this machine.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use layer_format::sha256;
use tempfile::TempDir;

use crate::{
    archive::{
        inventory::{Inventory, Undeclared},
        read::Archive,
    },
    aws::{
        cli::{Aws, shell_quoted},
        error::DeployError,
        layer_version::LayerVersion,
    },
    error::CliError,
    process::temp_dir,
    terminal::progress::spinner,
};

/// The largest layer that is downloaded. Unit: bytes. Source: AWS Lambda Developer Guide, "Lambda quotas": a function
/// and its layers may have 250 MB unzipped, and an archive is never much larger than its content.
const MAX_DOWNLOAD: u64 = 300 << 20;

/// The layers of a function. A layer that is used several times is fetched only once.
pub(crate) struct LayerCache {
    by_arn: HashMap<String, CachedLayer>,
    _folder: TempDir,
}

/// A layer on this machine.
struct CachedLayer {
    /// The plugins; `None` if the layer has none.
    inventory: Option<Inventory>,
}

impl LayerCache {
    /// Gets all these layers. If `copies` has a copy of a layer, it is used instead of a download.
    pub(crate) fn fetch(
        aws: &Aws,
        arns: &[&LayerVersion],
        copies: &[PathBuf],
    ) -> anyhow::Result<Self> {
        let folder = temp_dir::create()?;
        let undeclared = match aws.dry_run {
            true => Undeclared::Refuse,
            false => Undeclared::Open,
        };
        let mut hashed = Vec::new();
        for copy in copies {
            let bytes = std::fs::read(copy).map_err(|error| CliError::unreadable(copy, error))?;
            hashed.push((copy, sha256(&bytes), false));
        }
        let mut by_arn: HashMap<String, CachedLayer> = HashMap::new();
        for arn in arns {
            let key = arn.to_string();
            if by_arn.contains_key(&key) {
                continue;
            }
            let args = [
                "lambda",
                "get-layer-version",
                "--layer-name",
                &arn.layer,
                "--version-number",
                &arn.version,
            ];
            let content = aws.query(&args)?["Content"].take();
            let hash = content["CodeSha256"].as_str().unwrap_or_default();
            let hash = hex_from_base64(hash);
            let copy = hashed
                .iter_mut()
                .find(|(_, sha256, _)| Some(sha256) == hash.as_ref());
            let path = match copy {
                Some((path, _, is_used)) => {
                    *is_used = true;
                    (*path).clone()
                }
                None => {
                    let name = format!("{}.zip", by_arn.len());
                    let path = folder.path().join(name);
                    let location = content["Location"].as_str().unwrap_or_default();
                    download(aws, &args, &key, location, &path)?;
                    path
                }
            };
            let bytes = fs_err::read(&path)?;
            let found = sha256(&bytes);
            if let Some(expected) = hash.filter(|hash| *hash != found) {
                let reason = format!(": its SHA-256 is {found}, not {expected}");
                return Err(DeployError::NoContent { arn: key, reason }.into());
            }
            by_arn.insert(key, CachedLayer::read(&path, undeclared)?);
        }
        if let Some((path, ..)) = hashed.iter().find(|(.., is_used)| !is_used) {
            let path = (*path).clone();
            let arns = arns.iter().map(ToString::to_string).collect();
            return Err(DeployError::UnmatchedCopy { path, arns }.into());
        }
        let _folder = folder;
        Ok(Self { by_arn, _folder })
    }

    /// Returns the inventories of these layers, in their order. Layers without plugins are omitted.
    pub(crate) fn inventories<'a>(
        &'a self,
        layers: &'a [LayerVersion],
    ) -> impl Iterator<Item = &'a Inventory> {
        let all = layers.iter().map(|layer| &self.by_arn[&layer.to_string()]);
        all.filter_map(|layer| layer.inventory.as_ref())
    }

    /// Reports whether a layer has plugins.
    pub(crate) fn has_plugins(&self, layer: &LayerVersion) -> bool {
        self.by_arn[&layer.to_string()].inventory.is_some()
    }
}

impl CachedLayer {
    fn read(path: &Path, undeclared: Undeclared) -> anyhow::Result<Self> {
        // A file that is not an archive is not a layer without plugins, but an error.
        Archive::read(path)?;
        let inventory = match Inventory::read(path, undeclared) {
            Ok(inventory) => Some(inventory),
            Err(error) => match error.downcast::<CliError>()? {
                CliError::NothingDeclared(_) => None,
                failure => return Err(failure.into()),
            },
        };
        Ok(Self { inventory })
    }
}

/// Downloads a file from a link that Lambda returned. The link is not printed, because for some minutes anyone can use
/// it.
fn download(
    aws: &Aws,
    args: &[&str],
    arn: &str,
    location: &str,
    path: &Path,
) -> anyhow::Result<()> {
    if !location.starts_with("http") {
        let arn = arn.to_owned();
        let reason = String::new();
        return Err(DeployError::NoContent { arn, reason }.into());
    }
    let args = [args, &["--query", "Content.Location", "--output", "text"]].concat();
    let shown = match path.file_name() {
        // Show only the file name: the folder will be removed before the user can run the command.
        Some(name) if aws.dry_run => name.to_string_lossy().into_owned(),
        _ => path.display().to_string(),
    };
    message!(
        "curl -so {} \"$({})\"",
        shell_quoted(&shown),
        aws.command_line(&args)
    );
    let _spinner = spinner(format!("downloading {arn}"));
    let failed = |error: ureq::Error| DeployError::NoContent {
        arn: arn.to_owned(),
        reason: format!(": {error}"),
    };
    let mut answer = ureq::get(location).call().map_err(failed)?;
    let body = answer.body_mut().with_config().limit(MAX_DOWNLOAD);
    let bytes = body.read_to_vec().map_err(failed)?;
    fs_err::write(path, bytes).context("a layer cannot be stored")?;
    Ok(())
}

/// Converts a hash from base64, which Lambda uses, to hex.
pub(crate) fn hex_from_base64(base64: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(base64).ok()?;
    let is_hash = bytes.len() == 32;
    is_hash.then(|| layer_format::hex(&bytes))
}
