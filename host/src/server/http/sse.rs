//! An answer as it happens: an event stream that begins with the first thing the client is to hear before its answer.
//!
//! What is answered before that is answered whole, in one piece: most is, and clients then need not read a stream.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use mcp_protocol::event_stream;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Sleep, sleep},
};

use crate::server::{
    access_log::Line,
    http::{
        cors,
        headers::accepts_events,
        response::{empty, is_event_stream, to_event_stream},
    },
    request::Tell,
};

/// How long a stream is silent before a comment shows that it is alive. Unit: seconds.
/// Source: HTML Living Standard, section 9.2.7, "Authoring notes": a comment line every 15 seconds or so, as proxies drop
/// connections that are silent for long.
const SILENCE: Duration = Duration::from_secs(15);

/// A comment, which whoever reads events ignores. Source: HTML Living Standard, section 9.2.6.
const COMMENT: &[u8] = b": the tool still runs\n\n";

/// How much may wait for a client that does not read. What comes then is lost, but not the answer. Unit: bytes.
/// Source: ours; as much is kept for clients that are answered whole.
const MOST_WAITING: usize = 256 * 1024;

/// What must be known of a request before it is answered as it happens.
pub(crate) struct Opening {
    /// The origin of the page that may read the answer.
    origin: Option<HeaderValue>,
    accepts_events: bool,
}

impl Opening {
    /// Gets ready to answer a request with these headers as it happens. The origin is that of a page that may call.
    pub(crate) fn new(headers: &HeaderMap, origin: Option<&HeaderValue>) -> Self {
        Self {
            origin: origin.cloned(),
            accepts_events: accepts_events(headers),
        }
    }

    /// Answer. What `answer` gives before anything is told is answered whole; else it becomes the last event of a stream.
    /// Whoever drops the stream drops what would answer.
    ///
    /// The operator's line comes back beside an answer that is whole; that of a stream is written at its end.
    pub(crate) async fn answer<A>(
        self,
        answer: impl FnOnce(Tell) -> A,
    ) -> (Response<AnswerBody>, Option<Line>)
    where
        A: Future<Output = Answered> + Send + 'static,
    {
        let (told, waiting) = Waiting::new();
        let mut events = EventStream {
            waiting,
            answering: Some(Box::pin(answer(told))),
            silence: Box::pin(sleep(SILENCE)),
            first: None,
        };
        let first =
            std::future::poll_fn(|context| events.poll_first(self.accepts_events, context)).await;
        let mut response = match first {
            First::Whole((response, line)) => return (response.map(AnswerBody::whole), line),
            First::Event(event) => {
                events.first = Some(event);
                let mut response = empty(StatusCode::OK).map(|_| AnswerBody(Inner::Events(events)));
                to_event_stream(response.headers_mut());
                response
            }
        };
        if let Some(origin) = self.origin {
            cors::allow(response.headers_mut(), &origin);
        }
        (response, None)
    }
}

/// What tools have told and no client has read yet.
struct Waiting {
    events: UnboundedReceiver<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
}

impl Waiting {
    fn new() -> (Tell, Self) {
        let (sender, events): (UnboundedSender<Vec<u8>>, _) = unbounded_channel();
        let bytes = Arc::<AtomicUsize>::default();
        let waiting = Arc::clone(&bytes);
        let tell = Tell::new(move |notification| {
            let event = event_stream([notification.get()]);
            let length = event.len();
            if waiting.fetch_add(length, Ordering::Relaxed) + length > MOST_WAITING {
                waiting.fetch_sub(length, Ordering::Relaxed);
                tracing::debug!(
                    "the client does not read what tools tell it: a notification is lost"
                );
                return;
            }
            // A client that is gone hears nothing.
            let _ = sender.send(event);
        });
        (tell, Self { events, bytes })
    }

    /// All that waits, as one piece.
    fn poll_take(&mut self, context: &mut Context<'_>) -> Option<Bytes> {
        let mut taken = Vec::new();
        loop {
            // Polling alone may stop before all is taken, to let others go on (tokio's cooperative budget).
            let event = match self.events.try_recv() {
                Ok(event) => event,
                Err(_) => match self.events.poll_recv(context) {
                    Poll::Ready(Some(event)) => event,
                    Poll::Ready(None) | Poll::Pending => break,
                },
            };
            self.bytes.fetch_sub(event.len(), Ordering::Relaxed);
            taken.extend(event);
        }
        (!taken.is_empty()).then(|| taken.into())
    }
}

/// An answer, and its line for the operator, if that is not written yet.
pub(crate) type Answered = (Response<Bytes>, Option<Line>);

/// How an answer begins.
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved once, and most answers are whole"
)]
enum First {
    Whole(Answered),
    Event(Bytes),
}

/// Events until the answer, which is the last of them.
struct EventStream {
    first: Option<Bytes>,
    waiting: Waiting,
    /// Until it has answered.
    answering: Option<Pin<Box<dyn Future<Output = Answered> + Send>>>,
    silence: Pin<Box<Sleep>>,
}

