//! One request in, one answer out: joins protocol, sessions and plugins.
//!
//! The only place that decides who reads what of an error: the model gets a result with `isError`, the client a JSON-RPC
//! error, the operator a line in the log.

mod call;
mod deadline;
mod handshake;
mod headers;
mod health;
mod response;
#[cfg(test)]
pub(crate) mod tests;

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use mcp_protocol::{
    Answer, Ask, CacheHints, CacheScope, Headers, Request, Revision, Route, ServerInfo, discover,
    jsonrpc::INVALID_PARAMS,
    route,
    tools::{self, Tool},
};
use serde_json::value::RawValue;

pub use self::deadline::Ceiling;
pub(crate) use self::response::too_large;
use self::{
    call::Asked,
    deadline::TimeLimits,
    headers::{header, is_json},
    response::{refusal, respond},
};
use crate::{
    StartError,
    config::Config,
    cors::{self, Callers},
    plugin::Catalog,
    session::{SessionStore, memory::MemoryStore},
};
pub use crate::{cors::Reached, plugin::Caller};

/// The largest body of a request. Unit: bytes.
/// Source: AWS Lambda's quota of 6 MB for a synchronous request, which `serve` keeps as well.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// A request, whatever door it came through.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// The HTTP method.
    pub method: Method,
    /// The path, without the stage of a gateway.
    pub path: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
    /// How the front door was reached.
    pub reached: Reached<'a>,
    /// Who called, as far as the front door knows.
    pub caller: Caller,
    /// Names this request in the log and in errors.
    pub request_id: &'a str,
    /// When the function that answers is ended.
    pub deadline: Option<SystemTime>,
    /// How long the front door waits for an answer, if it has a limit.
    pub ceiling: Option<Ceiling>,
}

/// The server: everything but the transport.
pub struct App {
    catalog: Catalog,
    callers: Callers,
    sessions: Box<dyn SessionStore>,
    session_ttl: Duration,
    time_limits: TimeLimits,
    context_headers: Vec<HeaderName>,
    server: ServerInfo,
    instructions: Option<String>,
    cache: CacheHints,
    /// The result of `tools/list`, made once per revision, by [`Revision::ALL`].
    lists: [OnceLock<Box<RawValue>>; Revision::ALL.len()],
}

