//! One request in, one answer out: joins protocol, sessions and plugins.
//!
//! The only place that decides who reads what of an error: the model gets a result with `isError`, the client a JSON-RPC
//! error, the operator a line in the log.
//!
//! # The order of checks
//!
//! | step | check of a modern request | refusal | where |
//! |---|---|---|---|
//! | 1 | `Origin` and `Host` may call | 403 | [`McpServer::answer`] |
//! | 2 | the path is the endpoint | 404 | `http` |
//! | 3 | the caller has a token, where one is asked for; the HTTP method is POST | 401, 400; 405 | `http::auth`, `http` |
//! | 4 | the body is JSON by its type, and not too large | 415, 413 | `http` |
//! | 5-6 | one JSON-RPC message | 400, -32700, -32600 | `mcp_protocol::route` |
//! | 7-13 | envelope, headers, version, method, log level | see there | `mcp_protocol::modern::CHECKS` |
//! | 14 | `params` fit the method | 200, -32602 | `mcp_protocol::method::METHODS` |
//! | 15 | there is such a tool, such a page | 200, -32602 | `dispatch` |
//! | 16 | `Mcp-Param-*` repeat the arguments | 400, -32020 | `dispatch` |
//! | 17 | the client can do what the tool needs of it | 400, -32021 | `call` |
//! | 18 | one more call can run | 503, -32603 | `call::concurrency_limit` |
//! | 19 | the arguments satisfy the schema | a result with `isError` | `tool_schema::ArgumentRules` |
//!
//! A legacy request passes 1 to 6, then its session is looked up, then 14, 15 and 17 to 19 follow; its errors have status 200,
//! but for the 503 of a server that is not able to serve at the moment.

pub(crate) mod access_log;
pub mod call;
pub(crate) mod dispatch;
pub mod http;
mod metrics;
pub(crate) mod outcome;
pub mod record;
pub mod request;
pub(crate) mod session;
#[cfg(test)]
pub(crate) mod tests;
mod tools_list;

use std::sync::Arc;

use mcp_protocol::{CacheHints, Revision, ServerInfo, discover, initialize};
use serde_json::value::RawValue;

use self::{
    access_log::{Line, Operator, milliseconds},
    call::{CallRunner, Kept, deadline::TimeLimits, input_rounds::Rounds},
    http::auth::Access,
    metrics::Metrics,
    request::Incoming,
    session::LegacySessions,
    tools_list::Lists,
};
use crate::{
    StartError,
    config::Config,
    plugin::{Caller, Catalog},
    store::{
        dynamodb::Table,
        session::{Session, SessionStore, lookup::Sessions},
        tool_state::{StateStore, Stores, memory::MemoryStates},
    },
};

/// The server: everything but the transport.
pub struct McpServer {
    catalog: Catalog,
    identity: Identity,
    access: Access,
    sessions: LegacySessions,
    lists: Lists,
    calls: CallRunner,
    operator: Arc<Operator>,
}

