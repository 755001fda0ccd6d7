//! The environment variables of the process: those of Lambda, those of the function's configuration, and from this
//! program only `PATH`.
//!
//! Source for names and values: "Working with Lambda environment variables", defined runtime environment variables.
//! `AWS_EXECUTION_ENV` is missing on purpose: Lambda does not set it for OS-only runtimes.

use std::{collections::BTreeMap, ffi::OsString, net::SocketAddr};

use crate::config::FunctionConfig;

/// Returns all environment variables of a process whose Runtime API is at `runtime_api`.
pub(crate) fn for_process(
    config: &FunctionConfig,
    runtime_api: SocketAddr,
    log_stream: &str,
) -> BTreeMap<OsString, OsString> {
    let task_root = config.task_root.as_os_str();
    let path =
        std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin:/opt/bin".into());
    let mut variables: BTreeMap<OsString, OsString> = BTreeMap::new();
    let mut set = |name: &str, value: OsString| variables.insert(name.into(), value);

    for (name, value) in [
        ("_HANDLER", "bootstrap"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        (
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
        ("AWS_SESSION_TOKEN", "session-token-of-lambda-local"),
        ("AWS_DEFAULT_REGION", &config.region),
        ("AWS_REGION", &config.region),
        ("AWS_LAMBDA_FUNCTION_NAME", &config.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LANG", "en_US.UTF-8"),
        (
            "LD_LIBRARY_PATH",
            "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
        ),
        ("TZ", ":UTC"),
    ] {
        set(name, value.into());
    }
    set(
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        config.memory_size_mb.to_string().into(),
    );
    set(
        "AWS_LAMBDA_LOG_GROUP_NAME",
        format!("/aws/lambda/{}", config.name).into(),
    );
    if config.max_concurrency > 1 {
        let max = config.max_concurrency.to_string();
        set("AWS_LAMBDA_MAX_CONCURRENCY", max.into());
    }
    set("LAMBDA_TASK_ROOT", task_root.into());
    set("PATH", path);

    for (name, value) in &config.environment {
        set(name, value.into());
    }
    // Only `host:port`, as on Lambda: lambda_runtime panics if there is a path without a scheme.
    set("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string().into());
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_variables_win_except_over_the_runtime_api() {
        let config = FunctionConfig::new("/var/task/bootstrap")
            .env("AWS_REGION", "eu-west-1")
            .env("MINE", "1")
            .env("AWS_LAMBDA_RUNTIME_API", "elsewhere");
        let variables = for_process(&config, ([127, 0, 0, 1], 9001).into(), "stream");
        for (name, value) in [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("MINE", "1"),
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
            ("AWS_LAMBDA_FUNCTION_NAME", "bootstrap"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
        ] {
            assert_eq!(
                variables.get(&OsString::from(name)),
                Some(&value.into()),
                "{name}"
            );
        }
        assert!(!variables.contains_key(&OsString::from("HOME")));
    }
}