impl EventStream {
    fn poll_first(&mut self, accepts_events: bool, context: &mut Context<'_>) -> Poll<First> {
        if let Some(events) = self.waiting.poll_take(context) {
            return Poll::Ready(First::Event(events));
        }
        if let Some(answering) = &mut self.answering
            && let Poll::Ready((response, line)) = answering.as_mut().poll(context)
        {
            self.answering = None;
            // What was told meanwhile was told before.
            return Poll::Ready(match self.waiting.poll_take(context) {
                None => First::Whole((response, line)),
                Some(events) => First::Event(followed_by(events, &response)),
            });
        }
        if accepts_events {
            return self.poll_silence(context).map(First::Event);
        }
        Poll::Pending
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let Some(answering) = &mut self.answering else {
            return Poll::Ready(None);
        };
        let answered = answering.as_mut().poll(context);
        let events = self.waiting.poll_take(context);
        if let Poll::Ready((response, _line)) = answered {
            self.answering = None;
            return Poll::Ready(Some(followed_by(events.unwrap_or_default(), &response)));
        }
        if let Some(events) = events {
            self.begin_silence();
            return Poll::Ready(Some(events));
        }
        self.poll_silence(context).map(Some)
    }

    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        if self.silence.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.begin_silence();
        Poll::Ready(Bytes::from_static(COMMENT))
    }

    fn begin_silence(&mut self) {
        self.silence.set(sleep(SILENCE));
    }
}

/// The answer behind these events. Its status is lost: that of a stream is sent before.
fn followed_by(events: Bytes, response: &Response<Bytes>) -> Bytes {
    let answer = match str::from_utf8(response.body()) {
        Ok("") | Err(_) => return events,
        Ok(text) if is_event_stream(response.headers()) => text.as_bytes().to_vec(),
        Ok(text) => event_stream([text]),
    };
    [events.as_ref(), &answer].concat().into()
}

/// The body of an answer: one piece, or the events of a stream. It never fails.
pub(crate) struct AnswerBody(Inner);

enum Inner {
    Whole(Option<Bytes>),
    Events(EventStream),
}

impl AnswerBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self(Inner::Whole((!bytes.is_empty()).then_some(bytes)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.0 {
            Inner::Whole(bytes) => Poll::Ready(bytes.take()),
            Inner::Events(events) => events.poll_next(context),
        };
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole(bytes) => bytes.is_none(),
            Inner::Events(events) => events.first.is_none() && events.answering.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Inner::Events(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
    use http_body_util::BodyExt;
    use serde_json::value::RawValue;
    use tokio::sync::oneshot;

    use super::*;

    const ORIGIN: &str = "https://app.example.com";

    fn opening(accepts_events: bool) -> Opening {
        Opening {
            origin: Some(HeaderValue::from_static(ORIGIN)),
            accepts_events,
        }
    }

    fn notification(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    async fn next(response: &mut Response<AnswerBody>) -> Option<String> {
        let frame = response.body_mut().frame().await?;
        let piece = frame.expect("no error").into_data().expect("data");
        Some(String::from_utf8(piece.into()).expect("UTF-8"))
    }

    #[tokio::test]
    async fn an_answer_before_which_nothing_is_told_is_whole() {
        let answer = |_| async { (Response::new(Bytes::from_static(b"{}")), None) };
        let (mut response, _) = opening(true).answer(answer).await;
        assert_eq!(response.headers().get(CONTENT_TYPE), None);
        assert_eq!(response.body().size_hint().exact(), Some(2));
        assert_eq!(next(&mut response).await.as_deref(), Some("{}"));
        assert!(response.body().is_end_stream());
        assert_eq!(next(&mut response).await, None);
    }

    #[tokio::test]
    async fn what_is_told_is_heard_before_there_is_an_answer() {
        let (finish, finished) = oneshot::channel::<()>();
        let answer = |tell: Tell| async move {
            tell.tell(notification("1"));
            finished.await.expect("it is told to");
            tell.tell(notification("2"));
            let mut response = Response::new(Bytes::from_static(b"3"));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            (response, None)
        };
        let (mut response, _) = opening(true).answer(answer).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], ORIGIN);
        let first = next(&mut response).await;
        assert_eq!(first.as_deref(), Some("event: message\ndata: 1\n\n"));
        finish.send(()).expect("it is awaited");
        let rest = next(&mut response).await.expect("the rest");
        assert_eq!(
            rest,
            "event: message\ndata: 2\n\nevent: message\ndata: 3\n\n"
        );
        assert!(response.body().is_end_stream());
        assert_eq!(next(&mut response).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_tool_is_shown_to_be_alive_to_those_who_hear_events() {
        let slow = |_| async {
            tokio::time::sleep(SILENCE * 2 + SILENCE / 2).await;
            (Response::new(Bytes::from_static(b"{}")), None)
        };
        let (mut response, _) = opening(true).answer(slow).await;
        let comment = str::from_utf8(COMMENT).expect("UTF-8");
        for expected in [comment, comment, "event: message\ndata: {}\n\n"] {
            assert_eq!(next(&mut response).await.as_deref(), Some(expected));
        }
        assert_eq!(next(&mut response).await, None);
        let (mut response, _) = opening(false).answer(slow).await;
        assert_eq!(next(&mut response).await.as_deref(), Some("{}"));
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_loses_what_is_told_but_not_the_answer() {
        let most = MOST_WAITING / 1000;
        let answer = move |tell: Tell| async move {
            for _ in 0..2 * most {
                tell.tell(notification(&format!("\"{}\"", "x".repeat(1000))));
            }
            (Response::new(Bytes::from_static(b"{}")), None)
        };
        let (mut response, _) = opening(true).answer(answer).await;
        let all = next(&mut response).await.expect("one piece");
        let events = all.matches("data: \"x").count();
        assert!(events > most * 9 / 10 && events <= most, "{events}");
        assert!(all.ends_with("event: message\ndata: {}\n\n"));
    }

    #[tokio::test]
    async fn whoever_drops_the_stream_drops_what_would_answer() {
        let (held, dropped) = oneshot::channel::<()>();
        let answer = |tell: Tell| async move {
            tell.tell(notification("1"));
            std::future::pending::<()>().await;
            drop(held);
            (Response::new(Bytes::new()), None)
        };
        let (response, _) = opening(true).answer(answer).await;
        drop(response);
        assert!(dropped.await.is_err());
    }
}