impl McpServer {
    /// Load the plugins and get ready to serve.
    ///
    /// # Errors
    /// [`StartError`]: what the configuration asks for cannot be served.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        if !config.problems.is_empty() {
            return Err(StartError::Config(config.problems.clone()));
        }
        let configured = config.began.elapsed();
        let catalog = Catalog::load(config)?;
        let loaded = config.began.elapsed();
        let app = Self::of(config, catalog);
        let names: Vec<_> = app.tool_names().collect();
        tracing::info!(
            tools = names.join(","),
            layers = app.operator.layers(),
            host = env!("CARGO_PKG_VERSION"),
            config_ms = milliseconds(configured),
            plugins_ms = milliseconds(loaded - configured),
            total_ms = milliseconds(config.began.elapsed()),
            folder = %config.plugin_dir.display(),
            "serving"
        );
        app.calls.tell_of_no_key(app.catalog.tools());
        Ok(app)
    }

    /// The server of these tools.
    pub(crate) fn of(config: &Config, catalog: Catalog) -> Self {
        let table = config.session_table.as_deref();
        let table = table.map(|name| Arc::new(Table::new(name)));
        let shared = table.clone().map(|table| table as Arc<dyn SessionStore>);
        let sessions = Sessions::new(config.session_mode, config.session_ttl, shared);
        let sessions = Arc::new(sessions);
        let states: Option<Arc<dyn StateStore>> = match &table {
            Some(table) => Some(Arc::clone(table) as _),
            None if config.keeps_states_in_memory => Some(Arc::<MemoryStates>::default()),
            None => None,
        };
        let states = states.map(|states| Stores {
            states,
            sessions: Arc::clone(&sessions),
        });
        let limits = TimeLimits {
            setting: config.call_timeout,
            reserve: config.call_reserve,
        };
        let identity = Identity::new(config, &catalog);
        let sessions = LegacySessions::new(sessions, limits);
        let rounds = Rounds::new(config, table, limits);
        let kept = Kept {
            stores: states,
            ttl: config.session_ttl,
            are_sessions_checked: sessions.are_strict(),
        };
        Self {
            calls: CallRunner::new(config, identity.server.clone(), limits, rounds, kept),
            identity,
            access: Access::new(config),
            sessions,
            lists: Lists::new(config.list_page_size, config.list_ttl_ms),
            operator: operator(config, &catalog).into(),
            catalog,
        }
    }

    /// The names of the tools that are served, in their order.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.catalog.names()
    }

    /// How many calls run at once, at most.
    pub(crate) fn calls_at_once(&self) -> usize {
        self.calls.most_at_once()
    }

    /// Does a tool still run whose call was given up?
    #[must_use]
    pub fn has_stuck_tools(&self) -> bool {
        self.catalog.has_stuck_tools()
    }

    /// Begin the line of a request of so many bytes.
    pub(crate) fn line(&self, incoming: &Incoming<'_>, received: usize) -> Line {
        self.operator.line(incoming, received)
    }

    /// The result of `initialize`.
    pub(crate) fn introduction(&self, negotiated: Revision) -> Box<RawValue> {
        let Identity {
            server,
            instructions,
        } = &self.identity;
        initialize(negotiated, server, instructions.as_deref())
    }

    /// A session that its transport keeps.
    pub(crate) fn new_session(
        &self,
        revision: Revision,
        client: Option<&RawValue>,
        capabilities: Option<&RawValue>,
        caller: &Caller,
    ) -> Session {
        let sessions = &self.sessions;
        sessions.new_session(revision, client, capabilities, caller)
    }
}

/// Who the server says that it is.
struct Identity {
    server: ServerInfo,
    instructions: Option<String>,
}

impl Identity {
    fn new(config: &Config, catalog: &Catalog) -> Self {
        Self {
            server: server_info(config, catalog),
            instructions: instructions(catalog),
        }
    }

    /// The result of `server/discover`.
    fn discovered(&self, cache: CacheHints) -> Box<RawValue> {
        discover(&self.server, self.instructions.as_deref(), cache)
    }
}

/// The only layer speaks for the server; several, or none, do not.
fn server_info(config: &Config, catalog: &Catalog) -> ServerInfo {
    let (name, version) = match catalog.layers() {
        [layer] => (layer.name.as_str(), layer.version.as_str()),
        _ => ("mcp-layer-host", env!("CARGO_PKG_VERSION")),
    };
    ServerInfo {
        name: config.server_name.as_deref().unwrap_or(name).to_owned(),
        version: config
            .server_version
            .as_deref()
            .unwrap_or(version)
            .to_owned(),
    }
}

/// What the operator is told of every request.
fn operator(config: &Config, catalog: &Catalog) -> Operator {
    let layers = catalog.layers().iter();
    let layers: Vec<_> = layers
        .map(|layer| format!("{} {}", layer.name, layer.version))
        .collect();
    let metrics = config.metrics.then(|| Metrics {
        function: config.function.clone(),
    });
    Operator::new(layers.join(", "), metrics)
}

fn instructions(catalog: &Catalog) -> Option<String> {
    let all: Vec<_> = catalog
        .layers()
        .iter()
        .filter_map(|layer| layer.instructions.as_deref())
        .collect();
    (!all.is_empty()).then(|| all.join("\n\n"))
}
