//! Parses the environment variables.

use std::time::{Duration, Instant};

use http::HeaderName;
use tool_rules::MAX_JSON_VALUES;

use super::{
    Config, LambdaConfig, LogConfig, OnBadPlugin, ResponseMode, SessionMode, StateKeys,
    checks::{check_callers, check_endpoints, check_strict_sessions, check_times, context_header},
    renamed::check_renamed,
    values::Values,
};
use crate::{server::http::bearer_tokens::BearerTokens, store::seal::StateKey};

/// The default maximum number of concurrent calls. Each call has its own thread.
/// Source: ours. It is a quarter of the threads that a Lambda function may have (1,024: quotas, "File descriptors" and
/// "Execution processes and threads"). Each thread's stack takes 2 MiB of address space.
const DEFAULT_CONCURRENT_CALLS: usize = 256;

/// The highest configurable number of concurrent calls. Source: ours; operating systems allow a process some tens of
/// thousands of threads.
const MAX_CONCURRENT_CALLS: usize = 10_000;

impl Config {
    /// Parses the environment variables. `get` returns the value of a variable.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let started_at = Instant::now();
        let mut values = Values::new(&get);
        let times = Times::parse(&mut values);
        let list_page_size = values.count("MCP_LIST_PAGE_SIZE", usize::MAX);
        let max_json_values = values.count("MCP_MAX_JSON_VALUES", usize::MAX);
        let concurrency = values.text("AWS_LAMBDA_MAX_CONCURRENCY");
        let concurrency = concurrency.and_then(|value| value.parse().ok());
        let max_concurrent_calls = max_concurrent_calls(&mut values, concurrency);
        let keys = keys(&mut values);
        let initialization = values.text("AWS_LAMBDA_INITIALIZATION_TYPE");
        let initialization = initialization.as_deref();
        let lambda = lambda(&values, concurrency, initialization);
        let on_lambda = lambda.is_some();
        let session_table = values.text("MCP_SESSION_TABLE");
        check_endpoints(&mut values, session_table.is_some());
        let modes = Modes::parse(&mut values, on_lambda, initialization);
        if modes.session == SessionMode::Strict {
            check_strict_sessions(&mut values, on_lambda, session_table.is_some());
        }
        let bearer_tokens = bearer_tokens(&mut values);
        let allowed_origins = values.list("MCP_ALLOWED_ORIGINS");
        let allowed_hosts = values.list("MCP_ALLOWED_HOSTS");
        check_callers(&mut values, &allowed_origins, &allowed_hosts);
        let context_headers = context_headers(&mut values);
        let plugin_dir = values.text("MCP_PLUGIN_DIR");
        let warnings = check_renamed(&mut values);
        Self {
            entry_file: values.list("ENTRY_FILE"),
            tools_list: values.list("TOOLS_LIST"),
            plugin_dir: plugin_dir.unwrap_or_else(|| "/opt/lib".to_owned()).into(),
            on_bad_plugin: modes.on_bad_plugin,
            preload: modes.preload,
            call_timeout: times.call_timeout,
            call_reserve: times.call_reserve,
            max_concurrent_calls,
            max_json_values: max_json_values.unwrap_or(MAX_JSON_VALUES),
            list_ttl_ms: times.list_ttl_ms,
            list_page_size,
            response_mode: modes.response,
            state_keys: state_keys(keys, session_table.is_some(), on_lambda),
            session_table,
            session_mode: modes.session,
            keeps_states_in_memory: !on_lambda,
            lambda,
            session_ttl: times.session_ttl,
            state_ttl: times.state_ttl,
            function: values.text("AWS_LAMBDA_FUNCTION_NAME"),
            server_name: values.text("MCP_SERVER_NAME"),
            server_version: values.text("MCP_SERVER_VERSION"),
            bearer_tokens,
            allowed_origins,
            allowed_hosts,
            context_headers,
            metrics: modes.metrics,
            started_at,
            log: modes.log,
            problems: values.problems,
            warnings,
        }
    }
}

/// The settings that are durations.
struct Times {
    call_timeout: Option<Duration>,
    call_reserve: Duration,
    list_ttl_ms: u64,
    session_ttl: Duration,
    state_ttl: Duration,
}

impl Times {
    fn parse(values: &mut Values<'_>) -> Self {
        let call_timeout = values.number("MCP_CALL_TIMEOUT_MS", 0);
        let times = Self {
            call_timeout: (call_timeout > 0).then(|| Duration::from_millis(call_timeout)),
            call_reserve: Duration::from_millis(values.number("MCP_CALL_RESERVE_MS", 500)),
            list_ttl_ms: values.number("MCP_LIST_TTL_MS", 60_000),
            session_ttl: Duration::from_secs(values.number("MCP_SESSION_TTL_SECONDS", 86_400)),
            state_ttl: Duration::from_secs(values.number("MCP_STATE_TTL_SECONDS", 3600)),
        };
        check_times(values);
        times
    }
}

/// The settings that have a few named values.
struct Modes {
    log: LogConfig,
    on_bad_plugin: OnBadPlugin,
    metrics: bool,
    response: ResponseMode,
    session: SessionMode,
    preload: bool,
}

