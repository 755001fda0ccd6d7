//! Answers one request: connects the protocol, the sessions and the plugins.
//!
//! This module alone decides who sees which part of an error: the model receives a result with `isError`, the client a
//! JSON-RPC error, and the operator a line in the log.
//!
//! # The order of checks
//!
//! | step | check of a modern request | rejection | where |
//! |---|---|---|---|
//! | 1 | `Origin` and `Host` are permitted | 403 | [`McpServer::handle`] |
//! | 2 | the path is the endpoint's | 404 | `http` |
//! | 3 | the caller has a token, if tokens are required; the HTTP method is POST | 401, 400; 405 | `http::auth`, `http` |
//! | 4 | `Content-Type` is JSON, and the body is not too large | 415, 413 | `http` |
//! | 5-6 | the body is one JSON-RPC message | 400, -32700, -32600 | `mcp_protocol::route` |
//! | 7-13 | envelope, headers, version, method and log level are valid | see there | `mcp_protocol::modern::CHECKS` |
//! | 14 | `params` fit the method | 200, -32602 | `mcp_protocol::method::METHODS` |
//! | 15 | the tool or the page exists | 200, -32602 | `dispatch` |
//! | 16 | the `Mcp-Param-*` headers agree with the arguments | 400, -32020 | `dispatch` |
//! | 17 | the client has the capabilities that the tool requires | 400, -32021 | `call` |
//! | 18 | the limit of concurrent calls is not reached | 503, -32603 | `call::concurrency_limit` |
//! | 19 | the arguments satisfy the schema | a result with `isError` | `tool_schema::ArgumentRules` |
//!
//! A legacy request goes through steps 1 to 6. Then its session is looked up, and steps 14, 15 and 17 to 19 follow. Its
//! errors have status 200, except for the 503 of a server that temporarily cannot serve the request.

pub(crate) mod access_log;
pub mod call;
pub(crate) mod dispatch;
pub mod http;
pub(crate) mod json_limit;
mod metrics;
pub(crate) mod outcome;
pub mod record;
pub mod request;
pub(crate) mod session;
#[cfg(test)]
pub(crate) mod tests;
mod tools_list;

use std::sync::Arc;

use mcp_protocol::{CacheHints, Revision, ServerInfo, discover_result, initialize_result};
use serde_json::value::RawValue;

use self::{
    access_log::{AccessLog, AccessLogEntry, milliseconds},
    call::{CallRunner, CallStateConfig, deadline::CallLimits, input_rounds::InputRounds},
    http::auth::Access,
    json_limit::JsonLimit,
    metrics::Metrics,
    request::IncomingRequest,
    session::LegacySessions,
    tools_list::ToolsListCache,
};
use crate::{
    StartError,
    config::Config,
    plugin::{Caller, Catalog},
    store::{
        dynamodb::Table,
        session::{Session, SessionStore, lookup::Sessions},
        tool_state::{StateStore, Stores, memory::MemoryStateStore},
    },
};

/// The server: everything except the transport.
pub struct McpServer {
    catalog: Catalog,
    identity: Identity,
    access: Access,
    sessions: LegacySessions,
    tools_list_cache: ToolsListCache,
    calls: CallRunner,
    access_log: Arc<AccessLog>,
    json_limit: JsonLimit,
}

