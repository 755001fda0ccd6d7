//! Builds layers for this machine: from sources to a folder that a host can serve.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    args,
    build::{
        layer::{self, Layer},
        packages::{self, PackageSelection, Packages},
    },
    mcp::client_setup::{self, ServerEndpoint},
    process::{env_file, temp_dir},
};

/// A builder that can build repeatedly.
#[derive(Debug)]
pub(crate) struct DevBuilder {
    selection: PackageSelection,
    /// The file with environment variables for tools. It may be missing if the user did not name it.
    env_file: PathBuf,
    is_env_file_required: bool,
    /// Whether tools also get the environment variables of the shell.
    has_shell: bool,
    /// The packages, as they were at the start.
    packages: Packages,
    /// The folder for layers.
    folder: PathBuf,
    /// The key that seals state which clients send back. All hosts that are started one after the other use the same
    /// key.
    state_key: String,
}

/// A layer that was built and unpacked into a separate folder, because the previous host may still be serving from the
/// previous folder.
#[derive(Debug)]
pub(crate) struct BuiltLayer {
    pub(crate) layer: Layer,
    opt: TempDir,
    /// The additional environment variables that tools get.
    variables: Vec<(String, String)>,
}

impl DevBuilder {
    /// Finds the packages to build.
    pub(crate) fn new(args: &args::build::Dev) -> anyhow::Result<Self> {
        let selection = args.packages.selection();
        let packages = packages::find(&selection)?;
        let folder = packages.target_dir.as_std_path().join("layer-dev");
        fs_err::create_dir_all(&folder)?;
        temp_dir::remove_stale(&folder);
        let manifest = packages::manifest(&selection)?;
        let env_file = args.env_file.clone();
        Ok(Self {
            selection,
            is_env_file_required: env_file.is_some(),
            has_shell: args.event.is_none(),
            env_file: env_file.unwrap_or_else(|| manifest.with_file_name(".env")),
            packages,
            folder,
            state_key: format!(
                "{}{}",
                uuid::Uuid::new_v4().simple(),
                uuid::Uuid::new_v4().simple()
            ),
        })
    }

    /// Returns the name of the server that clients see.
    pub(crate) fn name(&self) -> &str {
        self.packages.name()
    }

    /// Returns the folders and files to watch.
    pub(crate) fn sources(&self) -> Sources {
        // The manifests may have changed. If they cannot be read at the moment, use the previous packages.
        let found = packages::find(&self.selection);
        let packages = found.as_ref().unwrap_or(&self.packages);
        Sources {
            trees: packages
                .sources
                .iter()
                .map(|path| path.as_std_path().to_owned())
                .collect(),
            files: [
                packages
                    .workspace_root
                    .join("Cargo.toml")
                    .into_std_path_buf(),
                packages
                    .workspace_root
                    .join("Cargo.lock")
                    .into_std_path_buf(),
                self.env_file.clone(),
            ]
            .into(),
            excluded: packages.target_dir.as_std_path().to_owned(),
        }
    }

    /// Builds the layer and unpacks it.
    pub(crate) fn build(&self) -> anyhow::Result<BuiltLayer> {
        let mut variables = env_file::read(&self.env_file, self.is_env_file_required)?;
        variables.retain(|(name, _)| !self.is_in_shell(name));
        let packages = packages::find(&self.selection)?;
        let opt = temp_dir::create_in(&self.folder)?;
        // The archive is in this separate folder too, because other builds may run at the same time.
        let layer = layer::build_for_development(&packages, opt.path())?;
        Ok(BuiltLayer {
            variables: self.with_host_variables(variables, opt.path()),
            layer,
            opt,
        })
    }

    /// Reports whether tools get the environment variable of this name from the shell.
    fn is_in_shell(&self, name: &str) -> bool {
        self.has_shell && std::env::var_os(name).is_some()
    }

    /// Adds the environment variables that the host needs, unless the user has set them.
    fn with_host_variables(
        &self,
        mut variables: Vec<(String, String)>,
        opt: &Path,
    ) -> Vec<(String, String)> {
        for (name, value) in [
            // Clients must not cache the list of tools, because it changes.
            ("MCP_LIST_TTL_MS", "0"),
            ("MCP_STATE_KEY", &self.state_key),
        ] {
            let is_set = variables.iter().any(|(set, _)| set == name);
            if !is_set && !self.is_in_shell(name) {
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
        let lib = opt.join("lib").display().to_string();
        variables.push(("MCP_PLUGIN_DIR".to_owned(), lib));
        variables
    }

    /// Returns the endpoint of a server that the client starts itself.
    pub(crate) fn stdio_server(&self) -> anyhow::Result<ServerEndpoint> {
        let mut command = client_setup::dev_command(&self.selection)?;
        if self.is_env_file_required {
            let path = std::path::absolute(&self.env_file)?;
            command.extend(["--env-file".to_owned(), path.display().to_string()]);
        }
        Ok(ServerEndpoint::Stdio {
            command,
            env: Vec::new(),
        })
    }
}

impl BuiltLayer {
    /// Reports whether a host would serve the same with the other layer.
    pub(crate) fn serves_same(&self, other: &Self) -> bool {
        let tool_variables = |built: &Self| {
            let variables = built
                .variables
                .iter()
                .filter(|(name, _)| name != "MCP_PLUGIN_DIR");
            variables.cloned().collect::<Vec<_>>()
        };
        self.layer.sha256() == other.layer.sha256() && tool_variables(self) == tool_variables(other)
    }

    /// Returns the environment variables for a host that serves this layer.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the folder that is `/opt` on Lambda.
    pub(crate) fn opt(&self) -> &Path {
        self.opt.path()
    }
}

/// The folders and files to watch for changes.
#[derive(Debug)]
pub(crate) struct Sources {
    /// Folders to watch with their whole content, except for files that git ignores.
    pub(crate) trees: BTreeSet<PathBuf>,
    /// Further files to watch.
    pub(crate) files: BTreeSet<PathBuf>,
    /// The output folder of cargo.
    pub(crate) excluded: PathBuf,
}
