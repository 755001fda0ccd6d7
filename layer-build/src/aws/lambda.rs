//! Requests to Lambda about a function, through the AWS CLI.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    aws::{
        cli::{Aws, REVISION_VARIABLE, VERSION_VARIABLE},
        error::DeployError,
        layer_version::{self, LayerVersion},
    },
    process::temp_dir,
};

/// The unpublished version of a function, the only one that can be changed.
pub(crate) const LATEST: &str = "$LATEST";

/// Lambda's limits for the number of layers of a function, and for the size of its environment variables (unit: bytes).
/// Source: AWS Lambda Developer Guide, "Lambda quotas".
pub(crate) const MAX_LAYERS: usize = 5;
pub(crate) const MAX_ENVIRONMENT: usize = 4 << 10;

/// The beginning of the description that a swap gives to a version. It is followed by the number of the previous live
/// version.
const PREVIOUS_VERSION_PREFIX: &str = "cargo layer swap; before: ";

/// The configuration of a function or of a version of it.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    pub(crate) arn: String,
    /// A number, or `$LATEST`.
    pub(crate) version: String,
    pub(crate) description: String,
    /// The revision id, which changes with every change of the function. (The AWS emulator moto has none.)
    pub(crate) revision: Option<String>,
    pub(crate) layers: Vec<LayerVersion>,
    pub(crate) variables: BTreeMap<String, String>,
    /// Lambda's name of the architecture.
    pub(crate) architecture: String,
    /// The SHA-256 of the function's own code, in base64.
    code_sha256: String,
    is_updating: bool,
}

impl Configuration {
    fn from_json(value: &Value) -> anyhow::Result<Self> {
        let text = |member| Aws::text_member(value, member, "get-function-configuration");
        let arn = text("FunctionArn")?;
        let environment = &value["Environment"];
        if !environment["Error"].is_null() {
            let reason = environment["Error"]["Message"].as_str();
            let reason = reason.unwrap_or("Lambda gives no reason").to_owned();
            return Err(DeployError::VariablesUnreadable { arn, reason }.into());
        }
        let variables = environment["Variables"].as_object().into_iter().flatten();
        let variables =
            variables.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        let layers = value["Layers"].as_array().into_iter().flatten();
        let layers = layers.filter_map(|layer| layer["Arn"].as_str()?.parse().ok());
        let optional = |member: &str| value[member].as_str().map(str::to_owned);
        Ok(Self {
            version: text("Version")?,
            description: optional("Description").unwrap_or_default(),
            revision: optional("RevisionId"),
            layers: layers.collect(),
            variables: variables.collect(),
            // The default if none is set. Source: AWS Lambda API Reference, "FunctionConfiguration".
            architecture: value["Architectures"][0]
                .as_str()
                .unwrap_or("x86_64")
                .to_owned(),
            code_sha256: optional("CodeSha256").unwrap_or_default(),
            is_updating: value["LastUpdateStatus"] == "InProgress",
            arn,
        })
    }

    /// Reports whether two configurations are the same.
    pub(crate) fn same_configuration(&self, other: &Self) -> bool {
        self.has_settings(&other.layers, &other.variables) && self.same_code(other)
    }

    pub(crate) fn has_settings(
        &self,
        layers: &[LayerVersion],
        variables: &BTreeMap<String, String>,
    ) -> bool {
        self.layers == layers && self.variables == *variables
    }

    pub(crate) fn same_code(&self, other: &Self) -> bool {
        self.code_sha256 == other.code_sha256
    }

    /// Returns the entries of the list in an environment variable, split by the host's rules.
    pub(crate) fn list_variable(variables: &BTreeMap<String, String>, name: &str) -> Vec<String> {
        let list = variables
            .get(name)
            .into_iter()
            .flat_map(|list| list.split(','));
        let entries = list.map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(str::to_owned).collect()
    }

    /// Returns the number of the version that was live before this one, if a swap published this one.
    pub(crate) fn previous_version(&self) -> Option<u64> {
        self.description
            .strip_prefix(PREVIOUS_VERSION_PREFIX)?
            .parse()
            .ok()
    }

    /// Returns the names of its layers, for output.
    pub(crate) fn layer_names(&self) -> String {
        layer_version::display_names(&self.layers)
    }
}

