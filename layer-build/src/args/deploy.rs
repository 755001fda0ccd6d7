//! The flags of what is done at AWS.

use std::path::PathBuf;

use clap::Args;

use crate::{
    args::values,
    aws::{cli::AwsOptions, layer_version::LayerVersion, sigv4::SigningOptions},
    exit,
};

/// Which account is reached, and whether it is changed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Aws {
    /// The region [default: that of the AWS CLI's settings]
    #[arg(long, hide_short_help = true)]
    pub(crate) region: Option<String>,
    /// The profile of the AWS CLI's settings [default: its own default]
    #[arg(long, hide_short_help = true)]
    pub(crate) profile: Option<String>,
    /// Change nothing: what only asks is asked, of all else the commands are printed
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

/// Make a layer a version of a layer at AWS
///
/// The archive is read first: what is certain to fail on Lambda is not published. Prints the version's ARN; the commands, which
/// are those of the AWS CLI, stand on stderr.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The archive
    pub(crate) layer: PathBuf,
    /// The layer's name at AWS
    #[arg(long, value_parser = values::layer_name)]
    pub(crate) name: String,
    /// An S3 bucket of the region to send it through, as an archive of more than 50 MB has to be
    #[arg(long)]
    pub(crate) bucket: Option<String>,
    /// What people are to read of the version [default: name and version in the manifest]
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// Give a function at AWS other tools, if they prove themselves
///
/// Compares the tools that are live with those that would be, and refuses what breaks somebody, or lets a model destroy what it
/// could not before. Then layers and variables are changed by one update, which becomes a version; that is asked for its tools,
/// and if it lists what its layers declare the alias is led to it. Prints the version's ARN.
#[derive(Debug, Args)]
#[command(after_help = exit::SWAP_HELP)]
pub(crate) struct Swap {
    /// The function's name
    pub(crate) function: String,
    /// The ARN of a layer's version; all that the function is to have, in its order [default: those that are live]
    #[arg(long = "layer", value_name = "ARN", num_args = 1.., required_unless_present_any = ["env", "env_file", "unset"])]
    pub(crate) layers: Vec<LayerVersion>,
    /// The alias that leads to the version which is live [default: none, so that every change is live at once]
    #[arg(long)]
    pub(crate) alias: Option<String>,
    /// Set a variable of the function, by default to its value in this shell; may be repeated
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// Set the variables of this file, NAME=value in lines
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(crate) env_file: Option<PathBuf>,
    /// Take a variable of the function away; may be repeated
    #[arg(long, value_name = "NAME", value_parser = values::variable_name)]
    pub(crate) unset: Vec<String>,
    /// A copy of one of the layers, which then is not downloaded; may be repeated
    #[arg(long = "file", value_name = "LAYER")]
    pub(crate) files: Vec<PathBuf>,
    /// Go on where something breaks
    #[arg(long)]
    pub(crate) allow_breaking: bool,
    /// Go on where a tool that may destroy could be called that cannot be now
    #[arg(long)]
    pub(crate) allow_destructive: bool,
    /// Let layers without tools go that are not named, such as those of extensions
    #[arg(long)]
    pub(crate) drop_others: bool,
    /// Call this tool as well, which only reads, before the new version is live: its library is opened then
    #[arg(long, value_name = "TOOL")]
    pub(crate) call: Option<String>,
    /// Its arguments
    #[arg(long, value_name = "JSON", requires = "call", default_value = "{}", value_parser = values::json_object)]
    pub(crate) arguments: String,
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// Give a function at AWS the tools back that it had before
///
/// With an alias it is led back, which takes effect at once. Without one the function gets the layers and variables of the
/// version back; its own code stays. Prints the ARN of the version.
#[derive(Debug, Args)]
#[command(after_help = exit::ROLLBACK_HELP)]
pub(crate) struct Rollback {
    /// The function's name
    pub(crate) function: String,
    /// The alias that leads to the version which is live
    #[arg(long)]
    pub(crate) alias: Option<String>,
    /// The version [default: the one that was live before]
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) to: Option<u64>,
    #[command(flatten)]
    pub(crate) aws: Aws,
}

/// Ask a server whether it serves what it should
///
/// It is asked who it is, by the era of MCP that it speaks, for its tools, and for its health where its gateway lets that through.
#[derive(Debug, Args)]
#[command(after_help = exit::VERIFY_HELP)]
pub(crate) struct Verify {
    /// The URL of its MCP endpoint
    #[arg(value_parser = values::url)]
    pub(crate) url: String,
    /// A layer whose tools it is to serve; may be repeated, in the function's order
    #[arg(long = "layer", value_name = "FILE")]
    pub(crate) layers: Vec<PathBuf>,
    /// The function's ENTRY_FILE
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "layers")]
    pub(crate) entry_file: Vec<String>,
    /// The function's TOOLS_LIST
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "layers")]
    pub(crate) tools: Vec<String>,
    /// Call this tool, which only reads
    #[arg(long, value_name = "TOOL")]
    pub(crate) call: Option<String>,
    /// Its arguments
    #[arg(long, value_name = "JSON", requires = "call", default_value = "{}", value_parser = values::json_object)]
    pub(crate) arguments: String,
    /// Send this header, written `Name: value`, with every request; may be repeated
    #[arg(long = "header", value_name = "HEADER", value_parser = values::header)]
    pub(crate) headers: Vec<(String, String)>,
    /// Send the token that is in this variable with every request
    #[arg(long, value_name = "VARIABLE", value_parser = values::variable_name)]
    pub(crate) token_env: Option<String>,
    /// Sign every request for AWS: by AWS_ACCESS_KEY_ID and the variables beside it, else as the AWS CLI (version 2) is logged in
    #[arg(long, conflicts_with = "token_env")]
    pub(crate) sign: bool,
    /// The region to sign for [default: that of the URL]
    #[arg(long, requires = "sign", hide_short_help = true)]
    pub(crate) region: Option<String>,
    /// The profile of the AWS CLI's settings [default: its own default]
    #[arg(long, requires = "sign", hide_short_help = true)]
    pub(crate) profile: Option<String>,
}

impl Verify {
    /// How requests are signed, if they are.
    pub(crate) fn signing(&self) -> Option<SigningOptions> {
        self.sign.then(|| SigningOptions {
            url: self.url.clone(),
            region: self.region.clone(),
            profile: self.profile.clone(),
        })
    }
}
