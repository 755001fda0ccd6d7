//! A request and its response over one connection.
//!
//! Connections are not reused for later calls. On Lambda, minutes may pass between two calls while the process is
//! paused, and a connection that the server has closed meanwhile would cost more time than reuse saves. So there is no
//! pool of connections, and no background task: a connection makes progress only while its call waits for it, and ends
//! with the call.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
};

use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout_at};
use url::{Position, Url};

use crate::{connect::Stream, error::FetchError};

/// The maximum size of the head of a response, with all headers. Unit: bytes. Source: ours; servers usually send a few
/// thousand. hyper also accepts at most 100 headers.
const MAX_HEAD: usize = 64 * 1024;

/// The value of `User-Agent`.
const USER_AGENT_VALUE: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// A response whose head has arrived, and whose body is still being received.
pub(crate) struct Exchange {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Scheme, host and port, for messages.
    pub(crate) site: String,
    connection: Connection,
    body: Incoming,
    start: Instant,
    deadline: Instant,
}

impl Exchange {
    /// Sends a GET request and waits for the head of the response.
    pub(crate) async fn get(
        url: &Url,
        accept: &'static str,
        stream: Box<dyn Stream>,
        site: String,
        deadline: Instant,
    ) -> Result<Self, FetchError> {
        let start = Instant::now();
        let Some(request) = request(url, accept) else {
            return Err(FetchError::Characters { site });
        };
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| http_error(&site, &error))?;
        let mut connection = Connection(Some(Box::pin(async move {
            // The error is ignored here, because sending the request or reading the body returns it too.
            let _ = connection.await;
        })));
        let answer = timeout_at(
            deadline,
            connection.drive_while(sender.send_request(request)),
        )
        .await
        .map_err(|_| FetchError::Time {
            site: site.clone(),
            what: "answer",
            limit: deadline - start,
        })?
        .map_err(|error| http_error(&site, &error))?;
        let (head, body) = answer.into_parts();
        Ok(Self {
            status: head.status,
            headers: head.headers,
            site,
            connection,
            body,
            start,
            deadline,
        })
    }

    /// Returns the next part of the body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            let frame = self.connection.drive_while(self.body.frame());
            let frame = timeout_at(self.deadline, frame)
                .await
                .map_err(|_| FetchError::Time {
                    site: self.site.clone(),
                    what: "send its whole response",
                    limit: self.deadline - self.start,
                })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(http_error(&self.site, &error)),
                // Trailers are ignored.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Returns a header as text, if it exists and is text.
    pub(crate) fn header(&self, name: hyper::header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Creates the request. It never has cookies, Referer or Authorization, even after a redirect.
fn request(url: &Url, accept: &'static str) -> Option<Request<Empty<Bytes>>> {
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).ok()?;
    Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, host)
        .header(USER_AGENT, USER_AGENT_VALUE)
        .header(ACCEPT, accept)
        .header(ACCEPT_ENCODING, "gzip")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .ok()
}

fn http_error(site: &str, error: &hyper::Error) -> FetchError {
    FetchError::Http {
        site: site.to_owned(),
        // hyper's method for this exists only in its server. If its message changes, a test fails.
        what: if error.is_parse() && error.to_string() == "message head is too large" {
            "answered with headers over the limit (64 KiB, 100 headers)"
        } else if error.is_parse() {
            "did not answer in HTTP/1.1; check scheme and port"
        } else {
            "closed the connection before its answer was complete; try again later"
        },
    }
}

/// The future that sends and receives the bytes of an exchange; `None` once it has ended.
struct Connection(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Connection {
    /// Waits for a future, and meanwhile polls the connection so that it makes progress.
    async fn drive_while<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|context| {
            if let Some(connection) = &mut self.0
                && connection.as_mut().poll(context).is_ready()
            {
                self.0 = None;
            }
            future.as_mut().poll(context)
        })
        .await
    }
}
