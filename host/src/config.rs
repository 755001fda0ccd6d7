//! Every environment variable that the host reads, parsed once. An empty or blank value counts as unset. (The exception
//! is a variable that the AWS SDK reads too. The SDK does not treat a blank value as unset, so the host rejects it.)

mod checks;
mod parse;
mod renamed;
mod values;

use std::{
    cell::RefCell,
    collections::BTreeSet,
    ffi::OsString,
    path::PathBuf,
    time::{Duration, Instant},
};

use http::HeaderName;

use crate::{server::http::bearer_tokens::BearerTokens, store::seal::StateKey};

/// The settings from the environment variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `ENTRY_FILE`: the plugins to serve, in this order. Default: all plugins, by file name.
    pub entry_file: Vec<String>,
    /// `TOOLS_LIST`: the tools to serve. Default: the default tools of each layer.
    pub tools_list: Vec<String>,
    /// `MCP_PLUGIN_DIR`: the folder that contains the plugins. Default: `/opt/lib`, into which Lambda unpacks the
    /// folder `lib` of every layer.
    pub plugin_dir: PathBuf,
    /// `MCP_ON_BAD_PLUGIN`: whether a plugin that cannot be served stops the startup or is skipped. Default: `stop` on
    /// Lambda, otherwise `skip`.
    pub on_bad_plugin: OnBadPlugin,
    /// `MCP_PRELOAD`: whether plugins are opened and build their state at startup. Default: `all` under provisioned
    /// concurrency, otherwise `none`.
    pub preload: bool,
    /// `MCP_CALL_TIMEOUT_MS`: the time limit of a call. Unit: milliseconds. Default: the time limit of the gateway in
    /// front of the function, if there is one.
    pub call_timeout: Option<Duration>,
    /// `MCP_CALL_RESERVE_MS`: how long before the time limit of the function or the gateway a call must end, so that
    /// the response can still be sent. Unit: milliseconds. Default: 500.
    pub call_reserve: Duration,
    /// `MCP_MAX_CONCURRENT_CALLS`: the maximum number of concurrent calls. Further calls are rejected. Default: 256, or
    /// `AWS_LAMBDA_MAX_CONCURRENCY` if that is higher.
    pub max_concurrent_calls: usize,
    /// `MCP_MAX_JSON_VALUES`: the maximum number of JSON values in a message. Default: 200000.
    pub max_json_values: usize,
    /// `MCP_LIST_TTL_MS`: how long a client may cache the list of tools. Unit: milliseconds. Default: 60000.
    pub list_ttl_ms: u64,
    /// `MCP_LIST_PAGE_SIZE`: the maximum number of tools on one page of the list. Default: all tools on one page.
    pub list_page_size: Option<usize>,
    /// `MCP_RESPONSE_MODE`: how responses are sent to Lambda. Default: `buffered`.
    pub response_mode: ResponseMode,
    /// `MCP_SESSION_TABLE`: the DynamoDB table for sessions and the state of tools. Default: none. Each process then
    /// keeps its sessions in memory.
    pub session_table: Option<String>,
    /// `MCP_SESSION_MODE`: how messages with an unknown session are treated. Default: `lenient`.
    pub session_mode: SessionMode,
    /// Whether the state of tools may be kept in the memory of this process if there is no table. This is `false` on
    /// Lambda, where the next call may reach another execution environment that does not have the state.
    pub keeps_states_in_memory: bool,
    /// Lambda's settings for this execution environment; `None` outside of Lambda.
    pub lambda: Option<LambdaConfig>,
    /// `MCP_SESSION_TTL_SECONDS`: how long a session is kept after it was last used. Unit: seconds. Default: 86400, a
    /// day.
    pub session_ttl: Duration,
    /// `MCP_STATE_KEY`: the keys that encrypt the `requestState` of calls with input requests. Default: a key in the
    /// table. Without a table it is a key of this process, or on Lambda no key, so that tools cannot send input
    /// requests.
    pub state_keys: StateKeys,
    /// `MCP_STATE_TTL_SECONDS`: how long a client has to respond to input requests, and how long each of its responses
    /// is valid. Unit: seconds. Default: 3600, an hour.
    pub state_ttl: Duration,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the name of this Lambda function. A `requestState` of another function is not
    /// accepted. Default: none; Lambda sets it.
    pub function: Option<String>,
    /// `MCP_SERVER_NAME`: the server's name. Default: the name of the layer.
    pub server_name: Option<String>,
    /// `MCP_SERVER_VERSION`: the server's version. Default: the version of the layer.
    pub server_version: Option<String>,
    /// `MCP_BEARER_TOKENS`: the permitted callers, by the names and hashes of their tokens. Default: every caller whom
    /// the front door admits.
    pub bearer_tokens: BearerTokens,
    /// `MCP_ALLOWED_ORIGINS`: the origins (`https://app.example.com`) from which web pages may call, in addition to the
    /// front door's own origin. Default: none.
    pub allowed_origins: Vec<String>,
    /// `MCP_ALLOWED_HOSTS`: the values of the `Host` header that `serve` accepts, in addition to the names of this
    /// machine. Default: none.
    pub allowed_hosts: Vec<String>,
    /// `MCP_CONTEXT_HEADERS`: the request headers that plugins may see, in addition to those that they may always see.
    /// Default: none.
    pub context_headers: Vec<HeaderName>,
    /// `MCP_METRICS`: `emf` to write lines from which CloudWatch extracts metrics. Default: none.
    pub metrics: bool,
    /// The settings of the log.
    pub log: LogConfig,
    /// When the environment variables were read, which is the first thing that the process does.
    pub started_at: Instant,
    /// The problems with the values. If there are any, the host does not start.
    pub problems: Vec<String>,
    /// Messages about variables that have no effect, each a sentence for the log.
    pub warnings: Vec<String>,
}

