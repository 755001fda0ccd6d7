//! Reads a request's body to its end, up to a limit: keeps it, or forwards it.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::stream::ChunkSender;

/// The number of bytes beyond its limit that are read of a body before the connection is closed. Unit: bytes.
/// Source: ours. A sender reads the refusal only once its whole body has been read.
const MAX_DRAIN: usize = 64 << 20;

/// A body, read to its end.
pub(crate) enum Collected {
    /// The whole body.
    Whole(Bytes),
    /// The body was larger than the limit, and was dropped.
    TooLarge { size: usize },
}

/// A body that was forwarded to its end.
pub(crate) enum Forwarded {
    /// The whole body, and the trailers behind it.
    Whole { trailers: HeaderMap },
    /// The body was larger than the limit; the rest was dropped.
    TooLarge { size: usize },
}

/// Forwards `body` as it arrives, up to `limit`. When the receiver is gone, the body is still read to its end: the
/// sender must not notice.
///
/// # Errors
///
/// When the connection breaks first.
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
                    // The caller may have gone.
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

/// Reads `body` to its end, whatever its size, so that the sender is free to read our answer.
///
/// # Errors
///
/// When the connection breaks first.
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
