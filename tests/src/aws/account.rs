//! An account at AWS, as far as moto has one, and a shell with its credentials.

use std::{path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Layer, aws::cli::aws_cli, bootstrap, cargo_layer, output_of, target};

/// A separate account, and a folder with `function.zip` and the layer of the example `custom-tools`, `layer.zip`.
pub struct Account {
    endpoint: String,
    folder: TempDir,
}

impl Account {
    /// Creates the account behind this endpoint.
    pub fn new(endpoint: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // moto creates the account at the first request about its content.
        bootstrap();
        let function = target().join("function.zip");
        fs_err::copy(function, folder.path().join("function.zip")).expect("a function");
        let account = Self {
            endpoint: endpoint.to_owned(),
            folder,
        };
        account.set_layer("custom-tools");
        account
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the layer of an example the one in the folder.
    pub fn set_layer(&self, plugin: &str) {
        Layer::of([plugin]);
        let zip = target().join(format!("{plugin}.zip"));
        fs_err::copy(zip, self.folder.path().join("layer.zip")).expect("a layer");
    }

    /// Returns a command in the folder that reaches the account, and finds the AWS CLI and `cargo-layer` as well.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        let mut command = aws_cli(program.to_str().expect("UTF-8"));
        let own = cargo_layer().parent().expect("it is in a folder").display();
        let path = command.get_envs().find(|(name, _)| *name == "PATH");
        let path = path
            .and_then(|(_, path)| path?.to_str())
            .unwrap_or_default();
        let path = format!("{own}:{path}");
        command.env("PATH", path);
        command
            .current_dir(self.folder.path())
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "tests")
            .env("AWS_SECRET_ACCESS_KEY", "tests");
        command
    }

    /// Returns a command for `cargo layer` with these arguments.
    pub fn cargo_layer(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(cargo_layer());
        command.args(arguments);
        command
    }

    /// Returns the output of a script, which must succeed.
    pub fn shell(&self, script: &str) -> String {
        output_of(self.command("sh").args(["-euc", script]))
    }

    /// Returns the answer of a command of the AWS CLI.
    pub fn json(&self, command: &str) -> Value {
        let text = self.shell(&format!("aws {command} --output json"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}
