//! Errors on the way from a layer to a running service: the problem, its place, and the remedy.

use std::path::PathBuf;

/// An error with a stable code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployError {
    #[error(
        "the AWS CLI is not installed: there is no `aws` in the PATH\n  help: https://aws.amazon.com/cli/, or `pip install awscli`; then `aws configure` tells it of an account"
    )]
    NoAws,
    #[error("{command}: {output}{}", help_for(.output))]
    Aws { command: String, output: String },
    #[error(
        "{}: {size} bytes, and Lambda takes {max} directly\n  help: name an S3 bucket of the function's region by --bucket, which it is sent through",
        .path.display()
    )]
    NeedsBucket { path: PathBuf, size: u64, max: u64 },
    #[error("{} is not published: what stands above fails on Lambda\n  help: mend it; `cargo layer check` looks at more", .0.display())]
    FailsOnLambda(PathBuf),
    #[error("{}: there is nothing in it for any CPU\n  help: name a layer made by `cargo layer build`, or by `cargo layer host --as-layer`", .0.display())]
    NoCpu(PathBuf),
    #[error(
        "Lambda has another file than {}: its SHA-256 is {found}, not {expected}\n  help: was it changed meanwhile? Publish it again", .path.display()
    )]
    OtherContent {
        path: PathBuf,
        expected: String,
        found: String,
    },
    #[error("the answer of {command} lacks {member}")]
    Incomplete {
        command: String,
        member: &'static str,
    },
    #[error(
        "the variables of {arn} cannot be read: {reason}\n  help: whoever deploys needs kms:Decrypt for the key that encrypts them; to write them without reading would lose them"
    )]
    VariablesUnreadable { arn: String, reason: String },
    #[error(
        "--env {0}: there is no such variable in this shell\n  help: set it, or write --env {0}=VALUE"
    )]
    NoVariable(String),
    #[error("--unset {name}: the function has no such variable\n  help: it has {}", join_or_none(.known))]
    NotSet { name: String, known: Vec<String> },
    #[error(
        "the variables take {size} bytes: all of a function together have {max} at most\n  help: nothing was changed; write patterns in TOOLS_LIST, such as `get*`, and take out what nobody reads"
    )]
    EnvironmentTooLarge { size: usize, max: usize },
    #[error(
        "{count} layers: a function has {max} at most\n  help: nothing was changed; build several plugins into one layer"
    )]
    TooManyLayers { count: usize, max: usize },
    #[error(
        "{layer} is for {found}, the function for {wanted}\n  help: nothing was changed; build the layer by `cargo layer build --arch {wanted}`"
    )]
    OtherCpu {
        layer: String,
        found: String,
        wanted: String,
    },
    #[error(
        "{arn} cannot be downloaded{}\n  help: nothing was changed; name a copy of the layer by --file, which is compared with it by its SHA-256", .reason
    )]
    NoContent { arn: String, reason: String },
    #[error(
        "{} is a copy of none of these layers: {}\n  help: nothing was changed; name the very file that was published", .path.display(), .arns.join(", ")
    )]
    UnmatchedCopy { path: PathBuf, arns: Vec<String> },
    #[error(
        "the function would lose {0}, which has no tools\n  help: nothing was changed; name it by --layer as well, or say by --drop-others that it is to go"
    )]
    LayerLost(String),
    #[error(
        "{0}\n  help: nothing was changed; set ENTRY_FILE and TOOLS_LIST by --env, or take them out by --unset"
    )]
    Selection(layer_format::SelectionError),
    #[error(
        "nothing was changed: {what}\n  help: `cargo layer diff` shows the same; to go on all the same say {flag}"
    )]
    ChangeRejected {
        what: &'static str,
        flag: &'static str,
        code: &'static str,
    },
    #[error(
        "the alias {alias} leads to $LATEST, so that every change would be live at once\n  help: nothing was changed; `aws lambda publish-version --function-name {function}`, and lead the alias to that version by `aws lambda update-alias`"
    )]
    AliasOnLatest { alias: String, function: String },
    #[error(
        "no version of {function} lies before {version}\n  help: nothing was changed; name one by --to: there are {}", join_or_none(.known)
    )]
    NoPreviousVersion {
        function: String,
        version: String,
        known: Vec<String>,
    },
    #[error("{tool} cannot be called to see whether all is well: it does not say that it only reads\n  help: nothing was changed; name one that does: {}", join_or_none(.known))]
    NotReadOnly { tool: String, known: Vec<String> },
    #[error(
        "the function was changed by somebody else meanwhile: its layers or variables are not what was written\n  help: find out who it was, and run this again"
    )]
    ChangedMeanwhile,
    #[error("{0} does not say for which region it is to be signed\n  help: name it by --region")]
    NoRegion(String),
    #[error(
        "the credentials cannot be used: {0}\n  help: `aws configure`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    Credentials(&'static str),
    #[error("{reason}\n  as it stands: {state}")]
    Stopped {
        code: String,
        reason: String,
        state: String,
    },
}

