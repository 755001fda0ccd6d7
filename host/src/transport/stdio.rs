//! MCP over stdin and stdout, for local clients that start the program themselves: one JSON-RPC message a line.
//!
//! The process is the connection and, for a legacy client, the session. Calls go on at the same time, and their answers
//! may overtake each other. What a client takes back by `notifications/cancelled` is not answered.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use http::{HeaderMap, Method};
use layer_format::ErrorCode;
use mcp_protocol::{
    Answer, Ask, Batch, Id, Request, Route,
    jsonrpc::{INTERNAL_ERROR, INVALID_REQUEST},
    route_stdio,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

use crate::{
    config::Config,
    server::{Caller, InSession, Incoming, MAX_BODY, McpServer, Outcome, Reached, Record, Tell},
    store::session::SessionId,
    transport::failed,
};

/// How long calls under way may still take when the client has closed stdin, or the end was asked for.
/// Source: ours; as for `serve`. (Clients close stdin, wait some seconds, and then send SIGTERM.)
const GRACE: Duration = Duration::from_secs(10);

/// How many messages are worked on at once, beside the calls that run; those after them are read when others are answered.
/// Source: ours. They wait for the client to read, so that one that does not read what it asked for fills no memory; calls
/// alone never keep it from being heard, as it may have one to take back.
const MOST_BESIDE_CALLS: usize = 64;

/// How much the large messages that are worked on have, all together; one more of them is refused. Unit: bytes.
/// Source: ours. Four times the largest.
const MOST_BYTES_AT_ONCE: usize = 4 * MAX_BODY;

/// A message of so much is a large one. Unit: bytes.
/// Source: ours. What is smaller is bounded by its number: 320 messages unless `CALLS_AT_ONCE` says otherwise, 5 MB.
const LARGE: usize = 16 * 1024;

/// How many lines may wait for the client to read them before calls wait for it, too.
/// Source: ours.
const WAITING_LINES: usize = 64;

/// Serve until stdin ends, over the `stdout` that was kept from plugins. The exit code is 0 then, 1 when the start failed.
pub async fn run(config: Config, stdout: io::Result<File>) -> ExitCode {
    let app = match McpServer::start(&config) {
        Ok(app) => app,
        Err(error) => return failed(error.code(), &error),
    };
    let served = match stdout {
        Ok(stdout) => converse(app, BufReader::new(io::stdin()), stdout).await,
        Err(error) => Err(io::Error::other(format!(
            "there is no stdout to answer by; start the program with one: {error}"
        ))),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(ErrorCode::ServeFailed, &error),
    }
}

/// Answer what comes in by what goes out, until either ends or a signal comes.
async fn converse(
    app: McpServer,
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
) -> io::Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let (out, written) = writing(output);
    let mut conversation = Conversation {
        most_at_once: app.calls_at_once() + MOST_BESIDE_CALLS,
        room: Arc::new(Semaphore::new(MOST_BYTES_AT_ONCE)),
        app: Arc::new(app),
        out: out.clone(),
        session: Arc::new(InSession::None),
        under_way: HashMap::new(),
        tasks: JoinSet::new(),
    };
    tokio::select! {
        () = conversation.listen(reading(input)) => {}
        // Nobody reads any more.
        () = out.closed() => return Ok(()),
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    drop(out);
    tokio::select! {
        ended = timeout(GRACE, conversation.end(written)) => if ended.is_err() {
            tracing::warn!(
                "calls were still under way {} seconds after the end was asked for",
                GRACE.as_secs()
            );
        },
        // Whoever asks again does not want to wait.
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    Ok(())
}

/// A line of the input.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// Without its end.
    Message(Vec<u8>),
    /// Of more than [`MAX_BODY`]; it was skipped.
    TooLong,
}

/// Read lines on a thread of its own, which nobody waits for: reading cannot be interrupted.
fn reading(mut input: impl BufRead + Send + 'static) -> mpsc::Receiver<Line> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        loop {
            match read_line(&mut input) {
                Ok(Some(line)) => {
                    if sender.blocking_send(line).is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "stdin cannot be read any more");
                    return;
                }
            }
        }
    });
    lines
}