/// Lambda's settings for an execution environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaConfig {
    /// `AWS_LAMBDA_RUNTIME_API`: the address from which invocations are fetched.
    pub runtime_api: String,
    /// `AWS_LAMBDA_MAX_CONCURRENCY`: the number of invocations that may be handled concurrently. Default: 1.
    pub max_concurrent_invocations: usize,
    /// Whether `AWS_LAMBDA_INITIALIZATION_TYPE` is `snap-start`. Lambda then takes a snapshot after startup, from which
    /// execution environments are restored.
    pub is_snapshot: bool,
}

/// How responses are sent to Lambda. (`bootstrap serve` always streams.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// Each response is sent as a whole. Every front door supports this.
    Buffered,
    /// Each response is streamed. The front door must support streaming.
    Stream,
}

/// How a message with an unknown session is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionMode {
    /// The message is served, because known clients never recover from a rejection.
    Lenient,
    /// The message is rejected with 404, and a message without a session with 400.
    Strict,
    /// There are no sessions.
    Off,
}

/// The keys that encrypt the state of calls between their rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateKeys {
    /// The configured keys. The first one encrypts, and each of them can decrypt, so that a key can be replaced without
    /// losing unfinished calls.
    Configured(Vec<StateKey>),
    /// A key in the table. The first execution environment that needs the key creates it.
    FromTable,
    /// A random key that only this process knows.
    Ephemeral,
    /// No key. A random key would not work here: the next round may reach another execution environment, which does not
    /// know it.
    Unavailable,
}

/// How a plugin is treated that cannot be served and that the configuration does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBadPlugin {
    /// It stops the startup.
    Stop,
    /// It is skipped.
    Skip,
}

/// The settings of the log. Their environment variables are defined by Lambda.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `AWS_LAMBDA_LOG_LEVEL`: the minimum severity of logged lines: TRACE, DEBUG, INFO, WARN, ERROR or FATAL. Default:
    /// INFO.
    pub level: String,
    /// Whether `AWS_LAMBDA_LOG_FORMAT` is `JSON`. The log is plain text otherwise.
    pub json: bool,
}