impl DeployError {
    /// Returns the code, for scripts.
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::NoAws => "NO_AWS_CLI",
            Self::Aws { .. } => "AWS_FAILED",
            Self::NeedsBucket { .. } => "UPLOAD_TOO_LARGE",
            Self::FailsOnLambda(_) => "LAYER_UNFIT",
            Self::NoCpu(_) => "NO_CPU",
            Self::OtherContent { .. } => "OTHER_CONTENT",
            Self::Incomplete { .. } => "AWS_ANSWER_INCOMPLETE",
            Self::VariablesUnreadable { .. } => "VARIABLES_UNREADABLE",
            Self::NoVariable(_) => "NO_VARIABLE",
            Self::NotSet { .. } => "VARIABLE_NOT_SET",
            Self::EnvironmentTooLarge { .. } => "ENVIRONMENT_TOO_LARGE",
            Self::TooManyLayers { .. } => "LAYERS_TOO_MANY",
            Self::OtherCpu { .. } => "CPU_MIXED",
            Self::NoContent { .. } => "LAYER_UNREADABLE",
            Self::UnmatchedCopy { .. } => "COPY_OF_NOTHING",
            Self::LayerLost(_) => "LAYER_LOST",
            Self::Selection(error) => layer_format::HasErrorCode::code(error).as_str(),
            Self::ChangeRejected { code, .. } => code,
            Self::AliasOnLatest { .. } => "ALIAS_ON_LATEST",
            Self::NoPreviousVersion { .. } => "NO_VERSION_BEFORE",
            Self::NotReadOnly { .. } => "TOOL_NOT_READ_ONLY",
            Self::NoRegion(_) => "NO_REGION",
            Self::Credentials(_) => "CREDENTIALS",
            Self::ChangedMeanwhile => "CHANGED_MEANWHILE",
            Self::Stopped { code, .. } => code,
        }
    }
}

/// Returns help for the most common errors of the CLI.
fn help_for(output: &str) -> String {
    const HELP: [(&str, &str); 7] = [
        (
            "Unable to locate credentials",
            "`aws configure`, or name a profile by --profile",
        ),
        ("specify a region", "name it by --region"),
        (
            "PreconditionFailedException",
            "somebody else changed it meanwhile, and nothing was changed here: look what it is now, and run this again",
        ),
        (
            "ResourceConflictException",
            "another change of it is going on: wait for that, and run this again",
        ),
        (
            "ResourceNotFoundException",
            "is that its name, and is it in that region?",
        ),
        (
            "AccessDenied",
            "let the role of whoever deploys do this; deploy/cli.md lists what it takes",
        ),
        ("Invalid choice", "update the AWS CLI"),
    ];
    let known = HELP.iter().find(|(text, _)| output.contains(text));
    known.map_or_else(String::new, |(_, help)| format!("\n  help: {help}"))
}

fn join_or_none(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}
