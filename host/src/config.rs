//! Every environment variable the host reads, parsed once. An empty or blank value counts as unset (or is refused, where the
//! AWS SDK reads it too, to which it is a value).

mod checks;
mod parse;
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

/// What the environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `ENTRY_FILE`: the plugins to serve, in this order. Default: all, by file name.
    pub entry_file: Vec<String>,
    /// `TOOLS_LIST`: the tools to serve. Default: all.
    pub tools_list: Vec<String>,
    /// `PLUGIN_DIR`: the folder of the plugins. Default: `/opt/lib`, where Lambda unpacks the `lib` of every layer.
    pub plugin_dir: PathBuf,
    /// `ON_BAD_PLUGIN`: what becomes of a plugin that cannot serve. Default: `stop` on Lambda, else `skip`.
    pub on_bad_plugin: OnBadPlugin,
    /// `PRELOAD`: open plugins and build their state at the start? Default: `none`, under provisioned concurrency `all`.
    pub preload: bool,
    /// `CALL_TIMEOUT_MS`: how long a call may take. Unit: milliseconds. Default: what the gateway in front of the function
    /// waits, if it has a limit.
    pub call_timeout: Option<Duration>,
    /// `CALL_RESERVE_MS`: how long before the function's or the gateway's own limit a call is given up, so that there is
    /// time to say so. Unit: milliseconds. Default: 500.
    pub call_reserve: Duration,
    /// `CALLS_AT_ONCE`: how many calls run at once; those beyond are refused. Default: 256, or what
    /// `AWS_LAMBDA_MAX_CONCURRENCY` says, if that is more.
    pub max_concurrent_calls: usize,
    /// `LIST_TTL_MS`: how long a client may keep the list of tools. Unit: milliseconds. Default: 60000.
    pub list_ttl_ms: u64,
    /// `LIST_PAGE_SIZE`: the most tools on one page of the list. Default: all of them.
    pub list_page_size: Option<usize>,
    /// `RESPONSE_MODE`: how Lambda hears an answer. Default: `buffered`.
    pub response_mode: ResponseMode,
    /// `SESSION_TABLE`: the DynamoDB table of sessions and of what tools keep. Default: none, so that sessions are in the
    /// memory of each process.
    pub session_table: Option<String>,
    /// `SESSION_MODE`: what a session is worth. Default: `heal`.
    pub session_mode: SessionMode,
    /// May what tools keep be in the memory of this process, where there is no table? Not on Lambda: the next call may reach another
    /// environment, which would not have it.
    pub keeps_states_in_memory: bool,
    /// What Lambda says of this environment, of which there may be several; none elsewhere.
    pub lambda: Option<LambdaConfig>,
    /// `SESSION_TTL_SECONDS`: how long a session lives after it was last used. Unit: seconds. Default: 86400, a day.
    pub session_ttl: Duration,
    /// `STATE_KEY`: what seals the `requestState` of calls that ask their client. Default: one in the table; without a table on
    /// Lambda none, so that no tool can ask, and elsewhere one of this process.
    pub state_keys: StateKeys,
    /// `STATE_TTL_SECONDS`: how long a client may take to answer a tool's questions, and how long each answer holds. Unit:
    /// seconds. Default: 3600, an hour.
    pub state_ttl: Duration,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the function this is, which takes no other's `requestState`. Default: none, as everywhere but
    /// on Lambda, where it is set.
    pub function: Option<String>,
    /// `MCP_SERVER_NAME`: the server's name. Default: the layer's.
    pub server_name: Option<String>,
    /// `MCP_SERVER_VERSION`: the server's version. Default: the layer's.
    pub server_version: Option<String>,
    /// `BEARER_TOKENS`: who may call, by names and hashes of tokens. Default: whoever the front door lets in.
    pub bearer_tokens: BearerTokens,
    /// `ALLOWED_ORIGINS`: origins (`https://app.example.com`) that browsers may call from, besides those that the front
    /// door knows to be its own. Default: none.
    pub allowed_origins: Vec<String>,
    /// `ALLOWED_HOSTS`: values of the `Host` header that `serve` answers to, besides the names of this machine.
    /// Default: none.
    pub allowed_hosts: Vec<String>,
    /// `CONTEXT_HEADERS`: headers of a request that plugins may see, besides those that they always may. Default: none.
    pub context_headers: Vec<HeaderName>,
    /// `METRICS`: `emf` for lines that CloudWatch makes metrics of. Default: none.
    pub metrics: bool,
    /// How to log.
    pub log: LogConfig,
    /// When the environment was looked at, the first thing that the process does.
    pub started_at: Instant,
    /// What was wrong with the values: the host refuses to start.
    pub problems: Vec<String>,
}