impl McpServer {
    /// Loads the plugins and prepares the server.
    ///
    /// # Errors
    /// [`StartError`]: the configured tools cannot be served.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        if !config.problems.is_empty() {
            return Err(StartError::Config(config.problems.clone()));
        }
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let configured = config.started_at.elapsed();
        let catalog = Catalog::load(config)?;
        let loaded = config.started_at.elapsed();
        let server = Self::with_catalog(config, catalog);
        let names: Vec<_> = server.tool_names().collect();
        tracing::info!(
            tools = names.join(","),
            layers = server.access_log.layers(),
            host = env!("CARGO_PKG_VERSION"),
            config_ms = milliseconds(configured),
            plugins_ms = milliseconds(loaded - configured),
            total_ms = milliseconds(config.started_at.elapsed()),
            folder = %config.plugin_dir.display(),
            "serving"
        );
        server.calls.warn_if_keyless(server.catalog.tools());
        Ok(server)
    }

    /// Returns a server that serves the tools of `catalog`.
    pub(crate) fn with_catalog(config: &Config, catalog: Catalog) -> Self {
        let table = config.session_table.as_deref();
        let table = table.map(|name| Arc::new(Table::new(name)));
        let shared = table.clone().map(|table| table as Arc<dyn SessionStore>);
        let sessions = Sessions::new(config.session_mode, config.session_ttl, shared);
        let sessions = Arc::new(sessions);
        let states: Option<Arc<dyn StateStore>> = match &table {
            Some(table) => Some(Arc::clone(table) as _),
            None if config.keeps_states_in_memory => Some(Arc::<MemoryStateStore>::default()),
            None => None,
        };
        let states = states.map(|states| Stores {
            states,
            sessions: Arc::clone(&sessions),
        });
        let limits = CallLimits {
            setting: config.call_timeout,
            reserve: config.call_reserve,
        };
        let identity = Identity::new(config, &catalog);
        let sessions = LegacySessions::new(sessions, limits);
        let input_rounds = InputRounds::new(config, table, limits);
        let state_config = CallStateConfig {
            stores: states,
            ttl: config.session_ttl,
            are_sessions_checked: sessions.are_strict(),
        };
        Self {
            calls: CallRunner::new(
                config,
                identity.server.clone(),
                limits,
                input_rounds,
                state_config,
            ),
            identity,
            access: Access::new(config),
            sessions,
            tools_list_cache: ToolsListCache::new(config.list_page_size, config.list_ttl_ms),
            access_log: access_log(config, &catalog).into(),
            json_limit: JsonLimit::new(config.max_json_values),
            catalog,
        }
    }

    /// Returns the names of the served tools, in the order of `tools/list`.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.catalog.names()
    }

    /// Returns the maximum number of concurrent calls.
    pub(crate) fn max_concurrent_calls(&self) -> usize {
        self.calls.max_concurrent()
    }

    /// Returns the limit for messages.
    pub(crate) fn json_limit(&self) -> JsonLimit {
        self.json_limit
    }

    /// Reports whether any tool is still running after its call timed out.
    #[must_use]
    pub fn has_stuck_tools(&self) -> bool {
        self.catalog.has_stuck_tools()
    }

    /// Creates the log entry of a request whose body has `received` bytes.
    pub(crate) fn log_entry(
        &self,
        incoming: &IncomingRequest<'_>,
        received: usize,
    ) -> AccessLogEntry {
        self.access_log.entry(incoming, received)
    }

    /// Returns the result of `initialize`.
    pub(crate) fn initialize_result(&self, negotiated: Revision) -> Box<RawValue> {
        let Identity {
            server,
            instructions,
        } = &self.identity;
        initialize_result(negotiated, server, instructions.as_deref())
    }

    /// Returns a new session that the transport itself will hold.
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

/// What the server reports about itself: name, version and instructions.
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

    /// Returns the result of `server/discover`.
    fn discover_result(&self, cache: CacheHints) -> Box<RawValue> {
        discover_result(&self.server, self.instructions.as_deref(), cache)
    }
}

/// Returns the server's name and version. They are the layer's if there is exactly one layer, otherwise the host's.
/// Settings of the operator take precedence over both.
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

/// Returns the access log.
fn access_log(config: &Config, catalog: &Catalog) -> AccessLog {
    let layers = catalog.layers().iter();
    let layers: Vec<_> = layers
        .map(|layer| format!("{} {}", layer.name, layer.version))
        .collect();
    let metrics = config.metrics.then(|| Metrics {
        function: config.function.clone(),
    });
    AccessLog::new(layers.join(", "), metrics)
}

fn instructions(catalog: &Catalog) -> Option<String> {
    let all: Vec<_> = catalog
        .layers()
        .iter()
        .filter_map(|layer| layer.instructions.as_deref())
        .collect();
    (!all.is_empty()).then(|| all.join("\n\n"))
}
