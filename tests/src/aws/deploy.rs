//! The tools that check and deploy templates: CDK, SAM, cfn-lint and Terraform, with their packages under `target/e2e`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{
    command::output_of,
    folders::{locked, repository, target},
    packages::{node, node_modules, prepared, venv},
};

/// Returns a command for a program beside cfn-lint, the SAM CLI and its translator, such as `python`.
pub fn template_tool(program: &str) -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| venv("templates", "requirements-templates.txt").join("bin"));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(folder.join(program));
    command
        .env("PATH", format!("{}:{path}", folder.display()))
        // It would keep settings in the user's home.
        .env("HOME", target().join("templates"))
        .env("SAM_CLI_TELEMETRY", "0")
        .env("AWS_DEFAULT_REGION", "eu-west-1");
    command
}

/// Returns Node.js in a copy of `deploy/cdk` after `npm ci`, so that `node app.js` works.
pub fn cdk() -> Command {
    let mut command = node();
    command.current_dir(app());
    command
}

fn app() -> &'static Path {
    static APP: OnceLock<PathBuf> = OnceLock::new();
    APP.get_or_init(|| {
        let source = repository().join("deploy/cdk");
        let copy = |place: &Path| {
            fs_err::create_dir_all(place.join("lib")).expect("a folder can be made");
            for folder in ["", "lib"] {
                let files = fs_err::read_dir(source.join(folder)).expect("a folder of the app");
                for file in files.map(|file| file.expect("a readable folder").path()) {
                    if file.is_file() {
                        let name = file.file_name().expect("a file has a name");
                        fs_err::copy(&file, place.join(folder).join(name)).expect("a copy");
                    }
                }
            }
        };
        let npm = |place: &Path, arguments: &[&str]| {
            let mut npm = Command::new("npm");
            // The machine's own may be too old for the compiler.
            let node = node_modules().join("node/bin");
            let path = std::env::var("PATH").unwrap_or_default();
            npm.env("PATH", format!("{}:{path}", node.display()));
            output_of(npm.args(arguments).arg("--silent").current_dir(place));
        };
        let mut installed = false;
        let app = prepared("cdk", &source.join("package-lock.json"), |place| {
            copy(place);
            npm(place, &["ci", "--no-audit", "--no-fund"]);
            installed = true;
        });
        if !installed {
            // The sources may have changed since they were compiled.
            locked("cdk", || {
                copy(&app);
                npm(&app, &["run", "prepare"]);
            });
        }
        app
    })
}

/// The places where Terraform looks for manually installed providers; `TF_PLUGIN_DIR` names another.
const PROVIDERS: [&str; 3] = [
    "/usr/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/opt/tf-plugins",
];

/// `terraform` or `tofu`, with a folder that has AWS's provider.
#[derive(Clone, Debug)]
pub struct Terraform {
    program: &'static str,
    providers: PathBuf,
}

impl Terraform {
    /// Finds the program and the provider of this machine.
    ///
    /// # Errors
    /// The missing part: neither comes from a package registry that tests could ask.
    pub fn find() -> Result<Self, String> {
        let runs = |program: &&str| Command::new(program).arg("-version").output().is_ok();
        let program = ["terraform", "tofu"].into_iter().find(runs);
        let program = program.ok_or("neither terraform nor tofu is installed")?;
        let named = std::env::var_os("TF_PLUGIN_DIR").map(PathBuf::from);
        let mut places = named.into_iter().chain(PROVIDERS.map(PathBuf::from));
        let has_aws = |place: &PathBuf| {
            let hosts = fs_err::read_dir(place).into_iter().flatten().flatten();
            let mut providers = hosts.map(|host| host.path().join("hashicorp/aws"));
            providers.any(|provider| provider.is_dir())
        };
        let providers = places.find(has_aws).ok_or_else(|| {
            format!(
                "no folder has AWS's provider for {program}: neither TF_PLUGIN_DIR nor {}",
                PROVIDERS.join(", ")
            )
        })?;
        Ok(Self { program, providers })
    }

    /// Returns a command in a folder.
    pub fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command.args(arguments).current_dir(folder);
        // The developer's own settings may name files that do not exist.
        for variable in ["TF_CLI_CONFIG_FILE", "AWS_CA_BUNDLE", "AWS_PROFILE"] {
            command.env_remove(variable);
        }
        command
            .env("CHECKPOINT_DISABLE", "1")
            .env("HOME", "/nonexistent")
            .env("AWS_ACCESS_KEY_ID", "tests")
            .env("AWS_SECRET_ACCESS_KEY", "tests")
            .env("AWS_DEFAULT_REGION", "eu-west-1");
        command
    }

    /// Initializes a folder with the installed provider.
    pub fn init(&self, folder: &Path) {
        let mut init = self.command(
            folder,
            &["init", "-input=false", "-no-color", "-plugin-dir"],
        );
        output_of(init.arg(&self.providers));
    }
}
