//! Flags of the verbs that use AWS or check a deployed server: `publish`, `swap`, `rollback` and `verify`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::values,
    aws::{cli::AwsOptions, layer_version::LayerVersion, sigv4::SigningOptions},
    exit,
};

/// The AWS account to use, and whether to change anything in it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Aws {
    /// The region [default: the one in the settings of the AWS CLI]
    #[arg(long, hide_short_help = true)]
    pub(crate) region: Option<String>,
    /// The profile in the settings of the AWS CLI [default: the CLI's default]
    #[arg(long, hide_short_help = true)]
    pub(crate) profile: Option<String>,
    /// Change nothing: run the commands that only read, and print the others
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl Aws {
    pub(crate) fn options(&self) -> AwsOptions {
        AwsOptions {
            region: self.region.clone(),
            profile: self.profile.clone(),
            dry_run: self.dry_run,
        }
    }
}

/// Publish a layer to AWS as a new version
///
/// Reads the archive first: a layer that is certain to fail on Lambda is not published. Prints the version's ARN on stdout, and
/// the commands of the AWS CLI on stderr.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The archive
    pub(crate) layer: PathBuf,
    /// The layer's name at AWS
    #[arg(long, value_parser = values::layer_name)]
    pub(crate) name: String,
    /// An S3 bucket of the region to upload it through; required for archives of more than 50 MB
    #[arg(long)]
    pub(crate) bucket: Option<String>,
    /// The description of the version [default: name and version in the manifest]
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// Replace the tools of a function at AWS, after testing the new ones
///
/// Compares the live tools with the new ones. Rejects changes that break clients, or that let a model destroy something
/// that it could not destroy before. Then updates the layers and environment variables in one request, and publishes a
/// version. If that version lists the tools that its layers declare, points the alias to it. Prints the version's ARN.
#[derive(Debug, Args)]
#[command(after_help = exit::SWAP_HELP)]
pub(crate) struct Swap {
    /// The function's name
    pub(crate) function: String,
    /// The ARN of a layer's version; name all layers of the function, in its order [default: the live ones]
    #[arg(long = "layer", value_name = "ARN", num_args = 1.., required_unless_present_any = ["env", "env_file", "unset"])]
    pub(crate) layers: Vec<LayerVersion>,
    /// The alias that points to the live version [default: none; every change is live immediately]
    #[arg(long)]
    pub(crate) alias: Option<String>,
    /// Set an environment variable of the function [default value: that of this shell]; may be repeated
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Set the environment variables in this file, one NAME=value per line
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) env_file: Option<PathBuf>,
    /// Remove an environment variable of the function; may be repeated
    #[arg(long, value_name = "NAME", value_parser = values::variable_name)]
    pub(crate) unset: Vec<String>,
    /// A copy of one of the layers, to use instead of a download; may be repeated
    #[arg(long = "file", value_name = "LAYER")]
    pub(crate) files: Vec<PathBuf>,
    /// Continue even if a change breaks clients
    #[arg(long)]
    pub(crate) allow_breaking: bool,
    /// Continue even if a tool that may destroy something becomes callable
    #[arg(long)]
    pub(crate) allow_destructive: bool,
    /// Remove layers without tools that are not named, such as those of extensions
    #[arg(long)]
    pub(crate) drop_others: bool,
    /// Also call this read-only tool before the new version is live; this opens its library
    #[arg(long, value_name = "TOOL")]
    pub(crate) call: Option<String>,
    /// The arguments of the call
    #[arg(long, value_name = "JSON", requires = "call", default_value = "{}", value_parser = values::json_object)]
    pub(crate) arguments: String,
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// Return a function at AWS to its previous tools
///
/// With an alias, points it back to the version, which takes effect immediately. Without an alias, restores the layers
/// and environment variables of the version; the function's own code is not changed. Prints the ARN of the version.
#[derive(Debug, Args)]
#[command(after_help = exit::ROLLBACK_HELP)]
pub(crate) struct Rollback {
    /// The function's name
    pub(crate) function: String,
    /// The alias that points to the live version
    #[arg(long)]
    pub(crate) alias: Option<String>,
    /// The version [default: the previous live one]
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) to: Option<u64>,
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// Check that a server serves the expected tools
///
/// Requests the server's name and version, its tools, and its health if the gateway forwards that request.
#[derive(Debug, Args)]
#[command(after_help = exit::VERIFY_HELP)]
pub(crate) struct Verify {
    /// The URL of its MCP endpoint
    #[arg(value_parser = values::url)]
    pub(crate) url: String,
    /// A layer with tools that it must serve; may be repeated, in the function's order
    #[arg(long = "layer", value_name = "FILE")]
    pub(crate) layers: Vec<PathBuf>,
    /// The function's ENTRY_FILE
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "layers")]
    pub(crate) entry_file: Vec<String>,
    /// The function's TOOLS_LIST
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "layers")]
    pub(crate) tools: Vec<String>,
    /// Also call this read-only tool
    #[arg(long, value_name = "TOOL")]
    pub(crate) call: Option<String>,
    /// The arguments of the call
    #[arg(long, value_name = "JSON", requires = "call", default_value = "{}", value_parser = values::json_object)]
    pub(crate) arguments: String,
    /// Send this header, written `Name: value`, with every request; may be repeated
    #[arg(long = "header", value_name = "HEADER", value_parser = values::header)]
    pub(crate) headers: Vec<(String, String)>,
    /// Send the token in this environment variable with every request
    #[arg(long, value_name = "VARIABLE", value_parser = values::variable_name)]
    pub(crate) token_env: Option<String>,
    /// Sign every request for AWS, with the credentials in AWS_ACCESS_KEY_ID and the related variables, else with those
    /// of the AWS CLI (version 2)
    #[arg(long, conflicts_with = "token_env")]
    pub(crate) sign: bool,
    /// The region to sign for [default: the one in the URL]
    #[arg(long, requires = "sign", hide_short_help = true)]
    pub(crate) region: Option<String>,
    /// The profile in the settings of the AWS CLI [default: the CLI's default]
    #[arg(long, requires = "sign", hide_short_help = true)]
    pub(crate) profile: Option<String>,
}

impl Verify {
    /// Returns the options of signed requests, if requests are signed.
    pub(crate) fn signing(&self) -> Option<SigningOptions> {
        self.sign.then(|| SigningOptions {
            url: self.url.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
        })
    }
}