/// The next line that is not blank; `None` at the end.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    loop {
        let mut line = Vec::new();
        // One more for the line's end.
        let most = MAX_BODY as u64 + 1;
        if io::Read::take(&mut *input, most).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.len() > MAX_BODY && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            return Ok(Some(Line::TooLong));
        }
        line.truncate(line.trim_ascii_end().len());
        if !line.is_empty() {
            return Ok(Some(Line::Message(line)));
        }
    }
}

/// Write lines on a thread of its own: a client that does not read holds up nothing but what it would have to read. The
/// second part is there when everything was written.
fn writing(
    mut output: impl Write + Send + 'static,
) -> (mpsc::Sender<Vec<u8>>, oneshot::Receiver<()>) {
    let (sender, mut lines) = mpsc::channel::<Vec<u8>>(WAITING_LINES);
    let (done, written) = oneshot::channel();
    std::thread::spawn(move || {
        while let Some(line) = lines.blocking_recv() {
            if let Err(error) = output.write_all(&line).and_then(|()| output.flush()) {
                tracing::warn!(%error, "stdout cannot be written any more");
                break;
            }
        }
        // Nobody may wait any more.
        let _ = done.send(());
    });
    (sender, written)
}

/// A message as a line. JSON has line feeds only between its tokens (RFC 8259, section 7), and there a blank is as good.
fn line_of(message: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| match byte {
        b'\n' | b'\r' => b' ',
        byte => *byte,
    };
    let mut line: Vec<u8> = message.iter().map(blank).collect();
    line.push(b'\n');
    line
}

/// What one client says and is told.
struct Conversation {
    app: Arc<McpServer>,
    /// How many messages are worked on at once.
    most_at_once: usize,
    /// For large messages. Unit: bytes.
    room: Arc<Semaphore>,
    out: mpsc::Sender<Vec<u8>>,
    /// What `initialize` agreed on.
    session: Arc<InSession>,
    /// How to tell that the client takes a request back. (Of requests under the same id, of the latest.)
    under_way: HashMap<Id, oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

impl Conversation {
    /// Hear every line until there are no more.
    async fn listen(&mut self, mut lines: mpsc::Receiver<Line>) {
        loop {
            tokio::select! {
                line = lines.recv(), if self.tasks.len() < self.most_at_once => match line {
                    Some(line) => self.hear(line).await,
                    None => return,
                },
                Some(_) = self.tasks.join_next() => self.forget_finished(),
            }
        }
    }

    async fn hear(&mut self, line: Line) {
        let line = match line {
            Line::Message(line) => line,
            Line::TooLong => {
                let message = format!("the message has more than {MAX_BODY} bytes");
                let answer = Answer::error(400, None, INVALID_REQUEST, &message);
                return write(&self.out, answer.into()).await;
            }
        };
        let route = route_stdio(&line);
        let asked = Asked::of(&route);
        let taken_back = match self.begin(route) {
            Ok(taken_back) => taken_back,
            Err(answer) => return write(&self.out, answer.into()).await,
        };
        let Ok(room) = self.room_for(line.len()) else {
            drop(taken_back);
            self.forget_finished();
            return write(&self.out, asked.refused()).await;
        };
        let work = Work {
            app: Arc::clone(&self.app),
            out: self.out.clone(),
            session: Arc::clone(&self.session),
        };
        self.tasks.spawn(work.answer(line, room, taken_back));
    }