/// Returns the description of a version that replaces another; [`Configuration::previous_version`] reads it.
pub(crate) fn swap_description(previous_version: &str) -> String {
    format!("{PREVIOUS_VERSION_PREFIX}{previous_version}")
}

/// An alias of a function.
pub(crate) struct Alias {
    pub(crate) name: String,
    pub(crate) version: String,
    revision: Option<String>,
    /// Whether the alias sends a part of the traffic to another version.
    is_weighted: bool,
}

/// A function on AWS Lambda.
pub(crate) struct Function<'a> {
    pub(crate) aws: &'a mut Aws,
    pub(crate) name: &'a str,
}

impl Function<'_> {
    /// Returns the arguments of a command of the AWS CLI for this function.
    fn args<'a>(&'a self, command: &[&'a str], options: &[&'a str]) -> Vec<&'a str> {
        [
            &["lambda"],
            command,
            &["--function-name", self.name],
            options,
        ]
        .concat()
    }

    /// Returns the configuration of the function or of one of its versions. The values of its environment variables are
    /// redacted from now on.
    pub(crate) fn configuration(&mut self, version: Option<&str>) -> anyhow::Result<Configuration> {
        let mut args = self.args(&["get-function-configuration"], &[]);
        args.extend(version.iter().flat_map(|version| ["--qualifier", *version]));
        let configuration = Configuration::from_json(&self.aws.query(&args)?)?;
        self.aws.redact(&configuration.variables);
        Ok(configuration)
    }

    /// Waits until no update of the function is in progress, and returns its configuration.
    pub(crate) fn settled_configuration(&mut self) -> anyhow::Result<Configuration> {
        let configuration = self.configuration(None)?;
        if !configuration.is_updating {
            return Ok(configuration);
        }
        self.wait_for_update()?;
        self.configuration(None)
    }

    /// Returns all published versions, the oldest first.
    pub(crate) fn versions(&mut self) -> anyhow::Result<Vec<Configuration>> {
        let args = self.args(&["list-versions-by-function"], &[]);
        let answer = self.aws.query(&args)?;
        let all = answer["Versions"].as_array().into_iter().flatten();
        let published = all.filter(|version| version["Version"] != LATEST);
        let mut versions = published
            .map(Configuration::from_json)
            .collect::<anyhow::Result<Vec<_>>>()?;
        versions.sort_by_key(|version| version.version.parse::<u64>().unwrap_or_default());
        for version in &versions {
            self.aws.redact(&version.variables);
        }
        Ok(versions)
    }

    pub(crate) fn alias(&self, name: &str) -> anyhow::Result<Alias> {
        let args = self.args(&["get-alias"], &["--name", name]);
        let answer = self.aws.query(&args)?;
        let weights = answer["RoutingConfig"]["AdditionalVersionWeights"].as_object();
        let alias = Alias {
            name: name.to_owned(),
            version: Aws::text_member(&answer, "FunctionVersion", "get-alias")?,
            revision: answer["RevisionId"].as_str().map(str::to_owned),
            is_weighted: weights.is_some_and(|weights| !weights.is_empty()),
        };
        if alias.version == LATEST {
            let function = self.name.to_owned();
            return Err(DeployError::AliasOnLatest {
                alias: alias.name,
                function,
            }
            .into());
        }
        Ok(alias)
    }

    /// Returns the names of all aliases, and their versions.
    pub(crate) fn aliases(&self) -> anyhow::Result<Vec<(String, String)>> {
        let args = self.args(&["list-aliases"], &[]);
        let answer = self.aws.query(&args)?;
        let all = answer["Aliases"].as_array().into_iter().flatten();
        let all = all.filter_map(|alias| {
            let text = |member: &str| Some(alias[member].as_str()?.to_owned());
            Some((text("Name")?, text("FunctionVersion")?))
        });
        Ok(all.collect())
    }

    /// Points an alias to another version, which then gets all traffic of the alias.
    pub(crate) fn point_alias(&self, alias: &Alias, version: &str) -> anyhow::Result<()> {
        let options = ["--name", &alias.name, "--function-version", version];
        let mut args = self.args(&["update-alias"], &options);
        if alias.is_weighted {
            args.extend(["--routing-config", "AdditionalVersionWeights={}"]);
        }
        let revision = alias.revision.iter();
        args.extend(revision.flat_map(|revision| ["--revision-id", revision.as_str()]));
        self.aws.mutate(&args).map(drop)
    }

    /// Waits until a change has reached the function.
    pub(crate) fn wait_for_update(&self) -> anyhow::Result<()> {
        self.aws
            .run(&self.args(&["wait", "function-updated-v2"], &[]))
    }

    /// Publishes the current configuration as a version, and waits until it can be invoked. Returns the version number.
    pub(crate) fn publish(
        &self,
        description: &str,
        revision: Option<&str>,
    ) -> anyhow::Result<String> {
        let mut args = self.args(&["publish-version"], &["--description", description]);
        args.extend(
            revision
                .iter()
                .flat_map(|revision| ["--revision-id", *revision]),
        );
        let version = if self.aws.dry_run {
            self.aws.print_capture(VERSION_VARIABLE, &args, "Version");
            VERSION_VARIABLE.to_owned()
        } else {
            let answer = self.aws.mutate(&args)?.unwrap_or_default();
            Aws::text_member(&answer, "Version", "publish-version")?
        };
        let wait = ["wait", "published-version-active"];
        self.aws
            .run(&self.args(&wait, &["--qualifier", &version]))?;
        Ok(version)
    }

    /// Sets the layers and environment variables in one update, and waits until it is done. Fails if the function has
    /// changed since its configuration was read.
    pub(crate) fn update(
        &self,
        latest: &Configuration,
        layers: &[LayerVersion],
        variables: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let folder = temp_dir::create()?;
        let mut args = vec![
            "lambda".to_owned(),
            "update-function-configuration".to_owned(),
        ];
        if latest.variables == *variables {
            args.extend(["--function-name".to_owned(), self.name.to_owned()]);
            args.push("--layers".to_owned());
            args.extend(layers.iter().map(ToString::to_string));
            let revision = latest.revision.clone().into_iter();
            args.extend(revision.flat_map(|revision| ["--revision-id".to_owned(), revision]));
        } else {
            let path = folder.path().join("update.json");
            let layers: Vec<_> = layers.iter().map(ToString::to_string).collect();
            let mut update = json!({
                "FunctionName": self.name, "Layers": layers,
                "Environment": { "Variables": variables },
            });
            if let Some(revision) = &latest.revision {
                update["RevisionId"] = revision.as_str().into();
            }
            write_private(&path, &update.to_string())?;
            // Show the content of the file, without the values of environment variables.
            for value in update["Environment"]["Variables"]
                .as_object_mut()
                .into_iter()
                .flatten()
            {
                *value.1 = "...".into();
            }
            message!("# {} (readable only by you): {update}", path.display());
            args.extend([
                "--cli-input-json".to_owned(),
                format!("file://{}", path.display()),
            ]);
        }
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        self.aws.mutate(&args)?;
        self.wait_for_update()
    }

    /// Shows, in a dry run, the command that reads the function's revision.
    pub(crate) fn show_revision(&self) {
        let args = self.args(&["get-function-configuration"], &[]);
        self.aws
            .print_capture(REVISION_VARIABLE, &args, "RevisionId");
    }
}