impl Config {
    /// Parses the environment variables. `get` returns the value of a variable in the system's encoding.
    pub fn from_os(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let unreadable = RefCell::new(BTreeSet::new());
        let mut config = Self::from_env(|name| match get(name)?.into_string() {
            Ok(value) => Some(value),
            Err(_) => {
                unreadable.borrow_mut().insert(name.to_owned());
                None
            }
        });
        // The message does not contain the value, which may be a key.
        let problem = |name| format!("{name} is not UTF-8; write it in UTF-8");
        let unreadable = unreadable.into_inner().into_iter().map(problem);
        config.problems.extend(unreadable);
        config
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn the_documentation_lists_every_variable_that_is_read() {
        let read = RefCell::new(BTreeSet::new());
        let config = Config::from_env(|name| {
            read.borrow_mut().insert(name.to_owned());
            None
        });
        assert_eq!(config.problems, [""; 0]);
        let read = read.into_inner().into_iter();
        let read = read.filter(|name| {
            name.starts_with("MCP_") || ["ENTRY_FILE", "TOOLS_LIST"].contains(&name.as_str())
        });
        let documented = include_str!("../../docs/operator/configuration.md")
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once(" | "))
            .flat_map(|(names, _)| names.split(", "))
            .map(|name| name.trim_matches('`').to_owned())
            // Lambda's own variables are described there, too.
            .filter(|name| !name.starts_with("AWS_"));
        assert_eq!(
            documented.collect::<BTreeSet<_>>(),
            read.collect::<BTreeSet<_>>()
        );
    }

    #[test]
    fn lists_are_read_tolerantly_and_blank_means_unset() {
        for (value, expected) in [
            ("greet,add", vec!["greet", "add"]),
            (" greet , , add,", vec!["greet", "add"]),
            ("", vec![]),
            (" , ", vec![]),
        ] {
            let config = Config::from_env(|name| (name == "TOOLS_LIST").then(|| value.to_owned()));
            assert_eq!(config.tools_list, expected, "TOOLS_LIST: {value:?}");
            assert_eq!(config.plugin_dir, PathBuf::from("/opt/lib"));
        }
    }

    #[test]
    fn lambda_stops_at_bad_plugins_and_provisioned_concurrency_preloads() {
        for (variables, on_bad_plugin, preload) in [
            (&[][..], OnBadPlugin::Skip, false),
            (
                &[("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")],
                OnBadPlugin::Stop,
                false,
            ),
            (
                &[
                    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
                    ("MCP_ON_BAD_PLUGIN", "Skip"),
                ],
                OnBadPlugin::Skip,
                false,
            ),
            (&[("MCP_ON_BAD_PLUGIN", "STOP")], OnBadPlugin::Stop, false),
            (&[("MCP_PRELOAD", "all")], OnBadPlugin::Skip, true),
            (
                &[("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")],
                OnBadPlugin::Skip,
                false,
            ),
            (
                &[("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency")],
                OnBadPlugin::Skip,
                true,
            ),
            (
                &[
                    ("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency"),
                    ("MCP_PRELOAD", "none"),
                ],
                OnBadPlugin::Skip,
                false,
            ),
        ] {
            let config = Config::from_env(|asked| {
                let set = variables.iter().find(|(name, _)| *name == asked)?;
                Some(set.1.to_owned())
            });
            assert_eq!(
                (config.on_bad_plugin, config.preload),
                (on_bad_plugin, preload),
                "{variables:?}"
            );
        }
    }

    #[test]
    fn a_value_that_is_not_utf8_is_a_problem_and_is_not_shown() {
        for name in [
            "MCP_BEARER_TOKENS",
            "MCP_STATE_KEY",
            "TOOLS_LIST",
            "MCP_LIST_TTL_MS",
        ] {
            let config = Config::from_os(|asked| {
                let bytes = b"0123456789abcdef0123456789abcdef\xff".to_vec();
                (asked == name).then(|| OsString::from_vec(bytes))
            });
            let problem = format!("{name} is not UTF-8; write it in UTF-8");
            assert_eq!(config.problems, [problem]);
        }
        let config = Config::from_os(|name| (name == "TOOLS_LIST").then(|| "größe".into()));
        assert_eq!(config.problems, [""; 0]);
        assert_eq!(config.tools_list, ["größe"]);
    }

