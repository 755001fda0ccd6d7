//! `new`: creates a plugin crate with `cargo new`, and adds one tool and a test for it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value};

use crate::{
    args,
    build::{cargo, sdk_source::SdkSource},
    error::CliError,
    exit::Exit,
};

const LIBRARY_TEMPLATE: &str = include_str!("../../template/lib.rs");
/// The profile of a crate that is not in another workspace. Without debug information for the dependencies, the first
/// test takes a fifth less time to compile.
const PROFILE: &str = "\n[profile.dev.package.\"*\"]\ndebug = false\n";
const GITHUB_TEMPLATE: &str = include_str!("../../template/github.yml");

/// Creates a crate, and prints the next steps.
pub(crate) fn run(args: &args::build::New) -> anyhow::Result<Exit> {
    let name = args.path.file_name().unwrap_or_default();
    if ["plugin-sdk", "plugin_sdk"].iter().any(|sdk| name == *sdk) {
        return Err(CliError::NewIsSdk.into());
    }
    let snapshot = Snapshot::take(&args.path)?;
    let created = create(args);
    if created.is_err() {
        // Remove the incomplete crate.
        snapshot.restore()?;
    }
    let NewCrate { name, is_member } = created?;
    let path = args.path.display();
    let package = if is_member {
        format!(" -p {name}")
    } else {
        String::new()
    };
    message!("created the plugin crate {name} in {path}; run there:");
    message!("  cargo test{package}          runs its test");
    message!("  cargo layer dev{package}     serves its tool");
    message!("  cargo layer build{package}   makes layer.zip");
    Ok(Exit::Done)
}

fn create(args: &args::build::New) -> anyhow::Result<NewCrate> {
    // Cargo looks for a repository and a workspace only in existing folders above the new one, so create its parent.
    if let Some(parent) = args.path.parent() {
        fs_err::create_dir_all(Path::new(".").join(parent))?;
    }
    let mut cargo = cargo::command();
    cargo.args(["new", "--lib", "--quiet"]).arg(&args.path);
    let status = cargo.status().context("cargo cannot be run")?;
    if !status.success() {
        return Err(CliError::New(args.path.clone()).into());
    }
    add_plugin(args, &fs_err::canonicalize(&args.path)?)
}

/// The files before a crate was created.
struct Snapshot {
    /// The first folder in the path of the crate that did not exist.
    missing: Option<PathBuf>,
    /// The manifests above the crate, because cargo adds the crate to the manifest of its workspace.
    manifests: Vec<(PathBuf, Vec<u8>)>,
}

impl Snapshot {
    fn take(path: &Path) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        let way = path.ancestors();
        let missing = way.take_while(|folder| folder.symlink_metadata().is_err());
        let manifests = path.ancestors().skip(1).filter_map(|folder| {
            let manifest = folder.join("Cargo.toml");
            let content = fs_err::read(&manifest).ok()?;
            Some((manifest, content))
        });
        Ok(Self {
            missing: missing.last().map(Path::to_owned),
            manifests: manifests.collect(),
        })
    }

    fn restore(&self) -> anyhow::Result<()> {
        if let Some(folder) = self.missing.as_ref().filter(|folder| folder.exists()) {
            fs_err::remove_dir_all(folder)?;
        }
        for (path, content) in &self.manifests {
            if fs_err::read(path)? != *content {
                fs_err::write(path, content)?;
            }
        }
        Ok(())
    }
}

/// A crate that was created.
struct NewCrate {
    name: String,
    /// Whether it is a member of a workspace.
    is_member: bool,
}