    /// Do what must be done before the next message is looked at. What then is left to do can be taken back, each request
    /// by its own sign.
    ///
    /// # Errors
    /// The answer, when nothing is left to do.
    fn begin(&mut self, route: Route<'_>) -> Result<Vec<oneshot::Receiver<()>>, Answer> {
        match route {
            Route::Answered(answer) | Route::InSession { answer, .. } => Err(answer),
            Route::Cancelled { id } => {
                self.take_back(&id);
                Err(Answer::ACCEPTED)
            }
            Route::Request(Request {
                id,
                ask:
                    Ask::Initialize {
                        negotiated,
                        client,
                        capabilities,
                    },
                ..
            }) => {
                let caller = Caller::default();
                let session = self
                    .app
                    .new_session(negotiated, client, capabilities, &caller);
                self.session = Arc::new(InSession::Known(SessionId::random(), session));
                Err(Answer::success(&id, &self.app.introduction(negotiated)))
            }
            Route::Request(request) => Ok(vec![self.register(request)]),
            Route::Batch(batch) if !self.session.revision(batch.revision).has_batches() => {
                Err(Batch::refused())
            }
            Route::Batch(batch) => {
                let mut taken_back = Vec::new();
                for route in batch.routes {
                    match route {
                        Route::Request(request) => taken_back.push(self.register(request)),
                        Route::Cancelled { id } => self.take_back(&id),
                        Route::Answered(_) | Route::InSession { .. } | Route::Batch(_) => {}
                    }
                }
                Ok(taken_back)
            }
        }
    }

    /// Room for a message of so many bytes, until it is answered; a small one needs none.
    fn room_for(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, NoRoom> {
        if bytes < LARGE {
            return Ok(None);
        }
        let bytes = u32::try_from(bytes).map_err(|_| NoRoom)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes);
        room.map(Some).map_err(|_| NoRoom)
    }

    fn register(&mut self, request: Request<'_>) -> oneshot::Receiver<()> {
        if let (Ask::SetLogLevel(level), InSession::Known(_, session)) =
            (request.ask, Arc::make_mut(&mut self.session))
        {
            session.log_level = Some(level);
        }
        let (sender, taken_back) = oneshot::channel();
        self.under_way.insert(request.id, sender);
        taken_back
    }

    fn take_back(&mut self, id: &Id) {
        if let Some(request) = self.under_way.remove(id) {
            // It may have ended meanwhile.
            let _ = request.send(());
        }
    }

    fn forget_finished(&mut self) {
        self.under_way.retain(|_, request| !request.is_closed());
    }

    /// Wait until all is answered.
    async fn end(mut self, written: oneshot::Receiver<()>) {
        while self.tasks.join_next().await.is_some() {}
        drop(self.out);
        let _ = written.await;
    }
}

/// Large messages have taken all the room there is.
struct NoRoom;

/// Who waits for an answer to a line.
enum Asked {
    One(Id),
    Several(Vec<Id>),
    Nobody,
}

impl Asked {
    fn of(route: &Route<'_>) -> Self {
        let id = |route: &Route<'_>| match route {
            Route::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        match route {
            Route::Batch(batch) => Self::Several(batch.routes.iter().filter_map(id).collect()),
            route => id(route).map_or(Self::Nobody, Self::One),
        }
    }

    /// What they are told when there is no room for the line.
    fn refused(self) -> Outcome {
        let message = format!(
            "messages of {MOST_BYTES_AT_ONCE} bytes are worked on, and no more at the moment; send it again when others are answered"
        );
        let refused =
            |id: &Id| Outcome::from(Answer::error(503, Some(id), INTERNAL_ERROR, &message));
        match self {
            Self::One(id) => refused(&id),
            Self::Several(ids) => Outcome::of_batch(ids.iter().map(refused).collect()),
            Self::Nobody => Answer::ACCEPTED.into(),
        }
    }
}

/// What it takes to answer one line.
struct Work {
    app: Arc<McpServer>,
    out: mpsc::Sender<Vec<u8>>,
    session: Arc<InSession>,
}

impl Work {
    /// Answer a line, unless it is taken back. (It was parsed before, but what came of that cannot leave it.)
    async fn answer(
        self,
        line: Vec<u8>,
        room: Option<OwnedSemaphorePermit>,
        taken_back: Vec<oneshot::Receiver<()>>,
    ) {
        let outcome = self.outcome(&line, taken_back).await;
        drop(line);
        drop(room);
        if let Some(outcome) = outcome {
            write(&self.out, outcome).await;
        }
    }

