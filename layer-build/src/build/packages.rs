//! Finds the packages that are plugins.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
};

use cargo_metadata::{CrateType, Metadata, Package, camino::Utf8PathBuf};

use crate::{
    build::{cargo, compile::Remap},
    error::CliError,
};

/// A package that is a plugin.
#[derive(Debug)]
pub(crate) struct PluginPackage {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest_path: Utf8PathBuf,
}

/// The packages to build.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackageSelection {
    /// The names of the packages. If empty: every plugin that cargo would build by default.
    pub(crate) names: Vec<String>,
    /// The Cargo.toml to start from, if it is not the nearest one.
    pub(crate) manifest_path: Option<PathBuf>,
}

/// The plugins to build, and facts about their workspace.
#[derive(Debug)]
pub(crate) struct Packages {
    pub(crate) plugins: Vec<PluginPackage>,
    /// The folders with sources: those of the plugins, and those of their local dependencies.
    pub(crate) sources: BTreeSet<Utf8PathBuf>,
    /// Folders of this machine that cargo names by their absolute paths, and the names that replace them in a layer.
    pub(crate) remaps: Vec<Remap>,
    pub(crate) workspace_root: Utf8PathBuf,
    pub(crate) target_dir: Utf8PathBuf,
}

impl Packages {
    /// Returns the default name of a layer with these plugins.
    pub(crate) fn name(&self) -> &str {
        match self.plugins.as_slice() {
            [plugin] => &plugin.name,
            _ => "tools",
        }
    }
}

/// Returns the Cargo.toml to start from: the given one, else the nearest one in the current folder or above it, as for
/// cargo.
pub(crate) fn manifest(selection: &PackageSelection) -> io::Result<PathBuf> {
    if let Some(path) = &selection.manifest_path {
        return std::path::absolute(path);
    }
    let here = std::env::current_dir()?;
    let mut candidates = here.ancestors().map(|folder| folder.join("Cargo.toml"));
    let nearest = candidates.find(|path| path.is_file());
    Ok(nearest.unwrap_or_else(|| here.join("Cargo.toml")))
}

/// Finds the given packages, else those that cargo would build by default, in cargo's order.
pub(crate) fn find(selection: &PackageSelection) -> Result<Packages, CliError> {
    let mut command = cargo::metadata();
    command.no_deps();
    if let Some(path) = &selection.manifest_path {
        command.manifest_path(path);
    }
    let metadata = command.exec()?;
    let chosen = if selection.names.is_empty() {
        default_packages(&metadata)?
    } else {
        find_named(&metadata, &selection.names)?
    };
    let sources = sources(&metadata, &chosen);
    let plugins = chosen
        .into_iter()
        .map(|package| PluginPackage {
            name: package.name.to_string(),
            version: package.version.to_string(),
            manifest_path: package.manifest_path.clone(),
        })
        .collect();
    Ok(Packages {
        plugins,
        remaps: remaps(&metadata, &sources),
        sources: sources.into_keys().collect(),
        workspace_root: metadata.workspace_root,
        target_dir: metadata.target_directory,
    })
}

/// Returns the names that replace folders. Folders of packages outside of the workspace get the names of the packages;
/// nested folders come later. Cargo's output folder, into which build scripts write sources, gets a name too.
fn remaps(metadata: &Metadata, sources: &BTreeMap<Utf8PathBuf, String>) -> Vec<Remap> {
    let root = &metadata.workspace_root;
    let outside = sources
        .iter()
        .filter(|(folder, _)| !folder.starts_with(root));
    let outside = outside.map(|(folder, name)| (folder.clone().into(), format!("/src/{name}")));
    let target = metadata.target_directory.clone().into();
    outside.chain([(target, "/target".to_owned())]).collect()
}

/// Returns the folders of packages and of their path dependencies, with the packages' names.
fn sources(metadata: &Metadata, packages: &[&Package]) -> BTreeMap<Utf8PathBuf, String> {
    let folder = |package: &Package| package.manifest_path.parent().map(Utf8PathBuf::from);
    let named = |package: &&Package| Some((folder(package)?, package.name.to_string()));
    let mut found = BTreeMap::new();
    let mut open: Vec<_> = packages.iter().filter_map(named).collect();
    while let Some((path, name)) = open.pop() {
        if found.insert(path.clone(), name).is_some() {
            continue;
        }
        let member = metadata
            .packages
            .iter()
            .find(|package| folder(package).as_ref() == Some(&path));
        let other_workspace = match member {
            Some(_) => None,
            // The package is in another workspace.
            None => cargo::metadata()
                .no_deps()
                .manifest_path(path.join("Cargo.toml"))
                .exec()
                .ok(),
        };
        let others = other_workspace
            .iter()
            .flat_map(|metadata| &metadata.packages);
        let package = member.or_else(|| {
            let mut others = others.into_iter();
            others.find(|package| folder(package).as_ref() == Some(&path))
        });
        let dependencies = package.iter().flat_map(|package| &package.dependencies);
        let by_path = dependencies.filter_map(|dependency| {
            let path = dependency.path.clone()?;
            Some((path, dependency.name.clone()))
        });
        open.extend(by_path);
    }
    found
}

fn find_named<'a>(metadata: &'a Metadata, names: &[String]) -> Result<Vec<&'a Package>, CliError> {
    let members = metadata.workspace_packages();
    let one = |name: &String| {
        let package = members
            .iter()
            .find(|package| package.name.as_str() == name)
            .ok_or_else(|| CliError::UnknownPackage {
                name: name.clone(),
                known: members
                    .iter()
                    .map(|package| package.name.to_string())
                    .collect(),
            })?;
        if is_plugin(package) {
            Ok(*package)
        } else {
            Err(CliError::NoPlugin(format!(
                "the package {name} is not a plugin"
            )))
        }
    };
    // A package that is named twice is built once.
    let distinct: BTreeSet<_> = names.iter().collect();
    distinct.into_iter().map(one).collect()
}

fn default_packages(metadata: &Metadata) -> Result<Vec<&Package>, CliError> {
    let default = metadata.workspace_default_packages();
    let plugins: Vec<_> = default
        .into_iter()
        .filter(|package| is_plugin(package))
        .collect();
    if plugins.is_empty() {
        return Err(CliError::NoPlugin(format!(
            "there is no plugin in {}",
            metadata.workspace_root
        )));
    }
    Ok(plugins)
}

fn is_plugin(package: &Package) -> bool {
    let is_cdylib = package
        .targets
        .iter()
        .any(|target| target.crate_types.contains(&CrateType::CDyLib));
    is_cdylib
        && package
            .dependencies
            .iter()
            .any(|dependency| dependency.name == "plugin-sdk")
}