impl Modes {
    fn parse(values: &mut Values<'_>, on_lambda: bool, initialization: Option<&str>) -> Self {
        let level = values.one_of(
            "AWS_LAMBDA_LOG_LEVEL",
            &["INFO", "TRACE", "DEBUG", "WARN", "ERROR", "FATAL"],
        );
        let format = values.one_of("AWS_LAMBDA_LOG_FORMAT", &["Text", "JSON"]);
        let on_bad_plugin = match on_lambda {
            true => values.one_of("MCP_ON_BAD_PLUGIN", &["stop", "skip"]),
            false => values.one_of("MCP_ON_BAD_PLUGIN", &["skip", "stop"]),
        };
        let metrics = values.one_of("MCP_METRICS", &["none", "emf"]);
        let response = values.one_of("MCP_RESPONSE_MODE", &["buffered", "stream"]);
        let session = values.one_of("MCP_SESSION_MODE", &["lenient", "strict", "off"]);
        let preload = match initialization {
            Some("provisioned-concurrency") => values.one_of("MCP_PRELOAD", &["all", "none"]),
            _ => values.one_of("MCP_PRELOAD", &["none", "all"]),
        };
        Self {
            log: LogConfig {
                json: format.eq_ignore_ascii_case("JSON"),
                level,
            },
            on_bad_plugin: if on_bad_plugin.eq_ignore_ascii_case("stop") {
                OnBadPlugin::Stop
            } else {
                OnBadPlugin::Skip
            },
            metrics: metrics.eq_ignore_ascii_case("emf"),
            response: if response.eq_ignore_ascii_case("stream") {
                ResponseMode::Stream
            } else {
                ResponseMode::Buffered
            },
            session: match session.to_ascii_lowercase().as_str() {
                "strict" => SessionMode::Strict,
                "off" => SessionMode::Off,
                _ => SessionMode::Lenient,
            },
            preload: preload.eq_ignore_ascii_case("all"),
        }
    }
}

/// Returns the maximum number of concurrent calls. `concurrency` is the number of concurrent invocations on Lambda.
fn max_concurrent_calls(values: &mut Values<'_>, concurrency: Option<usize>) -> usize {
    let is_set = values.text("MCP_MAX_CONCURRENT_CALLS").is_some();
    match values.count("MCP_MAX_CONCURRENT_CALLS", MAX_CONCURRENT_CALLS) {
        Some(calls) => calls,
        None if is_set => DEFAULT_CONCURRENT_CALLS,
        None => concurrency
            .unwrap_or(0)
            .clamp(DEFAULT_CONCURRENT_CALLS, MAX_CONCURRENT_CALLS),
    }
}

/// Returns Lambda's settings for this execution environment; `None` outside of Lambda.
fn lambda(
    values: &Values<'_>,
    concurrency: Option<usize>,
    initialization: Option<&str>,
) -> Option<LambdaConfig> {
    Some(LambdaConfig {
        runtime_api: values.text("AWS_LAMBDA_RUNTIME_API")?,
        max_concurrent_invocations: concurrency.unwrap_or(0).clamp(1, MAX_CONCURRENT_CALLS),
        is_snapshot: initialization == Some("snap-start"),
    })
}

/// Returns the configured keys for `requestState`.
fn keys(values: &mut Values<'_>) -> Vec<StateKey> {
    let mut keys = Vec::new();
    for (position, key) in values.list("MCP_STATE_KEY").iter().enumerate() {
        match StateKey::parse(key) {
            Ok(key) => keys.push(key),
            // The message does not contain the key.
            Err(problem) => values
                .problems
                .push(format!("MCP_STATE_KEY: key {} {problem}", position + 1)),
        }
    }
    keys
}

/// Returns the configured keys. If there are none, returns where a key comes from instead.
fn state_keys(configured: Vec<StateKey>, has_table: bool, on_lambda: bool) -> StateKeys {
    if !configured.is_empty() {
        StateKeys::Configured(configured)
    } else if has_table {
        StateKeys::FromTable
    } else if on_lambda {
        StateKeys::Unavailable
    } else {
        StateKeys::Ephemeral
    }
}

fn bearer_tokens(values: &mut Values<'_>) -> BearerTokens {
    let Some(value) = values.text("MCP_BEARER_TOKENS") else {
        return BearerTokens::default();
    };
    BearerTokens::parse(&value).unwrap_or_else(|wrong| {
        let problem = |what| format!("MCP_BEARER_TOKENS: {what}");
        values.problems.extend(wrong.into_iter().map(problem));
        BearerTokens::default()
    })
}

fn context_headers(values: &mut Values<'_>) -> Vec<HeaderName> {
    let mut headers = Vec::new();
    for name in values.list("MCP_CONTEXT_HEADERS") {
        match context_header(&name) {
            Ok(header) => headers.push(header),
            Err(problem) => values
                .problems
                .push(format!("MCP_CONTEXT_HEADERS has {name:?}, {problem}")),
        }
    }
    headers
}
