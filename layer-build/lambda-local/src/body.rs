//! Reading a request's body to its end, up to a limit: to keep it, or to hand it on.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::stream::ChunkSender;

/// How far beyond its limit a body is read before the connection is given up. Unit: bytes.
/// Source: ours. A sender only reads the refusal once all it has to say is taken from it.
const MAX_DRAIN: usize = 64 << 20;

/// A body, read to its end.
pub(crate) enum Collected {
    /// All of it.
    Whole(Bytes),
    /// It was larger than the limit, and is gone.
    TooLarge { size: usize },
}

/// A body that was handed on to its end.
pub(crate) enum Forwarded {
    /// All of it; these trailers were behind it.
    Whole { trailers: HeaderMap },
    /// The rest was larger than the limit allows.
    TooLarge { size: usize },
}

/// Hands `body` on as it arrives, up to `limit`. When nobody takes it any more it is read to its end all the same: the sender
/// is not to notice.
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
                    // Whoever invoked may have gone.
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