    #[test]
    fn a_shared_table_decides_about_sessions_and_keys() {
        let (on_lambda, table) = (("AWS_LAMBDA_RUNTIME_API", "a"), ("MCP_SESSION_TABLE", "t"));
        let (strict, key) = (
            ("MCP_SESSION_MODE", "STRICT"),
            ("MCP_STATE_KEY", "0123456789abcdef0123456789abcdef"),
        );
        let given = StateKeys::Configured(vec![StateKey::parse(key.1).expect("a key")]);
        for (variables, keys, works) in [
            (&[][..], StateKeys::Ephemeral, true),
            (&[strict], StateKeys::Ephemeral, true),
            (&[table], StateKeys::FromTable, true),
            (&[table, key], given.clone(), true),
            (&[on_lambda], StateKeys::Unavailable, true),
            (&[on_lambda, key], given, true),
            (&[on_lambda, table], StateKeys::FromTable, true),
            (&[on_lambda, strict], StateKeys::Unavailable, false),
            (&[on_lambda, strict, table], StateKeys::FromTable, true),
        ] {
            let config = Config::from_env(|name| {
                let set = variables.iter().find(|(variable, _)| *variable == name);
                set.map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(config.state_keys, keys, "{variables:?}");
            assert_eq!(config.problems.is_empty(), works, "{variables:?}");
            let wanted = match variables.contains(&strict) {
                true => SessionMode::Strict,
                false => SessionMode::Lenient,
            };
            assert_eq!(config.session_mode, wanted, "{variables:?}");
        }
    }

    #[test]
    fn an_endpoint_has_a_scheme_and_a_host_and_no_user() {
        let problems = |variables: &[(&str, &str)]| {
            let set = |asked: &str| variables.iter().find(|(name, _)| *name == asked);
            Config::from_env(|name| Some(set(name)?.1.to_owned())).problems
        };
        let table = ("MCP_SESSION_TABLE", "t");
        for name in ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"] {
            for url in [
                "127.0.0.1:5555",
                "localhost:8000",
                "http://",
                "not a url",
                "ftp://localhost",
                "/",
            ] {
                let problem = format!(
                    "{name} is {url:?}; it must have a scheme and a host, such as http://localhost:8000"
                );
                assert_eq!(problems(&[table, (name, url)]), [problem]);
                assert_eq!(problems(&[(name, url)]), [""; 0], "nobody uses {url}");
            }
            for url in ["http://ada:secret@localhost:8000", "ada:secret@localhost"] {
                let problems = problems(&[table, (name, url)]);
                assert_eq!(problems.len(), 1, "{url}");
                assert!(!problems[0].contains("secret"), "{problems:?}");
                assert!(!problems[0].contains("ada"), "{problems:?}");
            }
            let blank = problems(&[table, (name, " ")]);
            assert_eq!(!blank.is_empty(), name.ends_with("DYNAMODB"), "{blank:?}");
            for url in ["http://localhost:8000", "https://[::1]:1/path", "HTTP://x"] {
                assert_eq!(problems(&[table, (name, url)]), [""; 0], "{url}");
            }
        }
    }

    #[test]
    fn an_invalid_number_is_a_problem_that_names_the_variable() {
        let config =
            Config::from_env(|name| (name == "MCP_LIST_TTL_MS").then(|| "a minute".to_owned()));
        assert_eq!(
            config.problems,
            [
                r#"MCP_LIST_TTL_MS is "a minute"; it must be a whole number from 0 to 18446744073709551615"#
            ]
        );
    }

    #[test]
    fn the_concurrency_limit_follows_lambdas() {
        for (variables, expected) in [
            (&[][..], 256),
            (&[("AWS_LAMBDA_MAX_CONCURRENCY", "10")], 256),
            (&[("AWS_LAMBDA_MAX_CONCURRENCY", "1000")], 1000),
            (&[("AWS_LAMBDA_MAX_CONCURRENCY", "1000000")], 10_000),
            (
                &[
                    ("AWS_LAMBDA_MAX_CONCURRENCY", "1000"),
                    ("MCP_MAX_CONCURRENT_CALLS", "5"),
                ],
                5,
            ),
        ] {
            let config = Config::from_env(|asked| {
                let set = variables.iter().find(|(name, _)| *name == asked)?;
                Some(set.1.to_owned())
            });
            assert_eq!(config.max_concurrent_calls, expected, "{variables:?}");
        }
    }

    #[test]
    fn values_that_could_never_work_are_problems() {
        for (name, value) in [
            ("MCP_ALLOWED_ORIGINS", "*"),
            ("MCP_ALLOWED_ORIGINS", "app.example.com"),
            ("MCP_ALLOWED_ORIGINS", "https://app.example.com/path"),
            ("MCP_ALLOWED_HOSTS", "*"),
            ("MCP_ALLOWED_HOSTS", "http://devbox"),
            ("MCP_CONTEXT_HEADERS", "x-tenant, Authorization"),
            ("MCP_CONTEXT_HEADERS", "cookie"),
            ("MCP_CONTEXT_HEADERS", "X-Api-Key"),
            ("MCP_CONTEXT_HEADERS", "proxy-authorization"),
            ("MCP_CONTEXT_HEADERS", "x-amz-security-token"),
            ("MCP_CONTEXT_HEADERS", "x tenant"),
            ("MCP_CONTEXT_HEADERS", "ü"),
            ("AWS_LAMBDA_LOG_LEVEL", "LOUD"),
            ("AWS_LAMBDA_LOG_FORMAT", "xml"),
            ("MCP_ON_BAD_PLUGIN", "ignore"),
            ("MCP_PRELOAD", "some"),
            ("MCP_CALL_TIMEOUT_MS", "0"),
            ("MCP_CALL_TIMEOUT_MS", "a minute"),
            ("MCP_CALL_RESERVE_MS", "-1"),
            ("MCP_MAX_CONCURRENT_CALLS", "0"),
            ("MCP_MAX_CONCURRENT_CALLS", "10001"),
            ("MCP_MAX_CONCURRENT_CALLS", "many"),
            ("MCP_LIST_PAGE_SIZE", "0"),
            ("MCP_LIST_PAGE_SIZE", "-1"),
            ("MCP_LIST_PAGE_SIZE", "all"),
            ("MCP_STATE_KEY", "secret"),
            ("MCP_BEARER_TOKENS", ","),
            ("MCP_BEARER_TOKENS", "ada"),
            ("MCP_BEARER_TOKENS", "ada:mcp_secret"),
            ("MCP_SESSION_MODE", "loose"),
            ("MCP_STATE_TTL_SECONDS", "an hour"),
            ("MCP_STATE_TTL_SECONDS", "0"),
            ("MCP_SESSION_TTL_SECONDS", "0"),
        ] {
            let config = Config::from_env(|asked| (asked == name).then(|| value.to_owned()));
            assert!(
                config.problems.len() == 1 && config.problems[0].starts_with(name),
                "{name}={value}: {:?}",
                config.problems
            );
        }
        for (name, value) in [
            (
                "MCP_ALLOWED_ORIGINS",
                "https://app.example.com/, http://localhost:5173",
            ),
            ("MCP_ALLOWED_HOSTS", "devbox,devbox:3000,[::1]:3000"),
            ("MCP_CONTEXT_HEADERS", "x-tenant, X-Region,"),
            ("AWS_LAMBDA_LOG_LEVEL", "debug"),
            ("MCP_LIST_PAGE_SIZE", "1"),
            ("AWS_LAMBDA_LOG_FORMAT", "Json"),
            ("MCP_CALL_TIMEOUT_MS", "60000"),
            ("MCP_MAX_CONCURRENT_CALLS", "1"),
            ("MCP_MAX_CONCURRENT_CALLS", "10000"),
            ("MCP_CALL_RESERVE_MS", "0"),
        ] {
            let config = Config::from_env(|asked| (asked == name).then(|| value.to_owned()));
            assert_eq!(config.problems, Vec::<String>::new(), "{name}={value}");
        }
    }
}
