//! Handles messages by their routes. Only this module distinguishes the kinds of routes.

use std::borrow::Cow;

use mcp_protocol::{
    Answer, Batch, ClientRequest, Id, Request, Revision, Route, check_argument_headers,
    jsonrpc::INVALID_PARAMS,
};
use serde_json::Map;

use crate::server::{
    McpServer, call::context::ToolCall, http::headers::header, outcome::McpReply,
    request::IncomingRequest, session::SessionContext, tools_list::ListSource,
};

/// Who holds the session of a message.
#[derive(Clone, Copy)]
pub(crate) enum Connection<'a> {
    /// A store. Over HTTP each message can name another session in its header.
    Store,
    /// The transport. It has this one session for all messages of the connection.
    Transport(&'a SessionContext),
}

impl McpServer {
    /// Handles the message in one HTTP request, and returns the reply.
    pub(crate) async fn dispatch(
        &self,
        incoming: &IncomingRequest<'_>,
        route: Route<'_>,
        connection: Connection<'_>,
    ) -> McpReply {
        match route {
            Route::Reply(answer) => answer.into(),
            Route::ReplyIfSessionAlive { id, answer } => {
                let session = self.session(incoming, connection, id.as_ref());
                session.await.map_or_else(McpReply::from, |_| answer.into())
            }
            // Over HTTP a cancellation has no effect on the call. A client may not rely on it anyway (L:cancel), and
            // the call may be running in another execution environment.
            Route::Cancel { .. } => {
                let session = self.session(incoming, connection, None);
                session
                    .await
                    .map_or_else(McpReply::from, |_| Answer::ACCEPTED.into())
            }
            Route::Request(request) => {
                incoming
                    .record
                    .set_method(&request.method, request.revision);
                let is_modern = request.revision.is_some_and(Revision::is_modern);
                // Modern requests and `initialize` do not belong to an existing session.
                if is_modern || matches!(request.method, ClientRequest::Initialize { .. }) {
                    return self
                        .request(incoming, request, &SessionContext::None, connection)
                        .await;
                }
                match self.session(incoming, connection, Some(&request.id)).await {
                    Ok(session) => self.request(incoming, request, &session, connection).await,
                    Err(gone) => gone.into(),
                }
            }
            Route::Batch(batch) => {
                incoming.record.mark_batch();
                let session = match self.session(incoming, connection, None).await {
                    Ok(session) => session,
                    Err(gone) => return gone.into(),
                };
                let serve = |request| self.request(incoming, request, &session, connection);
                let answered = |answer: &Answer| incoming.record.merge(answer);
                let outcome = answer_batch(batch, &session, serve, answered).await;
                match incoming.response_limit {
                    Some(limit) => limit.enforce_on_batch(outcome),
                    None => outcome,
                }
            }
        }
    }

    /// Returns the legacy session of a message.
    ///
    /// # Errors
    /// The error response to a client whose session is gone.
    async fn session<'a>(
        &self,
        incoming: &IncomingRequest<'_>,
        connection: Connection<'a>,
        id: Option<&Id>,
    ) -> Result<Cow<'a, SessionContext>, Answer> {
        match connection {
            Connection::Store => self.sessions.find(incoming, id).await.map(Cow::Owned),
            Connection::Transport(session) => Ok(Cow::Borrowed(session)),
        }
    }

    /// Handles a request that belongs to `session`.
    pub(crate) async fn request(
        &self,
        incoming: &IncomingRequest<'_>,
        request: Request<'_>,
        session: &SessionContext,
        connection: Connection<'_>,
    ) -> McpReply {
        let Request {
            id,
            revision,
            method,
        } = request;
        // A modern request belongs to no session, even on a connection that has one.
        let is_modern = revision.is_some_and(Revision::is_modern);
        let session = if is_modern {
            &SessionContext::None
        } else {
            session
        };
        let revision = session.revision(revision);
        let answer = match (method, connection) {
            (ClientRequest::Discover, _) => {
                let cache = self.tools_list_cache.cache(&incoming.caller);
                Answer::success(&id, &self.identity.discover_result(cache))
            }
            (
                ClientRequest::Initialize {
                    negotiated,
                    client,
                    capabilities,
                },
                Connection::Store,
            ) => {
                let new_session =
                    self.sessions
                        .begin(incoming, &id, negotiated, client, capabilities);
                match new_session.await {
                    Ok(new_session) => {
                        let answer = Answer::success(&id, &self.initialize_result(negotiated));
                        return McpReply {
                            new_session,
                            ..answer.into()
                        };
                    }
                    Err(refused) => refused,
                }
            }
            (ClientRequest::Initialize { negotiated, .. }, Connection::Transport(_)) => {
                Answer::success(&id, &self.initialize_result(negotiated))
            }
            (ClientRequest::SetLogLevel(level), Connection::Store) => {
                let sessions = &self.sessions;
                sessions
                    .set_log_level(incoming, &id, session, revision, level)
                    .await
            }
            // The transport has already stored the level in its session.
            (ClientRequest::Ping, _)
            | (ClientRequest::SetLogLevel(_), Connection::Transport(_)) => {
                Answer::success(&id, &Map::new())
            }
            (ClientRequest::ListTools { cursor }, _) => {
                let source = ListSource {
                    catalog: &self.catalog,
                    server: &self.identity.server,
                };
                self.tools_list_cache
                    .answer(incoming, &id, revision, cursor.as_deref(), source)
            }
            (
                ClientRequest::CallTool {
                    name,
                    arguments,
                    meta,
                    resume,
                },
                _,
            ) => match self.catalog.get(&name) {
                Some(tool) => {
                    let tool_call = ToolCall {
                        id,
                        revision,
                        session,
                        tool,
                        arguments,
                        meta: *meta,
                        resume: *resume,
                    };
                    // Headers that repeat arguments exist only over HTTP.
                    let is_over_http = matches!(connection, Connection::Store);
                    if is_modern
                        && is_over_http
                        && let Err(refused) = check_headers(incoming, &tool_call)
                    {
                        return refused.into();
                    }
                    return self.calls.call(incoming, tool_call).await;
                }
                None => Answer::error(200, Some(&id), INVALID_PARAMS, &unknown_tool(&name)),
            },
        };
        answer.into()
    }
}

