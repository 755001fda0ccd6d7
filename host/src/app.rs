//! One request in, one answer out: joins protocol, sessions and plugins.
//!
//! The only place that decides who reads what of an error: the model gets a result with `isError`, the client a JSON-RPC
//! error, the operator a line in the log.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use mcp_protocol::{
    Answer, Ask, CacheHints, CacheScope, Headers, Id, Request, Revision, Route, ServerInfo,
    discover, initialize,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST},
    route,
    tools::{self, CallResult, Tool},
};
use serde_json::value::RawValue;

pub use crate::cors::Reached;
use crate::{
    StartError,
    config::Config,
    cors::{self, Callers},
    plugin::{CallFailure, Catalog, CatalogTool, FailureKind},
    session::{Found, Session, SessionId, SessionStore, memory::MemoryStore},
};

/// The largest body of a request. Unit: bytes.
/// Source: AWS Lambda's quota of 6 MB for a synchronous request, which `serve` keeps as well.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// The most that is kept of what a client says of itself. Unit: bytes; of more, nothing is kept.
/// Source: ours. Names and versions fit, and all the sessions of a [`MemoryStore`] then stay below 20 MB.
const MAX_CLIENT_INFO: usize = 1024;

/// The longest life of a session: nothing outlives it, and adding it to a time cannot overflow.
/// Source: ours.
const A_CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

const SESSION_HEADER: &str = "mcp-session-id";

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
    /// Names this request in the log and in errors.
    pub request_id: &'a str,
    /// When the answer must be there.
    pub deadline: Option<SystemTime>,
}