/// What Lambda says of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaConfig {
    /// `AWS_LAMBDA_RUNTIME_API`: where invocations are fetched from.
    pub runtime_api: String,
    /// `AWS_LAMBDA_MAX_CONCURRENCY`: how many invocations may be fetched at once. Default: 1.
    pub max_concurrent_invocations: usize,
    /// `AWS_LAMBDA_INITIALIZATION_TYPE` is `snap-start`: a snapshot is taken after the start, and environments are made of it.
    pub is_snapshot: bool,
}

/// How Lambda hears an answer. (`bootstrap serve` always streams.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// Whole: every front door can pass it on.
    Buffered,
    /// As it happens: the front door must be one that streams, too.
    Stream,
}

/// What becomes of a message whose session is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionMode {
    /// It is served: known clients never recover from a refusal.
    Lenient,
    /// It is refused by 404, and one that names no session by 400.
    Strict,
    /// There are no sessions.
    Off,
}

/// What seals the state of calls between their rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateKeys {
    /// These: the first seals, all open, so that keys can be changed without losing what is under way.
    Configured(Vec<StateKey>),
    /// The one that is in the table, or is put there by whoever needs it first.
    FromTable,
    /// One that this process makes for itself.
    Ephemeral,
    /// None: the next round may reach another environment, which would not know a key that this one made.
    Unavailable,
}

/// What becomes of a plugin that cannot serve and that nobody named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBadPlugin {
    /// It stops the start.
    Stop,
    /// It is left out.
    Skip,
}

/// How to log, as Lambda defines these variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `AWS_LAMBDA_LOG_LEVEL`: the least important level that is written: TRACE, DEBUG, INFO, WARN, ERROR or FATAL.
    /// Default: INFO.
    pub level: String,
    /// `AWS_LAMBDA_LOG_FORMAT`: `JSON`, else text.
    pub json: bool,
}