/// Checks that the headers that repeat arguments agree with the arguments.
fn check_headers(incoming: &IncomingRequest<'_>, tool_call: &ToolCall<'_>) -> Result<(), Answer> {
    let declared = tool_call.tool.headers.iter();
    check_argument_headers(
        &tool_call.id,
        declared.map(|(name, pointer)| (name.as_str(), pointer.as_str())),
        |name| header(incoming.headers, name),
        tool_call.arguments,
    )
}

/// Handles the messages of a batch concurrently. `serve` handles the requests, and `answered` is called with every
/// response.
async fn answer_batch<'a, F: Future<Output = McpReply>>(
    batch: Batch<'a>,
    session: &SessionContext,
    mut serve: impl FnMut(Request<'a>) -> F,
    answered: impl Fn(&Answer),
) -> McpReply {
    if !session.revision(batch.revision).has_batches() {
        return Batch::refusal().into();
    }
    let answered = &answered;
    let outcomes = batch.routes.into_iter().map(|route| {
        let served = match route {
            Route::Request(request) => Ok(serve(request)),
            Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. } => Err(answer),
            Route::Cancel { .. } => Err(Answer::ACCEPTED),
            Route::Batch(_) => Err(Batch::refusal()),
        };
        async move {
            let outcome = match served {
                Ok(outcome) => outcome.await,
                Err(answer) => answer.into(),
            };
            answered(&outcome.answer);
            outcome
        }
    });
    McpReply::join_all(outcomes.collect()).await
}

/// Handles a message on a connection that holds its own session. `serve` handles each request in the message.
pub(crate) async fn answer_each<'a, F: Future<Output = McpReply>>(
    route: Route<'a>,
    session: &SessionContext,
    mut serve: impl FnMut(Request<'a>) -> F,
) -> McpReply {
    match route {
        Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. } => answer.into(),
        Route::Cancel { .. } => Answer::ACCEPTED.into(),
        Route::Request(request) => serve(request).await,
        Route::Batch(batch) => answer_batch(batch, session, serve, |_| ()).await,
    }
}

/// The parts of a message that must be handled before the next message is read.
pub(crate) struct MessageParts<'a> {
    /// The requests and cancellations in the message, in their order.
    pub(crate) parts: Vec<Part<'a>>,
    pub(crate) is_batch: bool,
    /// The response, if it is already known.
    pub(crate) answer: Option<Answer>,
}

/// A request or a cancellation in a message.
pub(crate) enum Part<'a> {
    Request(Request<'a>),
    /// The cancellation of the request with this id.
    Cancelled(Id),
}

/// Splits a message into the parts that must be handled before the next message.
pub(crate) fn split_message<'a>(route: Route<'a>, session: &SessionContext) -> MessageParts<'a> {
    let ready = |answer, parts| MessageParts {
        parts,
        is_batch: false,
        answer: Some(answer),
    };
    match route {
        Route::Reply(answer) | Route::ReplyIfSessionAlive { answer, .. } => {
            ready(answer, Vec::new())
        }
        Route::Cancel { id } => ready(Answer::ACCEPTED, vec![Part::Cancelled(id)]),
        Route::Batch(batch) if !session.revision(batch.revision).has_batches() => {
            ready(Batch::refusal(), Vec::new())
        }
        Route::Request(request) => MessageParts {
            parts: vec![Part::Request(request)],
            is_batch: false,
            answer: None,
        },
        Route::Batch(batch) => {
            let parts = batch.routes.into_iter().filter_map(|route| match route {
                Route::Request(request) => Some(Part::Request(request)),
                Route::Cancel { id } => Some(Part::Cancelled(id)),
                Route::Reply(_) | Route::ReplyIfSessionAlive { .. } | Route::Batch(_) => None,
            });
            MessageParts {
                parts: parts.collect(),
                is_batch: true,
                answer: None,
            }
        }
    }
}

fn unknown_tool(name: &str) -> String {
    format!(
        "unknown tool: {name}; the list of tools may have changed, request it again with tools/list"
    )
}
