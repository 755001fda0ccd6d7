//! The conversation with one client. Lines are handled concurrently, until each has its response or is cancelled.

use std::{collections::HashMap, sync::Arc};

use http::{HeaderMap, Method};
use mcp_protocol::{
    Answer, ClientRequest, Id, Request,
    jsonrpc::{INTERNAL_ERROR, INVALID_REQUEST},
    route_stdio,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    plugin::Caller,
    server::{
        McpServer,
        dispatch::{Connection, MessageParts, Part, answer_each, split_message},
        outcome::McpReply,
        record::RequestRecord,
        request::{Exposure, IncomingRequest, MAX_BODY, NotificationSink},
        session::SessionContext,
    },
    store::session::SessionId,
    transport::stdio::lines::{InputLine, to_line},
};

/// The maximum number of messages that are handled concurrently, in addition to running calls. Further messages are
/// read only when earlier ones have their responses.
/// Source: ours. A message counts until the client has read its response, so a client that does not read cannot fill
/// the memory. Running calls alone never keep further messages from being read, because one of these may cancel a call.
const MAX_NON_CALL_REQUESTS: usize = 64;

/// The maximum total size of the large messages that are handled concurrently. A further one is rejected. Unit: bytes.
/// Source: ours. It is four times the size of the largest message.
const MAX_LARGE_BYTES: usize = 4 * MAX_BODY;

/// The minimum size of a large message. Unit: bytes.
/// Source: ours. The number of smaller messages is limited to 320, unless `MCP_MAX_CONCURRENT_CALLS` is set, so they
/// have at most 5 MB.
const LARGE_MESSAGE: usize = 16 * 1024;

