//! Streamed responses: an event stream that starts with the first notification, or with a comment if none is sent for
//! long, and ends with the call's response.
//!
//! If the response is ready before that, it is sent as plain JSON, without a stream. That is the usual case, in which
//! clients need not read a stream.

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
    access_log::AccessLogEntry,
    http::{
        cors,
        headers::accepts_events,
        response::{empty, is_event_stream, to_event_stream},
    },
    request::NotificationSink,
};

/// After this time without events, a comment is sent to show that the stream is alive. Unit: seconds.
/// Source: HTML Living Standard, section 9.2.7, "Authoring notes". It recommends a comment line about every 15 seconds,
/// because proxies drop connections that are silent for long.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// A comment line. Clients ignore comments in an event stream. Source: HTML Living Standard, section 9.2.6.
const KEEP_ALIVE: &[u8] = b": the tool still runs\n\n";

/// The maximum size of the notifications that are queued for a client that does not read them. Further notifications
/// are dropped, but the final response is always sent. Unit: bytes.
/// Source: ours; the same limit applies to responses that are not streamed.
const MAX_QUEUED_BYTES: usize = 256 * 1024;

/// A response that becomes an event stream when the first notification is sent.
pub(crate) struct StreamingResponse {
    /// The origin of the web page that may read the response.
    origin: Option<HeaderValue>,
    accepts_events: bool,
}

impl StreamingResponse {
    /// Prepares the response to a request with these headers. `origin` is the origin of the calling page, if that is
    /// permitted.
    pub(crate) fn new(headers: &HeaderMap, origin: Option<&HeaderValue>) -> Self {
        Self {
            origin: origin.cloned(),
            accepts_events: accepts_events(headers),
        }
    }

