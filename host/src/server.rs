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
//! | 2 | the path is the endpoint | 404 | `endpoint` |
//! | 3 | the caller has a token, where one is asked for; the HTTP method is POST | 401, 400; 405 | `caller`, `endpoint` |
//! | 4 | the body is JSON by its type, and not too large | 415, 413 | `post` |
//! | 5-6 | one JSON-RPC message | 400, -32700, -32600 | `mcp_protocol::route` |
//! | 7-13 | envelope, headers, version, method, log level | see there | `mcp_protocol::modern::CHECKS` |
//! | 14 | `params` fit the method | 200, -32602 | `mcp_protocol::method::METHODS` |
//! | 15 | there is such a tool, such a page | 200, -32602 | `serve` |
//! | 16 | `Mcp-Param-*` repeat the arguments | 400, -32020 | `arguments_agree` |
//! | 17 | the client can do what the tool needs of it | 400, -32021 | `call` |
//! | 18 | one more call can run | 503, -32603 | `crowd` |
//! | 19 | the arguments satisfy the schema | a result with `isError` | `tool_schema::Arguments` |
//!
//! A legacy request passes 1 to 6, then its session is looked up, then 14, 15 and 17 to 19 follow; its errors have status 200,
//! but for the 503 of a server that is not able to serve at the moment.

mod access_log;
mod call;
pub mod http;
mod metrics;
mod session;
#[cfg(test)]
pub(crate) mod tests;
mod tools_list;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use ::http::{
    HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, ORIGIN},
};
use bytes::Bytes;
use mcp_protocol::{
    Answer, Ask, Batch, CacheHints, CacheScope, Headers, Request, Revision, Route, ServerInfo,
    arguments_agree, discover, jsonrpc::INVALID_PARAMS, route,
};

pub(crate) use crate::server::session::InSession;
use crate::server::{
    access_log::Operator,
    call::{
        Asked, concurrency_limit::Crowd, deadline::TimeLimits, input_rounds::Rounds,
        thread_pool::Threads,
    },
    http::{
        auth::challenge,
        headers::{header, is_json},
        response::{respond, respond_whole},
    },
    tools_list::Lists,
};
pub use crate::server::{
    access_log::Record,
    call::deadline::Ceiling,
    http::{response_limit::Room, sse::Tell},
};
pub(crate) use crate::server::{
    access_log::{End, Line},
    http::{
        response::{Outcome, refusal, too_large},
        sse::AnswerBody,
    },
};
use crate::{
    StartError,
    config::Config,
    plugin::Catalog,
    server::{
        http::{bearer_tokens::Tokens, cors::Callers},
        metrics::Metrics,
    },
    store::{
        dynamodb::Table,
        session::{SessionStore, lookup::Sessions},
        tool_state::{StateStore, Stores, memory::MemoryStates},
    },
};
pub use crate::{plugin::Caller, server::http::cors::Reached};

/// The largest body of a request. Unit: bytes.
/// Source: AWS Lambda's quota of 6 MB for a synchronous request, which `serve` keeps as well.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// A request, whatever door it came through.
#[derive(Clone, Debug)]
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
    /// Passes on what the client is to hear before the answer, where it can hear it as it happens. Else it is part of the
    /// answer.
    pub tell: Option<Tell>,
    /// How much of an answer the front door takes, if it has a limit.
    pub room: Option<Room>,
    /// What is found out about it, for the operator.
    pub record: Record,
}