/// The state of the conversation.
pub(super) struct Conversation {
    server: Arc<McpServer>,
    /// The maximum number of messages that are handled concurrently.
    max_messages: usize,
    /// The permits for large messages, one for each byte.
    large_messages: Arc<Semaphore>,
    out: mpsc::Sender<Vec<u8>>,
    /// The session that `initialize` started, if it was sent.
    session: Arc<SessionContext>,
    /// The senders by which active requests can be cancelled. (If several requests have the same id, the latest one.)
    active: HashMap<Id, oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

impl Conversation {
    /// Returns a new conversation, which writes its responses to `out`.
    pub(super) fn new(server: McpServer, out: mpsc::Sender<Vec<u8>>) -> Self {
        Self {
            max_messages: server.max_concurrent_calls() + MAX_NON_CALL_REQUESTS,
            large_messages: Arc::new(Semaphore::new(MAX_LARGE_BYTES)),
            server: Arc::new(server),
            out,
            session: Arc::new(SessionContext::None),
            active: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Handles lines until the input ends.
    pub(super) async fn listen(&mut self, mut lines: mpsc::Receiver<InputLine>) {
        loop {
            tokio::select! {
                line = lines.recv(), if self.tasks.len() < self.max_messages => match line {
                    Some(line) => self.on_line(line).await,
                    None => return,
                },
                Some(_) = self.tasks.join_next() => self.remove_finished(),
            }
        }
    }

    async fn on_line(&mut self, line: InputLine) {
        let line = match line {
            InputLine::Message(line) => line,
            InputLine::TooLong => {
                let message = format!("the message has more than {MAX_BODY} bytes");
                let answer = Answer::error(400, None, INVALID_REQUEST, &message);
                return write(&self.out, answer.into()).await;
            }
        };
        if let Err(refused) = self.server.json_limit().check(&line) {
            return write(&self.out, refused.into()).await;
        }
        let parts = split_message(route_stdio(&line), &self.session);
        let targets = ReplyTargets::from_parts(&parts);
        let cancelled = match self.begin(parts) {
            Ok(cancelled) => cancelled,
            Err(answer) => return write(&self.out, answer.into()).await,
        };
        let Ok(permit) = self.reserve(line.len()) else {
            drop(cancelled);
            self.remove_finished();
            return write(&self.out, targets.overloaded_reply()).await;
        };
        let handler = LineHandler {
            server: Arc::clone(&self.server),
            out: self.out.clone(),
            session: Arc::clone(&self.session),
        };
        self.tasks.spawn(handler.answer(line, permit, cancelled));
    }

    /// Handles the parts of a message that must be handled before the next message is read. For each remaining request,
    /// returns a receiver that completes if the request is cancelled.
    ///
    /// # Errors
    /// The response, if no request remains to be handled.
    fn begin(&mut self, parts: MessageParts<'_>) -> Result<Vec<oneshot::Receiver<()>>, Answer> {
        let mut cancelled = Vec::new();
        for part in parts.parts {
            match part {
                Part::Cancelled(id) => self.cancel(&id),
                Part::Request(Request {
                    id,
                    method:
                        ClientRequest::Initialize {
                            negotiated,
                            client,
                            capabilities,
                        },
                    ..
                }) => {
                    let caller = Caller::default();
                    let session =
                        self.server
                            .new_session(negotiated, client, capabilities, &caller);
                    self.session = Arc::new(SessionContext::Known(SessionId::random(), session));
                    return Err(Answer::success(
                        &id,
                        &self.server.initialize_result(negotiated),
                    ));
                }
                Part::Request(request) => cancelled.push(self.register(request)),
            }
        }
        match parts.answer {
            Some(answer) => Err(answer),
            None => Ok(cancelled),
        }
    }

    /// Reserves permits for a large message until it was handled. A small message needs none.
    fn reserve(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Overloaded> {
        if bytes < LARGE_MESSAGE {
            return Ok(None);
        }
        let bytes = u32::try_from(bytes).map_err(|_| Overloaded)?;
        let permit = Arc::clone(&self.large_messages).try_acquire_many_owned(bytes);
        permit.map(Some).map_err(|_| Overloaded)
    }

    fn register(&mut self, request: Request<'_>) -> oneshot::Receiver<()> {
        if let (ClientRequest::SetLogLevel(level), SessionContext::Known(_, session)) =
            (request.method, Arc::make_mut(&mut self.session))
        {
            session.log_level = Some(level);
        }
        let (sender, cancelled) = oneshot::channel();
        self.active.insert(request.id, sender);
        cancelled
    }

    fn cancel(&mut self, id: &Id) {
        if let Some(request) = self.active.remove(id) {
            // This fails if the request was completed in the meantime.
            let _ = request.send(());
        }
    }

    fn remove_finished(&mut self) {
        self.active.retain(|_, request| !request.is_closed());
    }

    /// Waits until every response was written.
    pub(super) async fn end(mut self, written: oneshot::Receiver<()>) {
        while self.tasks.join_next().await.is_some() {}
        drop(self.out);
        let _ = written.await;
    }
}

/// The large messages have reached their maximum total size.
struct Overloaded;

/// The ids of the requests in a line that must have responses.
enum ReplyTargets {
    One(Id),
    Several(Vec<Id>),
    Nobody,
}

impl ReplyTargets {
    fn from_parts(parts: &MessageParts<'_>) -> Self {
        let id = |part: &Part<'_>| match part {
            Part::Request(request) => Some(request.id.clone()),
            Part::Cancelled(_) => None,
        };
        let mut ids = parts.parts.iter().filter_map(id);
        match parts.is_batch {
            true => Self::Several(ids.collect()),
            false => ids.next().map_or(Self::Nobody, Self::One),
        }
    }

    /// Returns the reply to a line that is rejected because there are too many large messages.
    fn overloaded_reply(self) -> McpReply {
        let message = format!(
            "large messages of {MAX_LARGE_BYTES} bytes are already in progress; send this one again when others are answered"
        );
        let refused =
            |id: &Id| McpReply::from(Answer::error(503, Some(id), INTERNAL_ERROR, &message));
        match self {
            Self::One(id) => refused(&id),
            Self::Several(ids) => McpReply::from_batch(ids.iter().map(refused).collect()),
            Self::Nobody => Answer::ACCEPTED.into(),
        }
    }
}

/// Handles one line.
struct LineHandler {
    server: Arc<McpServer>,
    out: mpsc::Sender<Vec<u8>>,
    session: Arc<SessionContext>,
}

impl LineHandler {
    /// Handles the requests in a line that are not cancelled, and writes the reply. (The line is parsed a second time,
    /// because the parsed parts borrow from it and could not be moved into this task.)
    async fn answer(
        self,
        line: Vec<u8>,
        permit: Option<OwnedSemaphorePermit>,
        cancelled: Vec<oneshot::Receiver<()>>,
    ) {
        let mut cancelled = cancelled.into_iter();
        let request = |request| self.request(line.len(), request, cancelled.next());
        let outcome = answer_each(route_stdio(&line), &self.session, request).await;
        drop(line);
        drop(permit);
        write(&self.out, outcome).await;
    }

    async fn request(
        &self,
        received: usize,
        request: Request<'_>,
        cancelled: Option<oneshot::Receiver<()>>,
    ) -> McpReply {
        let request_id = uuid::Uuid::new_v4().to_string();
        let headers = HeaderMap::new();
        let out = self.out.clone();
        // This runs on the tool's thread. Sending fails only if the client has disconnected.
        let sink = NotificationSink::new(move |notification| {
            let _ = out.blocking_send(to_line(notification.get().as_bytes()));
        });
        let incoming = IncomingRequest {
            method: Method::POST,
            path: "/mcp",
            headers: &headers,
            body: &[],
            exposure: Exposure::Stdio,
            // The caller is the program that started this one, without authentication.
            caller: Caller::default(),
            request_id: &request_id,
            deadline: None,
            gateway_timeout: None,
            notifications: Some(sink),
            record: RequestRecord::default(),
            response_limit: None,
        };
        incoming
            .record
            .set_method(&request.method, request.revision);
        // When the request is cancelled, this future is dropped.
        let reply = async {
            let mut entry = self.server.log_entry(&incoming, received);
            let connection = Connection::Transport(&self.session);
            let reply = self
                .server
                .request(&incoming, request, &self.session, connection);
            let outcome = reply.await;
            entry.finish_with(&outcome.answer);
            outcome
        };
        let Some(cancelled) = cancelled else {
            return reply.await;
        };
        tokio::select! {
            outcome = reply => outcome,
            Ok(()) = cancelled => Answer::ACCEPTED.into(),
        }
    }
}

/// Writes a reply. If the client has disconnected, the reply is dropped.
async fn write(out: &mpsc::Sender<Vec<u8>>, outcome: McpReply) {
    for notification in outcome.notifications {
        let _ = out.send(to_line(notification.get().as_bytes())).await;
    }
    if let Some(body) = outcome.answer.body {
        let _ = out.send(to_line(&body)).await;
    }
}
