//! The limit for the bytes of all requests and responses together: slow clients keep them in memory.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Limited};
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::request::MAX_BODY;

/// The maximum number of bytes in flight. Source: ours; ten of the largest bodies.
const MAX_BYTES_IN_FLIGHT: usize = 10 * MAX_BODY;

/// The time that a response waits for others to be read. Source: ours.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The size of a body that is not counted. Unit: bytes. Source: ours. Small bodies are bounded by the number of
/// connections, and need no semaphore.
const UNCOUNTED: usize = 64 * 1024;

/// The bytes in flight of a server.
#[derive(Clone)]
pub(super) struct BytesInFlight(Arc<Semaphore>);

/// Bytes that count until this is dropped.
#[derive(Default)]
pub(super) struct Reservation(Option<OwnedSemaphorePermit>);

/// The reason why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("the body is too large")]
    TooLarge,
    #[error("other requests have {MAX_BYTES_IN_FLIGHT} bytes in flight; try again")]
    Busy,
    #[error("the body is incomplete, or not encoded as its headers say")]
    Broken,
}

impl BytesInFlight {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_BYTES_IN_FLIGHT)))
    }

    /// Reads a body, and reserves its bytes while they come.
    pub(super) async fn read<B>(&self, body: B) -> Result<(Bytes, Reservation), ReadError>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let mut body = Limited::new(body, MAX_BODY);
        let mut reservation = Reservation::default();
        let mut bytes = Bytes::new();
        let mut collected = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame =
                frame.map_err(
                    |error| match error.is::<http_body_util::LengthLimitError>() {
                        true => ReadError::TooLarge,
                        false => ReadError::Broken,
                    },
                )?;
            let Ok(piece) = frame.into_data() else {
                continue;
            };
            // Most bodies come in one piece, which is not copied.
            if bytes.is_empty() && collected.is_empty() {
                bytes = piece;
            } else {
                collected.extend_from_slice(&std::mem::take(&mut bytes));
                collected.extend_from_slice(&piece);
            }
            let length = bytes.len().max(collected.len());
            if !reservation.grow(&self.0, length) {
                return Err(ReadError::Busy);
            }
        }
        if bytes.is_empty() {
            bytes = collected.freeze();
        }
        Ok((bytes, reservation))
    }

    /// Reserves the bytes of a response. The error is that other responses are not read.
    pub(super) async fn reserve(&self, length: usize) -> Result<Reservation, ReadError> {
        let Some(permits) = permits(length) else {
            return Ok(Reservation::default());
        };
        let permit = Arc::clone(&self.0).acquire_many_owned(permits);
        match tokio::time::timeout(RESPONSE_TIMEOUT, permit).await {
            Ok(Ok(permit)) => Ok(Reservation(Some(permit))),
            Ok(Err(_)) | Err(_) => Err(ReadError::Busy),
        }
    }
}

impl Reservation {
    /// Makes the reservation as large as this. Reports whether there was room.
    fn grow(&mut self, semaphore: &Arc<Semaphore>, length: usize) -> bool {
        let reserved = self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(missing) =
            permits(length).and_then(|permits| permits.checked_sub(reserved as u32))
        else {
            return true;
        };
        let Ok(permit) = Arc::clone(semaphore).try_acquire_many_owned(missing) else {
            return false;
        };
        match &mut self.0 {
            Some(reserved) => reserved.merge(permit),
            None => self.0 = Some(permit),
        }
        true
    }
}

/// Returns the number of permits for so many bytes; none for a small body. A larger body than all takes all.
fn permits(length: usize) -> Option<u32> {
    let counted = length.min(MAX_BYTES_IN_FLIGHT);
    (length > UNCOUNTED).then(|| u32::try_from(counted).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn large_bodies_count_until_they_are_dropped() {
        let in_flight = BytesInFlight::new();
        let body = || Full::new(Bytes::from(vec![b'x'; MAX_BODY]));
        let mut reserved = Vec::new();
        for _ in 0..MAX_BYTES_IN_FLIGHT / MAX_BODY {
            let (bytes, reservation) = in_flight.read(body()).await.expect("room");
            assert_eq!(bytes.len(), MAX_BODY);
            reserved.push(reservation);
        }
        assert!(matches!(in_flight.read(body()).await, Err(ReadError::Busy)));
        // A small body is read in any case.
        let small = Full::new(Bytes::from_static(b"{}"));
        let (bytes, _) = in_flight.read(small).await.expect("no room needed");
        assert_eq!(bytes, "{}");
        reserved.pop();
        assert!(in_flight.read(body()).await.is_ok());
    }

    #[tokio::test]
    async fn a_too_large_body_is_not_read() {
        let body = Full::new(Bytes::from(vec![b'x'; MAX_BODY + 1]));
        let read = BytesInFlight::new().read(body).await;
        assert!(matches!(read, Err(ReadError::TooLarge)));
    }
}
