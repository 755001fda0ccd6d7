//! The settings of a function: its binary, its name, its limits, its environment variables.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The time limit of one invocation unless configured otherwise. Unit: seconds; default 30.
/// Source: ours. Lambda's own default is 3 and its maximum 900 ("Configure Lambda function timeout").
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The time limit until an environment asks for its first event. Unit: seconds; default 10.
/// Source: "Understanding the Lambda execution environment lifecycle", Init phase.
pub const DEFAULT_INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// The configuration of a function.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FunctionConfig {
    /// The program to run in every execution environment.
    pub bootstrap: PathBuf,
    /// The arguments of the program. Default: none, as on Lambda.
    pub arguments: Vec<String>,
    /// The function's name, part of its ARN. Default: the name of the bootstrap's file.
    pub name: String,
    /// The memory size that the function sees as `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, not enforced. Unit: MB; default
    /// 128.
    /// Source: "Configure Lambda function memory".
    pub memory_size_mb: u32,
    /// The time limit of one invocation; then its process is killed. Default: [`DEFAULT_TIMEOUT`].
    pub timeout: Duration,
    /// The time limit until a process asks for its first event. Default: [`DEFAULT_INIT_TIMEOUT`].
    pub init_timeout: Duration,
    /// The function's own variables. They win over those Lambda sets, except `AWS_LAMBDA_RUNTIME_API`; real Lambda
    /// refuses its reserved names instead.
    pub environment: Vec<(String, String)>,
    /// Reserved concurrency: the maximum number of environments at once. Default: 10.
    /// Beyond it an invocation waits; real Lambda refuses it with 429 ("Understanding Lambda function scaling").
    pub max_environments: usize,
    /// The maximum number of concurrent invocations in one environment. Default: 1, as for ordinary functions. Above 1,
    /// the process reads it as `AWS_LAMBDA_MAX_CONCURRENCY`. Source: "Lambda Managed Instances", where an environment
    /// takes several.
    pub max_concurrency: usize,
    /// `AWS_REGION`, and the region in the ARN. Default: `us-east-1`.
    pub region: String,
    /// The working directory and `LAMBDA_TASK_ROOT`. Default: the directory of the bootstrap.
    pub task_root: PathBuf,
    /// Whether every log line is also printed on our stderr. Default: no.
    pub forward_logs: bool,
}

impl FunctionConfig {
    /// Creates the configuration of a function made of this program, with defaults for everything else.
    pub fn new(bootstrap: impl AsRef<Path>) -> Self {
        let bootstrap = bootstrap.as_ref();
        // The process starts in its task root, so a relative path would no longer lead to it.
        let bootstrap = std::path::absolute(bootstrap).unwrap_or_else(|_| bootstrap.to_owned());
        Self {
            name: bootstrap.file_name().map_or_else(
                || "function".into(),
                |name| name.to_string_lossy().into_owned(),
            ),
            task_root: bootstrap.parent().map(Path::to_owned).unwrap_or_default(),
            bootstrap,
            arguments: Vec::new(),
            memory_size_mb: 128,
            timeout: DEFAULT_TIMEOUT,
            init_timeout: DEFAULT_INIT_TIMEOUT,
            environment: Vec::new(),
            max_environments: 10,
            max_concurrency: 1,
            region: "us-east-1".to_owned(),
            forward_logs: false,
        }
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets the time limit of one invocation.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum number of environments at once.
    #[must_use]
    pub fn max_environments(mut self, max: usize) -> Self {
        self.max_environments = max;
        self
    }

    /// Sets the maximum number of concurrent invocations in one environment.
    #[must_use]
    pub fn max_concurrency(mut self, max: usize) -> Self {
        self.max_concurrency = max;
        self
    }

    /// Returns the function's ARN, shaped like a real one.
    pub fn arn(&self) -> String {
        format!(
            "arn:aws:lambda:{}:{ACCOUNT}:function:{}",
            self.region, self.name
        )
    }
}

/// The account everything belongs to. Source: the example account of the AWS documentation.
pub(crate) const ACCOUNT: &str = "123456789012";