impl Config {
    /// Parse the environment, given as a function from names to values as the system has them.
    pub fn from_os(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let unreadable = RefCell::new(BTreeSet::new());
        let mut config = Self::from_env(|name| match get(name)?.into_string() {
            Ok(value) => Some(value),
            Err(_) => {
                unreadable.borrow_mut().insert(name.to_owned());
                None
            }
        });
        // Never the value itself: it may be a key.
        let problem = |name| format!("{name} is not UTF-8; write it in characters that are");
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
                    ("ON_BAD_PLUGIN", "Skip"),
                ],
                OnBadPlugin::Skip,
                false,
            ),
            (&[("ON_BAD_PLUGIN", "STOP")], OnBadPlugin::Stop, false),
            (&[("PRELOAD", "all")], OnBadPlugin::Skip, true),
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
                    ("PRELOAD", "none"),
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
        for name in ["BEARER_TOKENS", "STATE_KEY", "TOOLS_LIST", "LIST_TTL_MS"] {
            let config = Config::from_os(|asked| {
                let bytes = b"0123456789abcdef0123456789abcdef\xff".to_vec();
                (asked == name).then(|| OsString::from_vec(bytes))
            });
            let problem = format!("{name} is not UTF-8; write it in characters that are");
            assert_eq!(config.problems, [problem]);
        }
        let config = Config::from_os(|name| (name == "TOOLS_LIST").then(|| "größe".into()));
        assert_eq!(config.problems, [""; 0]);
        assert_eq!(config.tools_list, ["größe"]);
    }

    #[test]
    fn a_shared_table_decides_about_sessions_and_keys() {
        let (on_lambda, table) = (("AWS_LAMBDA_RUNTIME_API", "a"), ("SESSION_TABLE", "t"));
        let (strict, key) = (
            ("SESSION_MODE", "STRICT"),
            ("STATE_KEY", "0123456789abcdef0123456789abcdef"),
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
        let table = ("SESSION_TABLE", "t");
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
            Config::from_env(|name| (name == "LIST_TTL_MS").then(|| "a minute".to_owned()));
        assert_eq!(
            config.problems,
            [
                r#"LIST_TTL_MS is "a minute"; it must be a whole number from 0 to 18446744073709551615"#
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
                    ("CALLS_AT_ONCE", "5"),
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
            ("ALLOWED_ORIGINS", "*"),
            ("ALLOWED_ORIGINS", "app.example.com"),
            ("ALLOWED_ORIGINS", "https://app.example.com/path"),
            ("ALLOWED_HOSTS", "*"),
            ("ALLOWED_HOSTS", "http://devbox"),
            ("CONTEXT_HEADERS", "x-tenant, Authorization"),
            ("CONTEXT_HEADERS", "cookie"),
            ("CONTEXT_HEADERS", "X-Api-Key"),
            ("CONTEXT_HEADERS", "proxy-authorization"),
            ("CONTEXT_HEADERS", "x-amz-security-token"),
            ("CONTEXT_HEADERS", "x tenant"),
            ("CONTEXT_HEADERS", "ü"),
            ("AWS_LAMBDA_LOG_LEVEL", "LOUD"),
            ("AWS_LAMBDA_LOG_FORMAT", "xml"),
            ("ON_BAD_PLUGIN", "ignore"),
            ("PRELOAD", "some"),
            ("CALL_TIMEOUT_MS", "0"),
            ("CALL_TIMEOUT_MS", "a minute"),
            ("CALL_RESERVE_MS", "-1"),
            ("CALLS_AT_ONCE", "0"),
            ("CALLS_AT_ONCE", "10001"),
            ("CALLS_AT_ONCE", "many"),
            ("LIST_PAGE_SIZE", "0"),
            ("LIST_PAGE_SIZE", "-1"),
            ("LIST_PAGE_SIZE", "all"),
            ("STATE_KEY", "secret"),
            ("BEARER_TOKENS", ","),
            ("BEARER_TOKENS", "ada"),
            ("BEARER_TOKENS", "ada:mcp_secret"),
            ("SESSION_MODE", "loose"),
            ("STATE_TTL_SECONDS", "an hour"),
            ("STATE_TTL_SECONDS", "0"),
            ("SESSION_TTL_SECONDS", "0"),
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
                "ALLOWED_ORIGINS",
                "https://app.example.com/, http://localhost:5173",
            ),
            ("ALLOWED_HOSTS", "devbox,devbox:3000,[::1]:3000"),
            ("CONTEXT_HEADERS", "x-tenant, X-Region,"),
            ("AWS_LAMBDA_LOG_LEVEL", "debug"),
            ("LIST_PAGE_SIZE", "1"),
            ("AWS_LAMBDA_LOG_FORMAT", "Json"),
            ("CALL_TIMEOUT_MS", "60000"),
            ("CALLS_AT_ONCE", "1"),
            ("CALLS_AT_ONCE", "10000"),
            ("CALL_RESERVE_MS", "0"),
        ] {
            let config = Config::from_env(|asked| (asked == name).then(|| value.to_owned()));
            assert_eq!(config.problems, Vec::<String>::new(), "{name}={value}");
        }
    }
}