/// Adds the files of a plugin to the crate.
fn add_plugin(args: &args::build::New, folder: &Path) -> anyhow::Result<NewCrate> {
    let sdk = args
        .sdk
        .clone()
        .unwrap_or_else(SdkSource::from_this_program);
    let path = folder.join("Cargo.toml");
    let mut metadata = cargo::metadata();
    let metadata = metadata.no_deps().manifest_path(&path).exec();
    let root = metadata
        .map_err(CliError::Metadata)?
        .workspace_root
        .into_std_path_buf();
    let inherited = args.sdk.is_none() && offers_sdk(&root)?;
    let mut manifest: DocumentMut = fs_err::read_to_string(&path)?.parse()?;
    let name = manifest["package"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let is_member = root != folder;
    let repository = repository(folder).unwrap_or_else(|| folder.to_owned());
    let workflow = match args.ci {
        Some(_) => Some(workflow(&name, folder, &repository, &sdk)?),
        None => None,
    };
    complete_manifest(&mut manifest, if inherited { None } else { Some(&sdk) });
    let profile = if is_member { "" } else { PROFILE };
    fs_err::write(&path, format!("{manifest}{profile}"))?;
    fs_err::write(folder.join("src/lib.rs"), LIBRARY_TEMPLATE)?;
    let ignored = folder.join(".gitignore");
    if ignored.is_file() {
        let text = fs_err::read_to_string(&ignored)?;
        fs_err::write(&ignored, format!("{text}*.zip\n*.symbols/\n"))?;
    }
    if let Some(workflow) = workflow {
        let workflows = repository.join(".github/workflows");
        fs_err::create_dir_all(&workflows)?;
        fs_err::write(workflows.join(format!("{name}.yml")), workflow)?;
    }
    Ok(NewCrate { name, is_member })
}

/// Reports whether the workspace lists plugin-sdk in `[workspace.dependencies]`.
fn offers_sdk(root: &Path) -> anyhow::Result<bool> {
    let manifest: DocumentMut = fs_err::read_to_string(root.join("Cargo.toml"))?.parse()?;
    let shared = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    Ok(shared.and_then(|shared| shared.get("plugin-sdk")).is_some())
}

/// Adds the tables that a plugin needs to the manifest. If `sdk` is `None`, plugin-sdk is inherited from the workspace.
fn complete_manifest(manifest: &mut DocumentMut, sdk: Option<&SdkSource>) {
    let mut library = Table::new();
    let kinds: Array = ["cdylib", "rlib"].into_iter().collect();
    library.insert("crate-type", kinds.into());
    let mut plain = dependency(sdk);
    plain.fmt();
    let mut testing = dependency(sdk);
    let features: Array = ["testing"].into_iter().collect();
    testing.insert("features", features.into());
    testing.fmt();
    let table = |dependency: InlineTable| {
        let mut table = Table::new();
        table.insert("plugin-sdk", Item::Value(Value::InlineTable(dependency)));
        Item::Table(table)
    };
    let lints = manifest.remove("lints");
    manifest.remove("dependencies");
    manifest.insert("lib", Item::Table(library));
    manifest.insert("dependencies", table(plain));
    manifest.insert("dev-dependencies", table(testing));
    if let Some(lints) = lints {
        manifest.insert("lints", lints);
    }
    // Order the tables as a reader expects them, instead of by the positions that cargo gave them.
    for (position, (_, item)) in manifest.iter_mut().enumerate() {
        if let Item::Table(table) = item {
            table.set_position(Some(position as isize));
            table
                .decor_mut()
                .set_prefix(if position == 0 { "" } else { "\n" });
        }
    }
}

fn dependency(sdk: Option<&SdkSource>) -> InlineTable {
    let mut table = InlineTable::new();
    match sdk {
        None => {
            table.insert("workspace", true.into());
        }
        Some(SdkSource::Path(folder)) => {
            table.insert("path", folder.to_string_lossy().into_owned().into());
        }
        Some(SdkSource::Git { url, revision }) => {
            table.insert("git", url.as_str().into());
            if let Some(revision) = revision {
                table.insert("rev", revision.as_str().into());
            }
        }
        Some(SdkSource::Version(version)) => {
            table.insert("version", version.as_str().into());
        }
    }
    table
}

/// Returns the root of the repository that a folder is in.
fn repository(folder: &Path) -> Option<PathBuf> {
    let mut git = Command::new("git");
    let output = git
        .args(["rev-parse", "--show-toplevel"])
        .current_dir(folder)
        .output()
        .ok()?;
    let root = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| root.trim_end().into())
}

fn workflow(
    name: &str,
    folder: &Path,
    repository: &Path,
    sdk: &SdkSource,
) -> Result<String, CliError> {
    let install = match sdk {
        SdkSource::Git { url, revision } => {
            let revision = revision
                .as_ref()
                .map(|revision| format!(" --rev {revision}"));
            format!(
                "cargo install --locked --git {url}{} cargo-layer",
                revision.unwrap_or_default()
            )
        }
        SdkSource::Version(version) => format!("cargo install --locked cargo-layer@{version}"),
        SdkSource::Path(sdk) => {
            let program = sdk.with_file_name("layer-build");
            let inside = program.strip_prefix(repository).ok();
            let inside = inside.ok_or_else(|| CliError::CiNeedsSdk(sdk.clone()))?;
            format!(
                "cargo install --locked --path \"$GITHUB_WORKSPACE/{}\"",
                inside.display()
            )
        }
    };
    let folder = match folder.strip_prefix(repository) {
        Ok(inside) if !inside.as_os_str().is_empty() => inside.display().to_string(),
        _ => ".".to_owned(),
    };
    Ok(GITHUB_TEMPLATE
        .replace("{{name}}", name)
        .replace("{{folder}}", &folder)
        .replace("{{install}}", &install))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_of_cargo_new_becomes_that_of_a_plugin() {
        let created = "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition.workspace = true\n\n[lints]\nworkspace = true\n\n[dependencies]\n";
        let mut manifest: DocumentMut = created.parse().unwrap();
        complete_manifest(&mut manifest, Some(&SdkSource::Version("0.1".to_owned())));
        let expected = r#"[package]
name = "a"
version = "0.1.0"
edition.workspace = true

[lib]
crate-type = ["cdylib", "rlib"]

[dependencies]
plugin-sdk = { version = "0.1" }

[dev-dependencies]
plugin-sdk = { version = "0.1", features = ["testing"] }

[lints]
workspace = true
"#;
        assert_eq!(manifest.to_string(), expected);
    }

    #[test]
    fn a_workflow_installs_this_program_from_the_sdk_source() {
        let (folder, repository) = (Path::new("/r/plugins/a"), Path::new("/r"));
        let for_git = |sdk: &str, revision: Option<&str>| {
            let sdk = SdkSource::Git {
                url: sdk.to_owned(),
                revision: revision.map(str::to_owned),
            };
            workflow("a", folder, repository, &sdk).unwrap()
        };
        let text = for_git("https://example.com/a", Some("0123"));
        assert!(
            text.contains(
                "- run: cargo install --locked --git https://example.com/a --rev 0123 cargo-layer\n"
            ),
            "{text}"
        );
        assert!(text.contains("working-directory: plugins/a\n"), "{text}");
        let inside = workflow(
            "a",
            folder,
            repository,
            &SdkSource::Path("/r/plugin-sdk".into()),
        )
        .unwrap();
        assert!(
            inside.contains("--path \"$GITHUB_WORKSPACE/layer-build\"\n"),
            "{inside}"
        );
        let outside = workflow(
            "a",
            folder,
            repository,
            &SdkSource::Path("/s/plugin-sdk".into()),
        );
        assert!(matches!(outside, Err(CliError::CiNeedsSdk(_))));
        assert!(
            !text.replace("${{ github.token }}", "").contains("{{"),
            "{text}"
        );
    }
}