/// The server: everything but the transport.
pub struct McpServer {
    catalog: Catalog,
    callers: Callers,
    tokens: Tokens,
    sessions: Arc<Sessions>,
    states: Option<Stores>,
    session_ttl: Duration,
    time_limits: TimeLimits,
    crowd: Crowd,
    threads: Threads,
    rounds: Rounds,
    context_headers: Vec<HeaderName>,
    server: ServerInfo,
    instructions: Option<String>,
    list_ttl_ms: u64,
    lists: Lists,
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
        app.rounds.tell_of_no_key(app.catalog.tools());
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
            // The next call may reach another environment, which would not have it.
            None if config.lambda.is_some() => None,
            None => Some(Arc::<MemoryStates>::default()),
        };
        let states = states.map(|states| Stores {
            states,
            sessions: Arc::clone(&sessions),
        });
        Self {
            callers: Callers::new(config),
            tokens: config.bearer_tokens.clone(),
            states,
            sessions,
            session_ttl: config.session_ttl,
            time_limits: TimeLimits {
                setting: config.call_timeout,
                reserve: config.call_reserve,
            },
            crowd: Crowd::new(config.calls_at_once),
            threads: Threads::default(),
            rounds: Rounds::new(config, table),
            context_headers: config.context_headers.clone(),
            server: server_info(config, &catalog),
            instructions: instructions(&catalog),
            list_ttl_ms: config.list_ttl_ms,
            lists: Lists::new(config.list_page_size),
            operator: operator(config, &catalog).into(),
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

    /// How many calls run at once, at most.
    pub(crate) fn calls_at_once(&self) -> usize {
        self.crowd.most()
    }

    /// Does a tool still run whose call was given up?
    #[must_use]
    pub fn has_stuck_tools(&self) -> bool {
        self.catalog.has_stuck_tools()
    }

    /// Answer a request, and tell the operator of it.
    pub async fn answer(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        self.answer_with_line(incoming).await.0
    }

    /// Answer a request; the operator is told of it once the line is dropped.
    pub(crate) async fn answer_with_line(
        &self,
        incoming: &Incoming<'_>,
    ) -> (Response<Bytes>, Line) {
        let mut line = self.line(incoming, incoming.body.len());
        let response = match self.callers.check(incoming.headers, incoming.reached) {
            Ok(origin) => readable(self.endpoint(incoming).await, origin),
            Err(refused) => refusal(StatusCode::FORBIDDEN, &refused.to_string()),
        };
        line.end(&response);
        (response, line)
    }

    /// The answer to whoever may not call, which needs nothing of the request's body.
    pub(crate) fn refuses(&self, incoming: &Incoming<'_>) -> Option<Response<Bytes>> {
        let response = match self.callers.check(incoming.headers, incoming.reached) {
            Ok(origin) => {
                let asks = is_endpoint(incoming.path) && incoming.method != Method::OPTIONS;
                let refused = asks.then(|| self.caller(incoming).err()).flatten()?;
                readable(challenge(refused), origin)
            }
            Err(refused) => refusal(StatusCode::FORBIDDEN, &refused.to_string()),
        };
        Some(self.told(incoming, response))
    }

    /// The answer to whoever may call, but has sent a body that was not read to its end.
    pub(crate) fn answer_unread(
        &self,
        incoming: &Incoming<'_>,
        refusal: Response<Bytes>,
    ) -> Response<Bytes> {
        let response = readable(refusal, incoming.headers.get(ORIGIN));
        self.told(incoming, response)
    }

    /// An answer that needed nothing of the body, and of which the operator was told.
    fn told(&self, incoming: &Incoming<'_>, response: Response<Bytes>) -> Response<Bytes> {
        let mut line = self.line(incoming, 0);
        line.end(&response);
        response
    }

    async fn endpoint(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        if http::health::is_asked_for(incoming) {
            return match self.is_trusted(incoming) {
                Ok(is_trusted) => self.health(is_trusted),
                Err(refused) => challenge(refused),
            };
        }
        // A browser asks this by itself, and has no token for it.
        if incoming.method == Method::OPTIONS
            && (is_endpoint(incoming.path) || http::health::is_at(incoming.path))
        {
            return http::cors::preflight(incoming.headers);
        }
        if !is_endpoint(incoming.path) {
            let message = format!(
                "there is nothing at {}; the MCP endpoint is /mcp, and GET /health tells what is served",
                incoming.path
            );
            return refusal(StatusCode::NOT_FOUND, &message);
        }
        let known;
        let incoming = match self.caller(incoming) {
            Ok(None) => incoming,
            Ok(Some(caller)) => {
                if let Some(principal) = &caller.principal {
                    incoming.record.comes_from(principal);
                }
                known = Incoming {
                    caller,
                    ..incoming.clone()
                };
                &known
            }
            Err(refused) => return challenge(refused),
        };
        match incoming.method {
            Method::POST => self.post(incoming).await,
            Method::DELETE => self.delete(incoming).await,
            _ => {
                let message = format!(
                    "{} is not offered; there are {}",
                    incoming.method,
                    http::cors::METHODS
                );
                let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, &message);
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static(http::cors::METHODS));
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
            // A client may not rely on it (L:cancel): its other messages may have reached other environments.
            Route::Cancelled { .. } => match self.session(incoming, None).await {
                Ok(_) => respond(Answer::ACCEPTED),
                Err(gone) => respond(gone),
            },
            Route::Request(request) => self.request(incoming, request).await,
            Route::Batch(batch) => respond_whole(self.batch(incoming, batch).await),
        }
    }

    async fn request(&self, incoming: &Incoming<'_>, request: Request<'_>) -> Response<Bytes> {
        incoming.record.asks(&request.ask, request.revision);
        if let Ask::Initialize {
            negotiated,
            client,
            capabilities,
        } = request.ask
        {
            return self
                .initialize(incoming, &request.id, negotiated, client, capabilities)
                .await;
        }
        let is_modern = request.revision.is_some_and(Revision::is_modern);
        let session = if is_modern {
            let agreed = self.arguments_agree(incoming, &request);
            agreed.map(|()| InSession::None)
        } else {
            self.session(incoming, Some(&request.id)).await
        };
        respond_whole(match session {
            Ok(session) => self.request_in(incoming, request, &session).await,
            Err(refusal) => refusal.into(),
        })
    }

    /// Do the headers that repeat arguments say what the body says? (A tool that there is not has none.)
    fn arguments_agree(
        &self,
        incoming: &Incoming<'_>,
        request: &Request<'_>,
    ) -> Result<(), Answer> {
        let Ask::CallTool {
            name, arguments, ..
        } = &request.ask
        else {
            return Ok(());
        };
        let Some(tool) = self.catalog.get(name) else {
            return Ok(());
        };
        let declared = tool.headers.iter();
        arguments_agree(
            &request.id,
            declared.map(|(name, pointer)| (name.as_str(), pointer.as_str())),
            |name| header(incoming.headers, name),
            *arguments,
        )
    }

    /// Messages that came as one, and go on at the same time.
    async fn batch(&self, incoming: &Incoming<'_>, batch: Batch<'_>) -> Outcome {
        incoming.record.is_batch();
        let session = match self.session(incoming, None).await {
            Ok(session) => session,
            Err(gone) => return gone.into(),
        };
        if !session.revision(batch.revision).has_batches() {
            return Batch::refused().into();
        }
        let outcomes = batch.routes.into_iter().map(async |route| {
            let outcome = match route {
                Route::Answered(answer) | Route::InSession { answer, .. } => answer.into(),
                Route::Request(request) => self.request_in(incoming, request, &session).await,
                Route::Cancelled { .. } => Answer::ACCEPTED.into(),
                Route::Batch(_) => Batch::refused().into(),
            };
            incoming.record.is_answered(&outcome.answer);
            outcome
        });
        let outcome = Outcome::of_all(outcomes.collect()).await;
        match incoming.room {
            Some(room) => room.bound_batch(outcome),
            None => outcome,
        }
    }

    /// A request other than `initialize`, in the session that was found for it.
    async fn request_in(
        &self,
        incoming: &Incoming<'_>,
        request: Request<'_>,
        session: &InSession,
    ) -> Outcome {
        if let Ask::SetLogLevel(level) = request.ask {
            let revision = session.revision(request.revision);
            return self
                .set_log_level(incoming, &request.id, session, revision, level)
                .await
                .into();
        }
        self.serve(incoming, request, session).await
    }

    /// Answer a request, whatever transport it came through. `initialize` and `logging/setLevel` are for whoever keeps the
    /// session, and only acknowledged here.
    pub(crate) async fn serve(
        &self,
        incoming: &Incoming<'_>,
        request: Request<'_>,
        session: &InSession,
    ) -> Outcome {
        let Request { id, revision, ask } = request;
        // A modern request is in no session, also on a connection that has one.
        let is_modern = revision.is_some_and(Revision::is_modern);
        let session = if is_modern { &InSession::None } else { session };
        let revision = session.revision(revision);
        let cache = self.cache(&incoming.caller);
        let answer = match ask {
            Ask::Discover => {
                let result = discover(&self.server, self.instructions.as_deref(), cache);
                Answer::success(&id, &result)
            }
            Ask::Ping | Ask::Initialize { .. } | Ask::SetLogLevel(_) => {
                Answer::success(&id, &serde_json::Map::new())
            }
            Ask::ListTools { cursor } => match self.list(revision, cursor.as_deref(), cache) {
                Some(page) => tools_list::fitting(incoming, &id, Answer::success(&id, page)),
                None => Answer::error(200, Some(&id), INVALID_PARAMS, tools_list::UNKNOWN_CURSOR),
            },
            Ask::CallTool {
                name,
                arguments,
                meta,
                retry,
            } => match self.catalog.get(&name) {
                Some(tool) => {
                    let asked = Asked {
                        id,
                        revision,
                        session,
                        tool,
                        arguments,
                        meta: *meta,
                        retry: *retry,
                    };
                    return self.call(incoming, asked).await;
                }
                None => Answer::error(200, Some(&id), INVALID_PARAMS, &unknown_tool(&name)),
            },
        };
        answer.into()
    }

    /// How long, and for whom, a client may keep what it is told. What a principal is told is its own: whoever checked it
    /// may have had a reason.
    fn cache(&self, caller: &Caller) -> CacheHints {
        CacheHints {
            ttl_ms: self.list_ttl_ms,
            cache_scope: match caller.principal {
                Some(_) => CacheScope::Private,
                None => CacheScope::Public,
            },
        }
    }
}

/// The response, for the page to read that has called, if one has.
fn readable(mut response: Response<Bytes>, origin: Option<&HeaderValue>) -> Response<Bytes> {
    if let Some(origin) = origin {
        http::cors::allow(response.headers_mut(), origin);
    }
    response
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

fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
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
