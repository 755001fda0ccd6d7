//! Reading a request's body to its end, keeping no more than a limit.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// How far beyond its limit a body is read before the connection is given up. Unit: bytes.
/// Source: ours. A sender only reads the refusal once all it has to say is taken from it.
const PATIENCE: usize = 64 << 20;

/// A body, read to its end.
pub(crate) enum Collected {
    /// All of it, and the trailers behind it.
    Whole { bytes: Bytes, trailers: HeaderMap },
    /// It was larger than the limit, and is gone.
    TooLarge { size: usize },
}

/// Reads `body` to its end, whatever its size, so that the sender is free to read our answer.
///
/// # Errors
///
/// When the connection breaks first.
pub(crate) async fn collect(mut body: Incoming, limit: usize) -> Result<Collected, hyper::Error> {
    let mut kept = BytesMut::new();
    let mut trailers = HeaderMap::new();
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => {
                size += data.len();
                if size <= limit {
                    kept.extend_from_slice(&data);
                } else {
                    kept = BytesMut::new();
                    if size > limit + PATIENCE {
                        break;
                    }
                }
            }
            Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok(if size > limit {
        Collected::TooLarge { size }
    } else {
        Collected::Whole {
            bytes: kept.freeze(),
            trailers,
        }
    })
}
