//! A function that serves the example `custom-tools`, with or without an alias, with secrets in its variables.

use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{
    Account, LambdaApi, Layer, declaration, run_captured, script, scripted, sha256_of, tool,
};

/// Secrets, which must not appear anywhere.
pub(crate) const TOKENS: &str =
    "ada:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
pub(crate) const KEY: &str = "a \"key\" that nobody may ever see at all";

/// The name of the function.
pub(crate) const NAME: &str = "mcp-host";

/// An account with the function, which has the layer `tools:1`.
pub(crate) struct Deployed {
    pub(crate) lambda: LambdaApi,
    pub(crate) account: Account,
    /// The ARN of the layer's version.
    pub(crate) layer: String,
}

/// The output of a command of `cargo layer`, and its exit code.
pub(crate) struct CommandOutput {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl Deployed {
    /// Creates the function without an alias.
    pub(crate) fn new() -> Self {
        let lambda = LambdaApi::start();
        let account = Account::new(lambda.endpoint());
        let publish = ["publish", "layer.zip", "--name", "tools"];
        let (layer, errors, code) = run_captured(&mut account.cargo_layer(&publish));
        assert_eq!(code, Some(0), "{errors}");
        let variables = json!({ "Variables": { "MCP_BEARER_TOKENS": TOKENS, "MCP_STATE_KEY": KEY, "TOOLS_LIST": "*" } });
        let environment = account.folder().join("environment.json");
        fs_err::write(environment, variables.to_string()).expect("a file");
        let cpu = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            cpu => cpu,
        };
        account.shell(&format!(
            "ROLE=$(aws iam create-role --role-name {NAME} --assume-role-policy-document '{{}}' --query Role.Arn --output text)
            aws lambda create-function --function-name {NAME} --runtime provided.al2023 --handler bootstrap \
              --architectures {cpu} --role $ROLE --zip-file fileb://function.zip --layers {layer} --environment file://environment.json"
        ));
        lambda.take_changes();
        Self {
            lambda,
            account,
            layer,
        }
    }

    /// Creates the function behind the alias `live`.
    pub(crate) fn behind_alias() -> Self {
        let deployed = Self::new();
        deployed.account.shell(&format!(
            "aws lambda publish-version --function-name {NAME}
            aws lambda create-alias --function-name {NAME} --name live --function-version 1"
        ));
        deployed.lambda.take_changes();
        deployed
    }

    /// Runs `cargo layer`, and asserts that its output has no secret.
    pub(crate) fn run(&self, arguments: &[&str]) -> CommandOutput {
        let (stdout, stderr, code) = run_captured(&mut self.account.cargo_layer(arguments));
        let output = CommandOutput {
            stdout,
            stderr,
            code,
        };
        let all = format!("{}\n{}", output.stdout, output.stderr);
        for secret in [TOKENS, KEY, r#"a \"key\" that"#] {
            assert!(
                !all.contains(secret),
                "{arguments:?} prints a secret:\n{all}"
            );
        }
        output
    }

    /// Runs `swap` with these arguments and the alias.
    pub(crate) fn swap(&self, arguments: &[&str]) -> CommandOutput {
        self.run(&[&["swap", NAME, "--alias", "live"], arguments].concat())
    }

    /// Publishes a layer from a file of the folder, and returns its ARN.
    pub(crate) fn publish(&self, file: &str) -> String {
        let output = self.run(&["publish", file, "--name", "tools"]);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        self.lambda.take_changes();
        output.stdout
    }

    /// Writes a layer to a file of the folder, and publishes it.
    pub(crate) fn publish_layer(&self, file: &str, layer: &Layer) -> String {
        layer.pack(&self.path(file));
        self.publish(file)
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.account.folder().join(file)
    }

    /// Returns the configuration of the function or a version.
    pub(crate) fn configuration(&self, qualifier: &str) -> Value {
        self.account.json(&format!(
            "lambda get-function-configuration --function-name {NAME} --qualifier '{qualifier}'"
        ))
    }

    /// Returns the version that the alias points to.
    pub(crate) fn live(&self) -> String {
        let alias = format!("lambda get-alias --function-name {NAME} --name live");
        let alias = self.account.json(&alias);
        alias["FunctionVersion"]
            .as_str()
            .expect("a version")
            .to_owned()
    }

    /// Returns the names of the tools that it lists when it is invoked by this alias or version.
    pub(crate) fn tools(&self, qualifier: &str) -> Vec<String> {
        let message = self.path("list.json");
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
        fs_err::write(message, list.to_string()).expect("a file");
        self.account.shell(&format!(
            "aws lambda invoke --function-name {NAME} --qualifier '{qualifier}' --payload fileb://list.json listed.json"
        ));
        let listed = fs_err::read_to_string(self.path("listed.json")).expect("an answer");
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        let tools = listed["result"]["tools"].as_array();
        let tools = tools
            .unwrap_or_else(|| panic!("no tools in {listed}"))
            .iter();
        tools
            .map(|tool| tool["name"].as_str().expect("a name").to_owned())
            .collect()
    }
}

/// Returns the ARNs of a configuration's layers.
pub(crate) fn layers(configuration: &Value) -> Vec<String> {
    let layers = configuration["Layers"].as_array().into_iter().flatten();
    layers
        .map(|layer| layer["Arn"].as_str().expect("an ARN").to_owned())
        .collect()
}

/// Returns the example with an additional tool that is not declared non-destructive.
pub(crate) fn with_destructive_tool() -> Layer {
    let layer = Layer::of(["custom-tools"]);
    let declared = declaration(&[tool("wipe")]);
    layer.put_declared("danger", &scripted(&script(&declared)), &declared);
    layer
}

/// Returns the example for future hosts: the layer looks valid, but no function starts with it.
pub(crate) fn for_later_hosts() -> Layer {
    with_manifest(|plugin| plugin["minHost"] = "99.0.0".into())
}

/// Returns the example with a manifest that describes a tool differently from its library.
pub(crate) fn with_foreign_manifest() -> Layer {
    with_manifest(|plugin| {
        let declaration = &mut plugin["declaration"];
        declaration["tools"][0]["tool"]["description"] = "Something else.".into();
        let digest = sha256_of(declaration.to_string().as_bytes());
        plugin["digest"] = digest.into();
    })
}

/// Returns the example with a changed declaration of its plugin.
fn with_manifest(change: impl FnOnce(&mut Value)) -> Layer {
    let layer = Layer::of(["custom-tools"]);
    let files = layer.listing();
    let manifest = files.split(", ").find(|file| file.ends_with(".layer.json"));
    layer.edit(manifest.expect("a manifest"), |text| {
        let mut manifest: Value = serde_json::from_str(&text).expect("JSON");
        change(&mut manifest["plugins"][0]);
        manifest.to_string()
    });
    layer
}
