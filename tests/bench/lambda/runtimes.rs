//! The functions to measure.

use std::{net::SocketAddr, path::Path};

use anyhow::Context;
use lambda_local::{Function, FunctionConfig, Invocation, ResponseMode};
use serde_json::{Value, json};

use bench::{Artifacts, MANY};

use crate::{event, service::TABLE};

/// An event, and the text that its answer must contain.
pub(crate) struct Exchange {
    pub(crate) event: String,
    pub(crate) expected: String,
}

/// A function with a name.
pub(crate) struct Runtime {
    pub(crate) name: &'static str,
    pub(crate) function: Function,
    pub(crate) call: Exchange,
    pub(crate) list: Exchange,
    /// The function's program.
    pub(crate) program: std::path::PathBuf,
    /// The empty functions to which this one's calls and lists are compared: they send as many bytes.
    pub(crate) empty_functions: Option<[&'static str; 2]>,
}

/// The empty function with an answer as large as that of a call.
pub(crate) const EMPTY: &str = "empty function";
const EMPTY_LIST_3: &str = "empty, list of 3";
const EMPTY_LIST_100: &str = "empty, list of 100";
const EMPTY_LIST_100_PLUGINS: &str = "empty, list of 100 plugins";
const EMPTY_LIST_HTTP: &str = "empty, list with an HTTP client";
const EMPTY_LIST_AWS: &str = "empty, list with the AWS SDK";

/// The host with three tools.
pub(crate) const THREE: &str = "3 tools";
/// The host with a hundred plugins.
pub(crate) const PLUGINS: &str = "100 plugins";
/// The host with one plugin of a hundred tools.
pub(crate) const TOOLS: &str = "100 tools";
/// The host without a line in the log for each request, as its peers have none.
pub(crate) const QUIET: &str = "3 tools, log level WARN";
/// The host that streams.
pub(crate) const STREAM: &str = "3 tools, streaming";
/// Plugins that are opened by their first call, and the same with `MCP_PRELOAD=all`, opened at the start.
pub(crate) const LAZY: [[&str; 2]; 3] = [
    [THREE, "3 tools, preloaded"],
    ["an HTTP client", "an HTTP client, preloaded"],
    ["the AWS SDK", "the AWS SDK, preloaded"],
];
/// The peer.
pub(crate) const PEER: &str = "rmcp, 3 tools";
/// The peer with a hundred tools.
pub(crate) const PEER_TOOLS: &str = "rmcp, 100 tools";

/// A host: its plugins, its configuration, the tool to call, the number of tools it lists, and the empty function with
/// a list as large.
struct Host<'a> {
    name: &'static str,
    plugins: &'a Path,
    environment: Vec<(&'static str, String)>,
    call: (String, &'static str),
    tools: usize,
    empty_function: &'static str,
}

/// Returns the hosts to measure; `service` is the service that tools call.
fn hosts(artifacts: &Artifacts, service: SocketAddr) -> Vec<Host<'_>> {
    let three = |name, environment: &[(&'static str, &str)]| Host {
        name,
        plugins: &artifacts.three,
        environment: environment
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        call: (event::call("add", &json!({ "a": 2, "b": 3 })), "\"5\""),
        tools: 3,
        empty_function: EMPTY_LIST_3,
    };
    let fetching = |name, preload: &str| Host {
        name,
        plugins: &artifacts.http,
        environment: vec![
            ("HTTP_TOOLS_ALLOW", service.to_string()),
            ("MCP_PRELOAD", preload.to_owned()),
        ],
        call: (
            event::call("fetch", &json!({ "url": format!("http://{service}/") })),
            TABLE,
        ),
        tools: 2,
        empty_function: EMPTY_LIST_HTTP,
    };
    let listing = |name, preload: &str| Host {
        name,
        plugins: &artifacts.aws,
        environment: vec![
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{service}")),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("MCP_PRELOAD", preload.to_owned()),
        ],
        call: (event::call("tables", &json!({})), TABLE),
        tools: 1,
        empty_function: EMPTY_LIST_AWS,
    };
    vec![
        three(THREE, &[]),
        Host {
            name: PLUGINS,
            plugins: &artifacts.plugins,
            environment: vec![],
            call: (event::call("tool_050", &json!({})), "this is tool_050"),
            tools: MANY,
            empty_function: EMPTY_LIST_100_PLUGINS,
        },
        Host {
            name: TOOLS,
            plugins: &artifacts.tools,
            environment: vec![],
            call: (event::call("tool050", &json!({ "a": 2, "b": 3 })), "\"5\""),
            tools: MANY,
            empty_function: EMPTY_LIST_100,
        },
        three(LAZY[0][1], &[("MCP_PRELOAD", "all")]),
        three(
            "3 tools, with a table",
            &[("MCP_SESSION_TABLE", "mcp-sessions")],
        ),
        three(QUIET, &[("AWS_LAMBDA_LOG_LEVEL", "WARN")]),
        three(STREAM, &[("MCP_RESPONSE_MODE", "stream")]),
        fetching(LAZY[1][0], "none"),
        fetching(LAZY[1][1], "all"),
        listing(LAZY[2][0], "none"),
        listing(LAZY[2][1], "all"),
    ]
}

impl Host<'_> {
    /// Returns the function of this host, run by `program`.
    fn runtime(&self, program: &Path) -> Runtime {
        let folder = self.plugins.to_string_lossy().into_owned();
        let variables = self.environment.iter().cloned();
        let mut config = FunctionConfig::new(program)
            .env("AWS_ACCESS_KEY_ID", "none")
            .env("AWS_SECRET_ACCESS_KEY", "none");
        for (name, value) in variables.chain([("MCP_PLUGIN_DIR", folder)]) {
            // A baseline may read the name from before the prefix. Every host gets both.
            if let Some(old) = name.strip_prefix("MCP_") {
                config = config.env(old, &value);
            }
            config = config.env(name, value);
        }
        let (call, answer) = &self.call;
        Runtime {
            name: self.name,
            function: Function::new(config),
            call: Exchange {
                event: call.clone(),
                expected: (*answer).to_owned(),
            },
            list: Exchange {
                event: event::list(),
                expected: "\"inputSchema\"".to_owned(),
            },
            program: program.to_owned(),
            empty_functions: Some([EMPTY, self.empty_function]),
        }
    }
}

/// Returns every host, run by each of these programs.
pub(crate) fn by_programs<const N: usize>(
    artifacts: &Artifacts,
    service: SocketAddr,
    programs: [&Path; N],
) -> Vec<[Runtime; N]> {
    let hosts = hosts(artifacts, service);
    let hosts = hosts
        .iter()
        .map(|host| programs.map(|program| host.runtime(program)));
    hosts.collect()
}

/// Returns all of them; `service` is the service that tools call.
pub(crate) async fn all(
    artifacts: &Artifacts,
    service: SocketAddr,
) -> anyhow::Result<Vec<Runtime>> {
    let mut runtimes = Vec::new();
    let mut empty_functions: Vec<(&'static str, String)> = Vec::new();
    for host in hosts(artifacts, service) {
        let Host {
            name,
            tools,
            empty_function,
            ..
        } = host;
        let runtime = host.runtime(&artifacts.host);
        if name == THREE {
            empty_functions.push((EMPTY, answer_body(&runtime, &runtime.call).await?));
        }
        let listed = answer_body(&runtime, &runtime.list).await?;
        let names = listed.matches("\"inputSchema\"").count();
        anyhow::ensure!(
            names == tools,
            "{name}: {names} tools are listed, not {tools}"
        );
        if !empty_functions
            .iter()
            .any(|(known, _)| *known == empty_function)
        {
            empty_functions.push((empty_function, listed));
        }
        runtimes.push(runtime);
    }
    let peer = |name, tools: &str, tool, empty_function| {
        let config = FunctionConfig::new(&artifacts.peer).env("TOOLS", tools);
        Runtime {
            name,
            function: Function::new(config),
            call: Exchange {
                event: event::call(tool, &json!({ "a": 2, "b": 3 })),
                expected: "\"5\"".to_owned(),
            },
            list: Exchange {
                event: event::list(),
                expected: "\"inputSchema\"".to_owned(),
            },
            program: artifacts.peer.clone(),
            empty_functions: Some([EMPTY, empty_function]),
        }
    };
    runtimes.push(peer(PEER, "3", "add", EMPTY_LIST_3));
    runtimes.push(peer(PEER_TOOLS, "100", "tool050", EMPTY_LIST_100));
    let empty_functions = empty_functions
        .into_iter()
        .map(|(name, answer)| empty_function(&artifacts.empty_function, name, answer));
    // First, since all others are compared to them.
    Ok(empty_functions.chain(runtimes).collect())
}

/// Returns an empty function with this answer.
fn empty_function(program: &Path, name: &'static str, answer: String) -> Runtime {
    let exchange = || Exchange {
        event: event::call("add", &json!({ "a": 2, "b": 3 })),
        expected: "\"jsonrpc\"".to_owned(),
    };
    Runtime {
        name,
        function: Function::new(FunctionConfig::new(program).env("ANSWER", answer)),
        call: exchange(),
        list: Exchange {
            event: event::list(),
            ..exchange()
        },
        program: program.to_owned(),
        empty_functions: None,
    }
}

async fn answer_body(runtime: &Runtime, exchange: &Exchange) -> anyhow::Result<String> {
    let invocation = runtime
        .function
        .invoke_bytes(exchange.event.clone())
        .await?;
    check_answer(runtime.name, &invocation, &exchange.expected)
}

/// Returns the body of an answer, if it is the expected one.
pub(crate) fn check_answer(
    name: &str,
    invocation: &Invocation,
    expected: &str,
) -> anyhow::Result<String> {
    let (status, body) = match invocation.response_mode {
        ResponseMode::Streaming => {
            let (head, body) = invocation.http_stream().context("no stream of HTTP")?;
            (
                head["statusCode"].clone(),
                String::from_utf8(body.to_vec())?,
            )
        }
        _ => {
            let answer: Value = invocation.json()?;
            let body = answer["body"].as_str().unwrap_or_default().to_owned();
            (answer["statusCode"].clone(), body)
        }
    };
    anyhow::ensure!(
        status == 200 && body.contains(expected) && !body.contains("isError\":true"),
        "{name} answers {status}: {body}"
    );
    Ok(body)
}