    /// Runs `answer`. If it completes before the stream has started, returns its response as it is. Otherwise
    /// returns an event stream, in which the response of `answer` is the last event. If the stream is dropped, the
    /// running `answer` is dropped as well.
    ///
    /// For a response that is not streamed, also returns its log entry. The log entry of a stream is written when the
    /// stream ends.
    pub(crate) async fn respond<A>(
        self,
        answer: impl FnOnce(NotificationSink) -> A,
    ) -> (Response<ResponseBody>, Option<AccessLogEntry>)
    where
        A: Future<Output = LoggedResponse> + Send + 'static,
    {
        let (sink, queue) = EventQueue::new();
        let mut events = EventStream {
            queue,
            pending_answer: Some(Box::pin(answer(sink))),
            keep_alive: Box::pin(sleep(KEEP_ALIVE_INTERVAL)),
            first: None,
        };
        let first =
            std::future::poll_fn(|context| events.poll_first(self.accepts_events, context)).await;
        let mut response = match first {
            FirstChunk::Whole((response, entry)) => {
                return (response.map(ResponseBody::whole), entry);
            }
            FirstChunk::Event(event) => {
                events.first = Some(event);
                let mut response =
                    empty(StatusCode::OK).map(|_| ResponseBody(Inner::Events(events)));
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

/// Notifications that were not sent to the client yet.
struct EventQueue {
    events: UnboundedReceiver<Vec<u8>>,
    bytes: Arc<AtomicUsize>,
}

impl EventQueue {
    fn new() -> (NotificationSink, Self) {
        let (sender, events): (UnboundedSender<Vec<u8>>, _) = unbounded_channel();
        let bytes = Arc::<AtomicUsize>::default();
        let queue = Arc::clone(&bytes);
        let sink = NotificationSink::new(move |notification| {
            let event = event_stream([notification.get()]);
            let length = event.len();
            if queue.fetch_add(length, Ordering::Relaxed) + length > MAX_QUEUED_BYTES {
                queue.fetch_sub(length, Ordering::Relaxed);
                tracing::debug!("the client reads its notifications too slowly: one was dropped");
                return;
            }
            // Sending fails only if the client has disconnected. The event is then dropped.
            let _ = sender.send(event);
        });
        (sink, Self { events, bytes })
    }

    /// Takes all queued events, joined into one chunk.
    fn poll_take(&mut self, context: &mut Context<'_>) -> Option<Bytes> {
        let mut taken = Vec::new();
        loop {
            // `poll_recv` may stop before the queue is empty, to let other tasks run (tokio's cooperative budget), so
            // `try_recv` comes first.
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

/// A response, and its log entry if that was not written yet.
pub(crate) type LoggedResponse = (Response<Bytes>, Option<AccessLogEntry>);

/// The first part of a response, which shows whether it is streamed.
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved once, and most answers are whole"
)]
enum FirstChunk {
    Whole(LoggedResponse),
    Event(Bytes),
}

/// An event stream: the notifications, then the response as the last event.
struct EventStream {
    first: Option<Bytes>,
    queue: EventQueue,
    /// The future of the response; `None` when it has completed.
    pending_answer: Option<Pin<Box<dyn Future<Output = LoggedResponse> + Send>>>,
    keep_alive: Pin<Box<Sleep>>,
}

impl EventStream {
    fn poll_first(&mut self, accepts_events: bool, context: &mut Context<'_>) -> Poll<FirstChunk> {
        if let Some(events) = self.queue.poll_take(context) {
            return Poll::Ready(FirstChunk::Event(events));
        }
        if let Some(pending_answer) = &mut self.pending_answer
            && let Poll::Ready((response, entry)) = pending_answer.as_mut().poll(context)
        {
            self.pending_answer = None;
            // Notifications that were sent while the response was computed come before it.
            return Poll::Ready(match self.queue.poll_take(context) {
                None => FirstChunk::Whole((response, entry)),
                Some(events) => FirstChunk::Event(append_answer(events, &response)),
            });
        }
        if accepts_events {
            return self.poll_keep_alive(context).map(FirstChunk::Event);
        }
        Poll::Pending
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let Some(pending_answer) = &mut self.pending_answer else {
            return Poll::Ready(None);
        };
        let answered = pending_answer.as_mut().poll(context);
        let events = self.queue.poll_take(context);
        if let Poll::Ready((response, _entry)) = answered {
            self.pending_answer = None;
            return Poll::Ready(Some(append_answer(events.unwrap_or_default(), &response)));
        }
        if let Some(events) = events {
            self.reset_keep_alive();
            return Poll::Ready(Some(events));
        }
        self.poll_keep_alive(context).map(Some)
    }

    fn poll_keep_alive(&mut self, context: &mut Context<'_>) -> Poll<Bytes> {
        if self.keep_alive.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.reset_keep_alive();
        Poll::Ready(Bytes::from_static(KEEP_ALIVE))
    }

    fn reset_keep_alive(&mut self) {
        self.keep_alive.set(sleep(KEEP_ALIVE_INTERVAL));
    }
}

/// Appends the response to these events as the last one. Its HTTP status is lost, because the stream's own status was
/// already sent.
fn append_answer(events: Bytes, response: &Response<Bytes>) -> Bytes {
    let answer = match str::from_utf8(response.body()) {
        Ok("") | Err(_) => return events,
        Ok(text) if is_event_stream(response.headers()) => text.as_bytes().to_vec(),
        Ok(text) => event_stream([text]),
    };
    [events.as_ref(), &answer].concat().into()
}

/// The body of a response: one chunk, or the events of a stream. Reading it never fails.
pub(crate) struct ResponseBody(Inner);

enum Inner {
    Whole(Option<Bytes>),
    Events(EventStream),
}

impl ResponseBody {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self(Inner::Whole((!bytes.is_empty()).then_some(bytes)))
    }
}

impl Body for ResponseBody {
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
            Inner::Events(events) => events.first.is_none() && events.pending_answer.is_none(),
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

    fn opening(accepts_events: bool) -> StreamingResponse {
        StreamingResponse {
            origin: Some(HeaderValue::from_static(ORIGIN)),
            accepts_events,
        }
    }

    fn notification(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    async fn next(response: &mut Response<ResponseBody>) -> Option<String> {
        let frame = response.body_mut().frame().await?;
        let piece = frame.expect("no error").into_data().expect("data");
        Some(String::from_utf8(piece.into()).expect("UTF-8"))
    }

    #[tokio::test]
    async fn an_answer_without_notifications_is_sent_whole() {
        let answer = |_| async { (Response::new(Bytes::from_static(b"{}")), None) };
        let (mut response, _) = opening(true).respond(answer).await;
        assert_eq!(response.headers().get(CONTENT_TYPE), None);
        assert_eq!(response.body().size_hint().exact(), Some(2));
        assert_eq!(next(&mut response).await.as_deref(), Some("{}"));
        assert!(response.body().is_end_stream());
        assert_eq!(next(&mut response).await, None);
    }

    #[tokio::test]
    async fn notifications_arrive_before_the_answer() {
        let (finish, finished) = oneshot::channel::<()>();
        let answer = |sink: NotificationSink| async move {
            sink.send(notification("1"));
            finished.await.expect("it is told to");
            sink.send(notification("2"));
            let mut response = Response::new(Bytes::from_static(b"3"));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            (response, None)
        };
        let (mut response, _) = opening(true).respond(answer).await;
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
    async fn a_silent_tool_keeps_its_event_stream_alive() {
        let slow = |_| async {
            tokio::time::sleep(KEEP_ALIVE_INTERVAL * 2 + KEEP_ALIVE_INTERVAL / 2).await;
            (Response::new(Bytes::from_static(b"{}")), None)
        };
        let (mut response, _) = opening(true).respond(slow).await;
        let comment = str::from_utf8(KEEP_ALIVE).expect("UTF-8");
        for expected in [comment, comment, "event: message\ndata: {}\n\n"] {
            assert_eq!(next(&mut response).await.as_deref(), Some(expected));
        }
        assert_eq!(next(&mut response).await, None);
        let (mut response, _) = opening(false).respond(slow).await;
        assert_eq!(next(&mut response).await.as_deref(), Some("{}"));
    }

    #[tokio::test]
    async fn a_slow_client_loses_notifications_but_not_the_answer() {
        let most = MAX_QUEUED_BYTES / 1000;
        let answer = move |sink: NotificationSink| async move {
            for _ in 0..2 * most {
                sink.send(notification(&format!("\"{}\"", "x".repeat(1000))));
            }
            (Response::new(Bytes::from_static(b"{}")), None)
        };
        let (mut response, _) = opening(true).respond(answer).await;
        let all = next(&mut response).await.expect("one piece");
        let events = all.matches("data: \"x").count();
        assert!(events > most * 9 / 10 && events <= most, "{events}");
        assert!(all.ends_with("event: message\ndata: {}\n\n"));
    }

    #[tokio::test]
    async fn dropping_the_stream_drops_the_pending_answer() {
        let (held, dropped) = oneshot::channel::<()>();
        let answer = |sink: NotificationSink| async move {
            sink.send(notification("1"));
            std::future::pending::<()>().await;
            drop(held);
            (Response::new(Bytes::new()), None)
        };
        let (response, _) = opening(true).respond(answer).await;
        drop(response);
        assert!(dropped.await.is_err());
    }
}
