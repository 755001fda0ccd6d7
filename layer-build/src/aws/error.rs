//! The errors of deployment. Each message says what the problem is, where it is, and what to do.

use std::path::PathBuf;

/// An error. Each has a stable code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployError {
    #[error(
        "the AWS CLI is not installed: `aws` is not in the PATH\n  help: install it from https://aws.amazon.com/cli/ or with `pip install awscli`; then set the account with `aws configure`"
    )]
    NoAws,
    #[error("{command}: {output}{}", help_for(.output))]
    Aws { command: String, output: String },
    #[error(
        "{}: {size} bytes, but Lambda accepts at most {max} in a direct upload\n  help: name an S3 bucket of the function's region with --bucket; it is then uploaded through S3",
        .path.display()
    )]
    NeedsBucket { path: PathBuf, size: u64, max: u64 },
    #[error("{} was not published: the findings above fail on Lambda\n  help: fix them; `cargo layer check` checks more", .0.display())]
    FailsOnLambda(PathBuf),
    #[error("{} has no library or program for any CPU\n  help: name a layer made by `cargo layer build`, or by `cargo layer host --as-layer`", .0.display())]
    NoCpu(PathBuf),
    #[error(
        "Lambda received another file than {}: its SHA-256 is {found}, not {expected}\n  help: the file may have changed during the upload; publish it again", .path.display()
    )]
    OtherContent {
        path: PathBuf,
        expected: String,
        found: String,
    },
    #[error("the answer of {command} has no {member}")]
    Incomplete {
        command: String,
        member: &'static str,
    },
    #[error(
        "the variables of {arn} cannot be read: {reason}\n  help: allow kms:Decrypt in the deploying role for the key that encrypts them; an update without reading them would lose them"
    )]
    VariablesUnreadable { arn: String, reason: String },
    #[error(
        "--env {0}: there is no such variable in this shell\n  help: set it, or write --env {0}=VALUE"
    )]
    NoVariable(String),
    #[error("--unset {name}: the function has no such variable\n  help: it has {}", join_or_none(.known))]
    NotSet { name: String, known: Vec<String> },
    #[error(
        "the variables take {size} bytes, but all variables of a function may take at most {max}\n  help: nothing was changed; write patterns in TOOLS_LIST, such as `get*`, and remove unused variables"
    )]
    EnvironmentTooLarge { size: usize, max: usize },
    #[error(
        "{count} layers, but a function can have at most {max}\n  help: nothing was changed; build several plugins into one layer"
    )]
    TooManyLayers { count: usize, max: usize },
    #[error(
        "{layer} is for {found}, but the function is for {wanted}\n  help: nothing was changed; build the layer with `cargo layer build --arch {wanted}`"
    )]
    OtherCpu {
        layer: String,
        found: String,
        wanted: String,
    },
    #[error(
        "{arn} cannot be downloaded{}\n  help: nothing was changed; name a copy of the layer with --file; its SHA-256 must be the same", .reason
    )]
    NoContent { arn: String, reason: String },
    #[error(
        "{} is not a copy of any of these layers: {}\n  help: nothing was changed; name the exact file that was published", .path.display(), .arns.join(", ")
    )]
    UnmatchedCopy { path: PathBuf, arns: Vec<String> },
    #[error(
        "the function would lose {0}, which has no tools\n  help: nothing was changed; name it with --layer as well, or pass --drop-others to remove it"
    )]
    LayerLost(String),
    #[error(
        "{0}\n  help: nothing was changed; set ENTRY_FILE and TOOLS_LIST with --env, or remove them with --unset"
    )]
    Selection(layer_format::SelectionError),
    #[error(
        "nothing was changed: {what}\n  help: `cargo layer diff` shows the same; pass {flag} to continue anyway"
    )]
    ChangeRejected {
        what: &'static str,
        flag: &'static str,
        code: &'static str,
    },
    #[error(
        "the alias {alias} points to $LATEST, so every change would be live at once\n  help: nothing was changed; run `aws lambda publish-version --function-name {function}`, and point the alias to that version with `aws lambda update-alias`"
    )]
    AliasOnLatest { alias: String, function: String },
    #[error(
        "{function} has no version before {version}\n  help: nothing was changed; name one with --to; the versions are {}", join_or_none(.known)
    )]
    NoPreviousVersion {
        function: String,
        version: String,
        known: Vec<String>,
    },
    #[error("{tool} cannot be called as a test: it is not declared read-only\n  help: nothing was changed; name a read-only tool: {}", join_or_none(.known))]
    NotReadOnly { tool: String, known: Vec<String> },
    #[error(
        "somebody else changed the function at the same time: its layers or variables are not the ones that were written\n  help: find out who it was, and run this again"
    )]
    ChangedMeanwhile,
    #[error("{0} does not contain the region to sign for\n  help: name it with --region")]
    NoRegion(String),
    #[error(
        "the credentials cannot be used: {0}\n  help: `aws configure`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    Credentials(&'static str),
    #[error("{reason}\n  current state: {state}")]
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
            "`aws configure`, or name a profile with --profile",
        ),
        ("specify a region", "name it with --region"),
        (
            "PreconditionFailedException",
            "somebody else changed it meanwhile, and nothing was changed here: check its current state, and run this again",
        ),
        (
            "ResourceConflictException",
            "another change of it is in progress: wait until it is done, and run this again",
        ),
        ("ResourceNotFoundException", "check its name and its region"),
        (
            "AccessDenied",
            "allow this in the deploying role; docs/operator/deployment.md lists the permissions",
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
