//! The settings of a function: its binary, its name, its limits, its environment variables.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The default time limit of one invocation. Unit: seconds; default 30. Source: ours. Lambda's own default is 3 and its
/// maximum 900 ("Configure Lambda function timeout").
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The default time limit for an environment to initialize, that is, to request its first event. Unit: seconds; default
/// 10. Source: "Understanding the Lambda execution environment lifecycle", Init phase.
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
    /// The memory size that the function sees in `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`. It is not enforced. Unit: MB;
    /// default 128. Source: "Configure Lambda function memory".
    pub memory_size_mb: u32,
    /// The time limit of one invocation, after which the process is killed. Default: [`DEFAULT_TIMEOUT`].
    pub timeout: Duration,
    /// The time limit for a process to request its first event. Default: [`DEFAULT_INIT_TIMEOUT`].
    pub init_timeout: Duration,
    /// The environment variables that are configured for the function. They replace those that Lambda sets, except
    /// `AWS_LAMBDA_RUNTIME_API`. (Real Lambda rejects variables with reserved names instead.)
    pub environment: Vec<(String, String)>,
    /// The maximum number of environments that exist at the same time (reserved concurrency). Default: 10. If all are
    /// busy, an invocation waits; real Lambda rejects it with 429 ("Understanding Lambda function scaling").
    pub max_environments: usize,
    /// The maximum number of concurrent invocations in one environment. Default: 1, as for ordinary functions. If it is
    /// above 1, the process gets it in `AWS_LAMBDA_MAX_CONCURRENCY`. Source: "Lambda Managed Instances", whose
    /// environments accept several.
    pub max_concurrency: usize,
    /// The region, in `AWS_REGION` and in the ARN. Default: `us-east-1`.
    pub region: String,
    /// The working directory of the process, also in `LAMBDA_TASK_ROOT`. Default: the directory of the bootstrap.
    pub task_root: PathBuf,
    /// Whether every log line is also printed on stderr of this program. Default: no.
    pub forward_logs: bool,
}

impl FunctionConfig {
    /// Creates the configuration of a function that runs this program. Everything else has its default.
    pub fn new(bootstrap: impl AsRef<Path>) -> Self {
        let bootstrap = bootstrap.as_ref();
        // The process starts in its task root, where a relative path would not lead to the program.
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

    /// Sets the maximum number of environments that exist at the same time.
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

    /// Returns the function's ARN, in the form of a real one.
    pub fn arn(&self) -> String {
        format!(
            "arn:aws:lambda:{}:{ACCOUNT}:function:{}",
            self.region, self.name
        )
    }
}

/// The id of the AWS account to which everything belongs. Source: the example account of the AWS documentation.
pub(crate) const ACCOUNT: &str = "123456789012";
