//! Runs the AWS CLI of this machine. Every command is first shown in the form in which a user could type it.
//!
//! The values of a function's environment variables may be secrets. They are passed in files that only this user can
//! read, never in a command, and are redacted in the output of the CLI.

use std::{collections::BTreeMap, io::ErrorKind, process::Command, time::Duration};

use serde_json::Value;

use crate::{
    aws::error::DeployError,
    process::child::{self, ProgramError},
    terminal::progress::spinner,
};

/// The time limit of one command. Source: ours; it allows for uploading a layer over a slow connection.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// The largest output of a command. Unit: bytes. Source: ours; the configuration of a function has some kilobytes.
const MAX_OUTPUT: u64 = 16 << 20;

/// Placeholders in the commands that a dry run shows, for values that an earlier command would have returned.
pub(crate) const VERSION_VARIABLE: &str = "$VERSION";
pub(crate) const REVISION_VARIABLE: &str = "$REVISION";

/// The minimum length of values that are redacted. Unit: bytes. Source: ours; a shorter value is not a secret, and may
/// occur in any word.
const MIN_SECRET_LENGTH: usize = 4;

/// The account to use, and whether to change it.
#[derive(Clone, Debug, Default)]
pub(crate) struct AwsOptions {
    /// The region, if it is not the one in the settings of the CLI.
    pub(crate) region: Option<String>,
    /// The profile, if it is not the default of the CLI.
    pub(crate) profile: Option<String>,
    /// Whether commands that change something are only shown.
    pub(crate) dry_run: bool,
}

/// The AWS CLI, with the options that select the account.
pub(crate) struct Aws {
    options: Vec<String>,
    pub(crate) dry_run: bool,
    /// The values to redact, with the names of their environment variables.
    redactions: Vec<(String, String)>,
}

impl Aws {
    pub(crate) fn new(options: AwsOptions) -> Self {
        let AwsOptions {
            region,
            profile,
            dry_run,
        } = options;
        let options = [("--region", region), ("--profile", profile)];
        let options = options
            .into_iter()
            .filter_map(|(option, value)| Some([option.to_owned(), value?]));
        Self {
            options: options.flatten().collect(),
            dry_run,
            redactions: Vec::new(),
        }
    }

    /// Makes sure that the values of these environment variables are redacted from now on.
    pub(crate) fn redact(&mut self, variables: &BTreeMap<String, String>) {
        let long = variables
            .iter()
            .filter(|(_, value)| value.len() >= MIN_SECRET_LENGTH);
        for (name, value) in long {
            // Redact the value in the form of a JSON string too.
            let quoted = Value::from(value.as_str()).to_string();
            for form in [value.as_str(), quoted.trim_matches('"')] {
                let redaction = (name.clone(), form.to_owned());
                if !self.redactions.contains(&redaction) {
                    self.redactions.push(redaction);
                }
            }
        }
        // Replace longer values first: one value may be part of another.
        self.redactions
            .sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    }

