//! Reads the body of a request to its end. Up to a limit, the body is kept or forwarded.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::stream::ChunkSender;

/// The number of bytes beyond the limit that are still read of a body before the connection is closed. Unit: bytes.
/// Source: ours. A sender reads the error response only after it has sent its whole body.
const MAX_DRAIN: usize = 64 << 20;

/// A body, read to its end.
pub(crate) enum Collected {
    /// The complete body.
    Whole(Bytes),
    /// The body was larger than the limit, and was discarded.
    TooLarge { size: usize },
}

/// A body that was forwarded to its end.
pub(crate) enum Forwarded {
    /// The complete body was forwarded. These are the trailers after it.
    Whole { trailers: HeaderMap },
    /// The body was larger than the limit. The rest was discarded.
    TooLarge { size: usize },
}

/// Forwards `body` as it arrives, up to `limit`. If the receiver no longer exists, the body is still read to its end,
/// so that the sender does not get an error.
///
/// # Errors
///
/// If the connection breaks before the end.
pub(crate) async fn forward(
    mut body: Incoming,
    limit: usize,
    chunks: &ChunkSender,
) -> Result<Forwarded, hyper::Error> {
    let mut trailers = HeaderMap::new();
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => {
                size += data.len();
                if size <= limit {
                    // Ignore the error: the caller may no longer exist.
                    let _ = chunks.send(data).await;
                } else if size > limit + MAX_DRAIN {
                    break;
                }
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok(if size > limit {
        Forwarded::TooLarge { size }
    } else {
        Forwarded::Whole { trailers }
    })
}

/// Reads `body` to its end, even if it is larger than `limit`, so that the sender finishes sending and reads the
/// response.
///
/// # Errors
///
/// If the connection breaks before the end.
pub(crate) async fn collect(mut body: Incoming, limit: usize) -> Result<Collected, hyper::Error> {
    let mut kept = BytesMut::new();
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        size += data.len();
        if size <= limit {
            kept.extend_from_slice(&data);
        } else {
            kept = BytesMut::new();
            if size > limit + MAX_DRAIN {
                break;
            }
        }
    }
    Ok(if size > limit {
        Collected::TooLarge { size }
    } else {
        Collected::Whole(kept.freeze())
    })
}
