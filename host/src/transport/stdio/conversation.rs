//! The conversation with one client. The lines are handled concurrently, until each is answered or cancelled.

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

/// The maximum number of messages that are handled at once, besides the calls that run. Further messages are read when
/// others are answered.
/// Source: ours. Messages wait for the client to read their answers, so that a client which does not read fills no
/// memory. Calls alone never keep a message waiting, since it may be a cancellation of one.
const MAX_NON_CALL_REQUESTS: usize = 64;

/// The maximum size of all large messages that are handled at once. A further one is refused. Unit: bytes.
/// Source: ours. Four times the largest.
const MAX_LARGE_BYTES: usize = 4 * MAX_BODY;

/// The minimum size of a large message. Unit: bytes.
/// Source: ours. Smaller ones are limited by their number: 320 messages unless `MCP_MAX_CONCURRENT_CALLS` is set, 5 MB.
const LARGE_MESSAGE: usize = 16 * 1024;

/// The state of the conversation.
pub(super) struct Conversation {
    server: Arc<McpServer>,
    /// The maximum number of messages that are handled at once.
    max_messages: usize,
    /// The limit of large messages. Unit: bytes.
    large_messages: Arc<Semaphore>,
    out: mpsc::Sender<Vec<u8>>,
    /// The result of `initialize`.
    session: Arc<SessionContext>,
    /// The senders that cancel active requests. (Of requests with the same id, the latest.)
    active: HashMap<Id, oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

impl Conversation {
    /// Returns a new conversation, which writes its answers to `out`.
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

    /// Handles every line until there are no more.
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

    /// Handles the parts of a message that must be done before the next message. Returns a receiver for the
    /// cancellation of each remaining request.
    ///
    /// # Errors
    /// The answer, if nothing remains to be done.
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

    /// Reserves room for a message until it is answered. A small one needs none.
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
            // The request may have ended meanwhile.
            let _ = request.send(());
        }
    }

    fn remove_finished(&mut self) {
        self.active.retain(|_, request| !request.is_closed());
    }

    /// Waits until everything is answered.
    pub(super) async fn end(mut self, written: oneshot::Receiver<()>) {
        while self.tasks.join_next().await.is_some() {}
        drop(self.out);
        let _ = written.await;
    }
}

/// The large messages have reached their limit.
struct Overloaded;

/// The ids of the requests in a line that wait for an answer.
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

    /// Returns the reply for a line that is refused for its size.
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

/// The handler of one line.
struct LineHandler {
    server: Arc<McpServer>,
    out: mpsc::Sender<Vec<u8>>,
    session: Arc<SessionContext>,
}

impl LineHandler {
    /// Answers a line, unless it is cancelled. (It was parsed before, but the parts borrow from it and cannot leave
    /// that function.)
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
        // This runs on a tool's own thread. A client that is gone gets nothing.
        let sink = NotificationSink::new(move |notification| {
            let _ = out.blocking_send(to_line(notification.get().as_bytes()));
        });
        let incoming = IncomingRequest {
            method: Method::POST,
            path: "/mcp",
            headers: &headers,
            body: &[],
            exposure: Exposure::Stdio,
            // The caller is the program that started this one. It is not authenticated.
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
        // A cancelled request is dropped.
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

/// Writes a reply. The client may have left.
async fn write(out: &mpsc::Sender<Vec<u8>>, outcome: McpReply) {
    for notification in outcome.notifications {
        let _ = out.send(to_line(notification.get().as_bytes())).await;
    }
    if let Some(body) = outcome.answer.body {
        let _ = out.send(to_line(&body)).await;
    }
}