/// Writes a file that other users can never read, not even before it is complete.
fn write_private(path: &std::path::Path, text: &str) -> anyhow::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};

    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true);
    options.options_mut().mode(0o600);
    options.open(path)?.write_all(text.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_variables_are_an_error() {
        let arn = "arn:aws:lambda:eu-west-1:123456789012:function:f";
        let parse = |environment: Value| {
            let value =
                json!({ "FunctionArn": arn, "Version": "$LATEST", "Environment": environment });
            Configuration::from_json(&value)
        };
        let denied = json!({ "Error": { "ErrorCode": "AccessDeniedException", "Message": "no kms:Decrypt" } });
        let error = parse(denied).expect_err("they are unreadable").to_string();
        assert!(error.contains("no kms:Decrypt"), "{error}");
        assert!(parse(Value::Null).is_ok_and(|none| none.variables.is_empty()));
    }

    #[test]
    fn lists_are_read_as_the_host_does() {
        for (value, expected) in [
            (Some("a, b,,"), vec!["a", "b"]),
            (Some(" "), vec![]),
            (None, vec![]),
        ] {
            let value = value.map(|value| ("TOOLS_LIST".to_owned(), value.to_owned()));
            let variables = value.into_iter().collect();
            assert_eq!(
                Configuration::list_variable(&variables, "TOOLS_LIST"),
                expected
            );
        }
    }
}