    /// What comes of a line; `None` when it is answered already.
    async fn outcome(
        &self,
        line: &[u8],
        taken_back: Vec<oneshot::Receiver<()>>,
    ) -> Option<Outcome> {
        let mut taken_back = taken_back.into_iter();
        let mut request = |request| self.request(line.len(), request, taken_back.next());
        match route_stdio(line) {
            Route::Request(asked) => Some(request(asked).await),
            Route::Batch(batch) => {
                let outcomes = batch.routes.into_iter().map(|route| match route {
                    Route::Request(asked) => Ok(request(asked)),
                    Route::Answered(answer) | Route::InSession { answer, .. } => Err(answer),
                    Route::Cancelled { .. } | Route::Batch(_) => Err(Answer::ACCEPTED),
                });
                let outcomes = outcomes.map(async |outcome| match outcome {
                    Ok(outcome) => outcome.await,
                    Err(answer) => answer.into(),
                });
                Some(Outcome::of_all(outcomes.collect()).await)
            }
            Route::Answered(_) | Route::InSession { .. } | Route::Cancelled { .. } => None,
        }
    }

    async fn request(
        &self,
        received: usize,
        request: Request<'_>,
        taken_back: Option<oneshot::Receiver<()>>,
    ) -> Outcome {
        let request_id = uuid::Uuid::new_v4().to_string();
        let headers = HeaderMap::new();
        let out = self.out.clone();
        // From a tool's own thread. A client that is gone hears nothing.
        let tell = Tell::new(move |notification| {
            let _ = out.blocking_send(line_of(notification.get().as_bytes()));
        });
        let incoming = Incoming {
            method: Method::POST,
            path: "/mcp",
            headers: &headers,
            body: &[],
            reached: Reached::Pipe,
            // Who started the program; nobody asks who that is.
            caller: Caller::default(),
            request_id: &request_id,
            deadline: None,
            ceiling: None,
            tell: Some(tell),
            record: Record::default(),
            room: None,
        };
        incoming.record.asks(&request.ask, request.revision);
        // What is taken back is abandoned.
        let served = async {
            let mut line = self.app.line(&incoming, received);
            let outcome = self.app.serve(&incoming, request, &self.session).await;
            line.end_by(&outcome.answer);
            outcome
        };
        let Some(taken_back) = taken_back else {
            return served.await;
        };
        tokio::select! {
            outcome = served => outcome,
            Ok(()) = taken_back => Answer::ACCEPTED.into(),
        }
    }
}

/// Write what there is to write of an outcome. Nobody may be there any more to read it.
async fn write(out: &mpsc::Sender<Vec<u8>>, outcome: Outcome) {
    for notification in outcome.notifications {
        let _ = out.send(line_of(notification.get().as_bytes())).await;
    }
    if let Some(body) = outcome.answer.body {
        let _ = out.send(line_of(&body)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_skipped_and_a_last_line_needs_no_end() {
        let input = b"{}\r\n\n  \r\n[]\n{\"a\":1}";
        let mut input = &input[..];
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut input).expect("memory can be read") {
            lines.push(line);
        }
        let message = |text: &str| Line::Message(text.into());
        assert_eq!(lines, [message("{}"), message("[]"), message("{\"a\":1}")]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        for (length, fits) in [
            (MAX_BODY, true),
            (MAX_BODY + 1, false),
            (3 * MAX_BODY, false),
        ] {
            let mut input = vec![b'x'; length];
            input.extend(b"\n{}\n");
            let mut input = &input[..];
            let first = read_line(&mut input).expect("memory can be read");
            assert_eq!(first != Some(Line::TooLong), fits, "{length} bytes");
            let second = read_line(&mut input).expect("memory can be read");
            assert_eq!(second, Some(Line::Message(b"{}".into())), "{length} bytes");
        }
    }

    #[test]
    fn a_message_of_several_lines_becomes_one() {
        let line = line_of(b"{\r\n  \"a\": \"b\\n\"\n}");
        assert_eq!(line, b"{    \"a\": \"b\\n\" }\n");
    }
}