    /// Returns a text in which the values to redact are replaced.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let redactions = self.redactions.iter();
        redactions.fold(text.to_owned(), |text, (name, value)| {
            text.replace(value, &format!("[value of {name}]"))
        })
    }

    /// Runs a command that changes nothing. It also runs in a dry run.
    pub(crate) fn query(&self, args: &[&str]) -> anyhow::Result<Value> {
        self.json(args)
    }

    /// Runs a command that changes something. In a dry run it is only shown.
    pub(crate) fn mutate(&self, args: &[&str]) -> anyhow::Result<Option<Value>> {
        if self.dry_run {
            message!("{}", self.command_line(args));
            return Ok(None);
        }
        self.json(args).map(Some)
    }

    /// Runs a command that changes something and prints no JSON.
    pub(crate) fn run(&self, args: &[&str]) -> anyhow::Result<()> {
        message!("{}", self.command_line(args));
        if !self.dry_run {
            self.output(args)?;
        }
        Ok(())
    }

    /// Shows, in a dry run, a command that stores its output in a variable of the shell.
    pub(crate) fn print_capture(&self, variable: &str, args: &[&str], query: &str) {
        let args = [args, &["--query", query, "--output", "text"]].concat();
        let variable = variable.trim_start_matches('$');
        message!("{variable}=$({})", self.command_line(&args));
    }

    /// Returns a member of the JSON that a command about Lambda printed. The member must be a string.
    pub(crate) fn text_member(
        answer: &Value,
        member: &'static str,
        command: &str,
    ) -> Result<String, DeployError> {
        let text = answer[member].as_str().map(str::to_owned);
        text.ok_or_else(|| DeployError::Incomplete {
            command: format!("aws lambda {command}"),
            member,
        })
    }

    fn json(&self, args: &[&str]) -> anyhow::Result<Value> {
        let args = [args, &["--output", "json"]].concat();
        message!("{}", self.command_line(&args));
        let text = self.output(&args)?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        let invalid = |error: serde_json::Error| DeployError::Aws {
            command: command_name(&args),
            output: format!("the output is not JSON: {error}"),
        };
        Ok(serde_json::from_str(&text).map_err(invalid)?)
    }

    fn output(&self, args: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new("aws");
        command.args(args).args(&self.options);
        // Without this, version 2 of the CLI would show its output in a pager.
        command.env("AWS_PAGER", "");
        let spinner = spinner(command_name(args));
        let output = child::output(&mut command, COMMAND_TIMEOUT, MAX_OUTPUT);
        drop(spinner);
        let output = output.map_err(|error| match &error {
            ProgramError::Run(error) if error.kind() == ErrorKind::NotFound => DeployError::NoAws,
            _ => DeployError::Aws {
                command: command_name(args),
                output: error.to_string(),
            },
        })?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        let printed = [text(&output.stderr), text(&output.stdout)];
        let printed = self.redacted(printed.concat().trim());
        let command = command_name(args);
        let output = match printed.as_str() {
            "" => format!("ended with {}", output.status),
            _ => printed,
        };
        Err(DeployError::Aws { command, output }.into())
    }

    /// Returns a command in the form in which a user could type it.
    pub(crate) fn command_line(&self, args: &[&str]) -> String {
        let options = self.options.iter().map(String::as_str);
        let args = ["aws"].into_iter().chain(args.iter().copied());
        let args: Vec<_> = args.chain(options).map(shell_quoted).collect();
        args.join(" ")
    }
}

/// Returns the name of a command, such as `aws lambda get-alias`.
fn command_name(args: &[&str]) -> String {
    let names = args.iter().take_while(|arg| !arg.starts_with('-'));
    let names: Vec<_> = names.take(2).copied().collect();
    format!("aws {}", names.join(" "))
}

/// Quotes an argument for a shell.
pub(crate) fn shell_quoted(arg: &str) -> String {
    // The placeholder may be a part of an argument, such as a description.
    if arg.ends_with(VERSION_VARIABLE) || arg == REVISION_VARIABLE {
        return format!("\"{arg}\"");
    }
    // Quoting fails only for an argument with a NUL byte, which no process can be given anyway.
    shlex::try_quote(arg).map_or_else(|_| arg.to_owned(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(region: Option<&str>) -> Aws {
        Aws::new(AwsOptions {
            region: region.map(str::to_owned),
            profile: None,
            dry_run: true,
        })
    }

    #[test]
    fn commands_are_shown_as_a_shell_takes_them() {
        for (region, args, expected) in [
            (None, &["s3", "ls"][..], "aws s3 ls"),
            (
                Some("eu-west-1"),
                &["s3", "ls"],
                "aws s3 ls --region eu-west-1",
            ),
            (
                None,
                &["lambda", "x", "--zip-file", "fileb://a b.zip"],
                "aws lambda x --zip-file 'fileb://a b.zip'",
            ),
            (
                None,
                &["lambda", "x", "--qualifier", "$LATEST"],
                "aws lambda x --qualifier '$LATEST'",
            ),
            (
                None,
                &["lambda", "x", "--qualifier", VERSION_VARIABLE],
                "aws lambda x --qualifier \"$VERSION\"",
            ),
        ] {
            assert_eq!(aws(region).command_line(args), expected);
        }
    }

    #[test]
    fn values_of_variables_are_redacted() {
        let mut aws = aws(None);
        let variables = [
            ("MCP_STATE_KEY", "s3cret\"key"),
            ("MCP_BEARER_TOKENS", "s3cret"),
            ("MCP_METRICS", "emf"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        aws.redact(&variables.into_iter().map(owned).collect());
        for (text, expected) in [
            ("emf s3cret", "emf [value of MCP_BEARER_TOKENS]"),
            ("s3cret\"key", "[value of MCP_STATE_KEY]"),
            (
                r#"{"MCP_STATE_KEY":"s3cret\"key"}"#,
                r#"{"MCP_STATE_KEY":"[value of MCP_STATE_KEY]"}"#,
            ),
        ] {
            assert_eq!(aws.redacted(text), expected);
        }
    }
}