impl App {
    /// Load the plugins and get ready to serve.
    ///
    /// # Errors
    /// [`StartError`]: what the configuration asks for cannot be served.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        if !config.problems.is_empty() {
            return Err(StartError::Config(config.problems.clone()));
        }
        let catalog = Catalog::load(config)?;
        let names: Vec<_> = catalog
            .tools()
            .iter()
            .map(|tool| tool.mcp.name.as_str())
            .collect();
        tracing::info!(tools = names.join(","), folder = %config.plugin_dir.display(), "serving");
        Ok(Self::of(config, catalog))
    }

    /// The server of these tools.
    pub(crate) fn of(config: &Config, catalog: Catalog) -> Self {
        Self {
            callers: Callers::new(config),
            sessions: Box::new(MemoryStore::default()),
            session_ttl: config.session_ttl,
            time_limits: TimeLimits {
                setting: config.call_timeout,
                reserve: config.call_reserve,
            },
            context_headers: config.context_headers.clone(),
            server: server_info(config, &catalog),
            instructions: instructions(&catalog),
            cache: CacheHints {
                ttl_ms: config.list_ttl_ms,
                cache_scope: CacheScope::Public,
            },
            lists: Default::default(),
            catalog,
        }
    }

    /// The names of the tools that are served, in their order.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.catalog
            .tools()
            .iter()
            .map(|tool| tool.mcp.name.as_str())
    }

    /// Does a tool still run whose call was given up?
    #[must_use]
    pub fn has_stuck_tools(&self) -> bool {
        self.catalog.has_stuck_tools()
    }

    /// Answer a request.
    pub async fn answer(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        let origin = match self.callers.check(incoming.headers, incoming.reached) {
            Ok(origin) => origin,
            Err(refused) => return refusal(StatusCode::FORBIDDEN, &refused.to_string()),
        };
        let mut response = self.endpoint(incoming).await;
        if let Some(origin) = origin {
            cors::allow(response.headers_mut(), origin);
        }
        response
    }

    async fn endpoint(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        if health::is_asked_for(incoming) {
            return self.health();
        }
        if !is_endpoint(incoming.path) {
            let message = format!(
                "there is nothing at {}; the MCP endpoint is /mcp, and GET /health tells what is served",
                incoming.path
            );
            return refusal(StatusCode::NOT_FOUND, &message);
        }
        match incoming.method {
            Method::POST => self.post(incoming).await,
            Method::DELETE => self.delete(incoming).await,
            Method::OPTIONS => cors::preflight(incoming.headers),
            _ => {
                let message = format!(
                    "{} is not offered; there are {}",
                    incoming.method,
                    cors::METHODS
                );
                let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, &message);
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(cors::METHODS));
                response
            }
        }
    }

    async fn post(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        if incoming.body.len() > MAX_BODY {
            return too_large();
        }
        if let Some(kind) = incoming
            .headers
            .get(CONTENT_TYPE)
            .filter(|kind| !is_json(kind))
        {
            let message = format!("the body is {kind:?}; send application/json");
            return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message);
        }
        let [version, method, name] = ["mcp-protocol-version", "mcp-method", "mcp-name"]
            .map(|name| header(incoming.headers, name));
        let headers = Headers {
            protocol_version: version.as_deref(),
            method: method.as_deref(),
            name: name.as_deref(),
        };
        match route(headers, incoming.body) {
            Route::Answered(answer) => respond(answer),
            Route::InSession { id, answer } => match self.session(incoming, id.as_ref()).await {
                Ok(_) => respond(answer),
                Err(gone) => respond(gone),
            },
            Route::Request(request) => self.request(incoming, request).await,
        }
    }

    async fn request(&self, incoming: &Incoming<'_>, request: Request<'_>) -> Response<Bytes> {
        let Request { id, revision, ask } = request;
        if let Ask::Initialize {
            negotiated,
            client,
            capabilities,
        } = ask
        {
            return self
                .initialize(incoming, &id, negotiated, client, capabilities)
                .await;
        }
        let (revision, session) = match revision {
            Some(revision) if revision.is_modern() => (revision, None),
            named => match self.session(incoming, Some(&id)).await {
                Ok(session) => {
                    let negotiated = session.as_ref().map(|session| session.revision);
                    (named.or(negotiated).unwrap_or(Revision::ASSUMED), session)
                }
                Err(answer) => return respond(answer),
            },
        };
        respond(match ask {
            Ask::Discover => Answer::success(
                &id,
                &discover(&self.server, self.instructions.as_deref(), self.cache),
            ),
            Ask::Ping | Ask::Initialize { .. } => Answer::success(&id, &serde_json::Map::new()),
            Ask::ListTools => Answer::success(&id, self.list(revision)),
            Ask::CallTool {
                name,
                arguments,
                meta,
            } => match self.catalog.get(&name) {
                Some(tool) => {
                    let asked = Asked {
                        id,
                        revision,
                        session,
                        tool,
                        arguments,
                        meta: *meta,
                    };
                    return self.call(incoming, asked).await;
                }
                None => Answer::error(200, Some(&id), INVALID_PARAMS, &unknown_tool(&name)),
            },
        })
    }

    fn list(&self, revision: Revision) -> &RawValue {
        self.lists[revision as usize].get_or_init(|| {
            let tools: Vec<Tool> = self
                .catalog
                .tools()
                .iter()
                .map(|tool| tool.mcp.clone())
                .collect();
            tools::list(revision, &tools, &self.server, self.cache)
        })
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

fn instructions(catalog: &Catalog) -> Option<String> {
    let all: Vec<_> = catalog
        .layers()
        .iter()
        .filter_map(|layer| layer.instructions.as_deref())
        .collect();
    (!all.is_empty()).then(|| all.join("\n\n"))
}

/// `/` and `/mcp`, below any base path.
fn is_endpoint(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path.is_empty() || path.ends_with("/mcp")
}

fn unknown_tool(name: &str) -> String {
    format!(
        "unknown tool: {name}; the list of tools may have changed, ask for it again by tools/list"
    )
}