/// The server: everything but the transport.
pub struct App {
    catalog: Catalog,
    callers: Callers,
    sessions: Box<dyn SessionStore>,
    session_ttl: Duration,
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
        Ok(Self {
            callers: Callers::new(config),
            sessions: Box::new(MemoryStore::default()),
            session_ttl: config.session_ttl,
            server: server_info(config, &catalog),
            instructions: instructions(&catalog),
            cache: CacheHints {
                ttl_ms: config.list_ttl_ms,
                cache_scope: CacheScope::Public,
            },
            lists: Default::default(),
            catalog,
        })
    }

    /// The names of the tools that are served, in their order.
    pub fn tool_names(&self) -> impl Iterator<Item = &str> {
        self.catalog
            .tools()
            .iter()
            .map(|tool| tool.mcp.name.as_str())
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
        if !is_endpoint(incoming.path) {
            let message = format!(
                "there is nothing at {}; the MCP endpoint is /mcp",
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
            negotiated, client, ..
        } = ask
        {
            return self.initialize(incoming, &id, negotiated, client).await;
        }
        let revision = match revision {
            Some(revision) if revision.is_modern() => revision,
            named => match self.session(incoming, Some(&id)).await {
                Ok(session) => named
                    .or(session.map(|session| session.revision))
                    .unwrap_or(Revision::ASSUMED),
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
                name, arguments, ..
            } => match self.catalog.get(&name) {
                Some(tool) => self.call(incoming, &id, revision, tool, arguments).await,
                None => Answer::error(200, Some(&id), INVALID_PARAMS, &unknown_tool(&name)),
            },
        })
    }

    async fn initialize(
        &self,
        incoming: &Incoming<'_>,
        id: &Id,
        negotiated: Revision,
        client: Option<&RawValue>,
    ) -> Response<Bytes> {
        let session = Session {
            revision: negotiated,
            client: client.and_then(kept),
            expires: self.session_end(),
        };
        let session_id = SessionId::random();
        if let Err(error) = self.sessions.create(session_id, session).await {
            return respond(store_failed(incoming, Some(id), &error));
        }
        let mut response = respond(Answer::success(
            id,
            &initialize(negotiated, &self.server, self.instructions.as_deref()),
        ));
        if let Ok(value) = HeaderValue::from_str(&session_id.to_string()) {
            response.headers_mut().insert(SESSION_HEADER, value);
        }
        response
    }

    /// The session that a legacy message names, if it names one that is known.
    ///
    /// An unknown one is served all the same, see [`crate::session`]; one that was ended, or that no host can have given
    /// out, is refused by 404, at which the client starts over.
    async fn session(
        &self,
        incoming: &Incoming<'_>,
        id: Option<&Id>,
    ) -> Result<Option<Session>, Answer> {
        let Some(named) = header(incoming.headers, SESSION_HEADER) else {
            return Ok(None);
        };
        let gone = || {
            Answer::error(
                404,
                id,
                INVALID_REQUEST,
                "the session has ended; start over with initialize",
            )
        };
        let session_id = SessionId::parse(&named).ok_or_else(gone)?;
        match self.sessions.find(session_id).await {
            Ok(Found::Alive(session)) => Ok(Some(session)),
            Ok(Found::Unknown) => Ok(None),
            Ok(Found::Ended) => Err(gone()),
            Err(error) => Err(store_failed(incoming, id, &error)),
        }
    }

    async fn delete(&self, incoming: &Incoming<'_>) -> Response<Bytes> {
        let Some(named) = header(incoming.headers, SESSION_HEADER) else {
            return respond(Answer::error(
                400,
                None,
                INVALID_REQUEST,
                "which session? send the header Mcp-Session-Id",
            ));
        };
        let gone = || Answer::error(404, None, INVALID_REQUEST, "there is no such session");
        let Some(session_id) = SessionId::parse(&named) else {
            return respond(gone());
        };
        match self.sessions.find(session_id).await {
            Ok(Found::Ended) => respond(gone()),
            Ok(Found::Alive(_) | Found::Unknown) => {
                match self.sessions.end(session_id, self.session_end()).await {
                    Ok(()) => empty(StatusCode::NO_CONTENT),
                    Err(error) => respond(store_failed(incoming, None, &error)),
                }
            }
            Err(error) => respond(store_failed(incoming, None, &error)),
        }
    }

    /// When a session that begins now ends by itself.
    fn session_end(&self) -> SystemTime {
        SystemTime::now() + self.session_ttl.min(A_CENTURY)
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

    async fn call(
        &self,
        incoming: &Incoming<'_>,
        id: &Id,
        revision: Revision,
        tool: &Arc<CatalogTool>,
        arguments: Option<&RawValue>,
    ) -> Answer {
        let arguments = arguments.map_or("{}", RawValue::get).to_owned();
        let (running, deadline) = (Arc::clone(tool), incoming.deadline);
        let outcome = tokio::task::spawn_blocking(move || running.call(&arguments, deadline)).await;
        let outcome = outcome.unwrap_or_else(|error| {
            let detail = Some(format!("the host's own call failed: {error}"));
            Err(CallFailure {
                kind: FailureKind::Panic,
                public: None,
                detail,
            })
        });
        let result = match outcome {
            Ok(result) => result,
            Err(failure) => {
                tracing::error!(
                    request_id = incoming.request_id,
                    tool = tool.mcp.name,
                    library = %tool.plugin.path().display(),
                    kind = ?failure.kind,
                    detail = failure.detail.as_deref().or(failure.public.as_deref()).unwrap_or_default(),
                    "a call failed"
                );
                match failure.kind {
                    FailureKind::Protocol => {
                        let message = failure.public.as_deref().unwrap_or("the tool failed");
                        return Answer::error(200, Some(id), INTERNAL_ERROR, message);
                    }
                    FailureKind::Panic
                    | FailureKind::Unavailable
                    | FailureKind::InvalidArguments => CallResult::error(&format!(
                        "tool {} failed unexpectedly (request id {})",
                        tool.mcp.name, incoming.request_id
                    )),
                }
            }
        };
        Answer::success(id, &result.in_words_of(revision, &self.server))
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

/// The value of a header. One that comes several times is joined to one value (RFC 9110, section 5.2), and one that is
/// not text becomes a character that no version, method or tool has: neither is what the body says.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    let values = headers.get_all(name).iter();
    let mut values = values.map(|value| Cow::from(value.to_str().unwrap_or("\u{fffd}")));
    let first = values.next()?;
    Some(values.fold(first, |joined, value| format!("{joined}, {value}").into()))
}

/// `application/json`, whatever its parameters.
fn is_json(kind: &HeaderValue) -> bool {
    let kind = kind.to_str().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// What is kept of what a client says of itself.
fn kept(client: &RawValue) -> Option<String> {
    (client.get().len() <= MAX_CLIENT_INFO).then(|| client.get().to_owned())
}

fn unknown_tool(name: &str) -> String {
    format!(
        "unknown tool: {name}; the list of tools may have changed, ask for it again by tools/list"
    )
}

fn store_failed(incoming: &Incoming<'_>, id: Option<&Id>, error: &dyn std::error::Error) -> Answer {
    tracing::error!(request_id = incoming.request_id, %error, "sessions cannot be read or written");
    Answer::error(
        503,
        id,
        INTERNAL_ERROR,
        "sessions are not available at the moment; try again",
    )
}

/// The answer to a body of more than [`MAX_BODY`].
pub(crate) fn too_large() -> Response<Bytes> {
    refusal(
        StatusCode::PAYLOAD_TOO_LARGE,
        &format!("the body has more than {MAX_BODY} bytes"),
    )
}

/// A refusal before any message was read.
fn refusal(status: StatusCode, message: &str) -> Response<Bytes> {
    respond(Answer::error(
        status.as_u16(),
        None,
        INVALID_REQUEST,
        message,
    ))
}

fn respond(answer: Answer) -> Response<Bytes> {
    let mut response =
        empty(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(body) = answer.body {
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = body.into();
    }
    response
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_fill_the_memory_with_what_it_says_of_itself() {
        for (length, remembered) in [
            (2, true),
            (MAX_CLIENT_INFO, true),
            (MAX_CLIENT_INFO + 1, false),
        ] {
            let text = format!("\"{}\"", "x".repeat(length - 2));
            let client = RawValue::from_string(text).expect("JSON");
            assert_eq!(kept(&client).is_some(), remembered, "{length} bytes");
        }
    }
}
