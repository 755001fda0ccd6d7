//! Where layers for this machine are made: from sources to a folder that a host can serve.

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

/// What is built, again and again.
#[derive(Debug)]
pub(crate) struct DevBuilder {
    selection: PackageSelection,
    /// The file of variables for tools, which need not be there unless it was asked for.
    env_file: PathBuf,
    is_env_file_required: bool,
    /// Do tools see the variables of the shell as well?
    has_shell: bool,
    /// As it was at the start.
    packages: Packages,
    /// Where layers are made.
    folder: PathBuf,
    /// The seal of the states that clients carry: it outlives the hosts that are started one after the other.
    state_key: String,
}

/// A layer that was built, unpacked into a folder of its own: another host may still be serving from another.
#[derive(Debug)]
pub(crate) struct BuiltLayer {
    pub(crate) layer: Layer,
    opt: TempDir,
    /// What tools see, besides.
    variables: Vec<(String, String)>,
}

impl DevBuilder {
    /// Find what there is to build.
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

    /// The name under which clients know the server.
    pub(crate) fn name(&self) -> &str {
        self.packages.name()
    }

    /// The folders whose files matter.
    pub(crate) fn sources(&self) -> Sources {
        // The manifests may have changed; as long as they cannot be read, what they said before counts.
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

    /// Build and unpack.
    pub(crate) fn build(&self) -> anyhow::Result<BuiltLayer> {
        let mut variables = env_file::read(&self.env_file, self.is_env_file_required)?;
        variables.retain(|(name, _)| !self.is_in_shell(name));
        let packages = packages::find(&self.selection)?;
        let opt = temp_dir::create_in(&self.folder)?;
        // In a folder of its own as well: others may be building beside this.
        let layer = layer::build_for_development(&packages, opt.path())?;
        Ok(BuiltLayer {
            variables: self.with_host_variables(variables, opt.path()),
            layer,
            opt,
        })
    }

    /// Does the shell say what a tool sees under this name?
    fn is_in_shell(&self, name: &str) -> bool {
        self.has_shell && std::env::var_os(name).is_some()
    }

    /// What the host needs to know, unless the user has said otherwise.
    fn with_host_variables(
        &self,
        mut variables: Vec<(String, String)>,
        opt: &Path,
    ) -> Vec<(String, String)> {
        for (name, value) in [
            // Clients are to ask for the list each time: it changes.
            ("LIST_TTL_MS", "0"),
            ("STATE_KEY", &self.state_key),
        ] {
            let is_set = variables.iter().any(|(set, _)| set == name);
            if !is_set && !self.is_in_shell(name) {
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
        let lib = opt.join("lib").display().to_string();
        variables.push(("PLUGIN_DIR".to_owned(), lib));
        variables
    }

    /// The server that a client starts itself.
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
    /// Would a host of the other serve the same?
    pub(crate) fn serves_same(&self, other: &Self) -> bool {
        let tool_variables = |built: &Self| {
            let variables = built
                .variables
                .iter()
                .filter(|(name, _)| name != "PLUGIN_DIR");
            variables.cloned().collect::<Vec<_>>()
        };
        self.layer.sha256() == other.layer.sha256() && tool_variables(self) == tool_variables(other)
    }

    /// The variables of a host that serves it.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What Lambda would have as `/opt`.
    pub(crate) fn opt(&self) -> &Path {
        self.opt.path()
    }
}

/// Where sources are.
#[derive(Debug)]
pub(crate) struct Sources {
    /// Folders that matter with all that is in them, but for what git ignores.
    pub(crate) trees: BTreeSet<PathBuf>,
    /// Files that matter besides.
    pub(crate) files: BTreeSet<PathBuf>,
    /// What cargo writes.
    pub(crate) excluded: PathBuf,
}
