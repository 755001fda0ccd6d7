//! Reads the body of a response, up to a maximum number of bytes.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use hyper::header::CONTENT_ENCODING;

use crate::{error::FetchError, exchange::Exchange};

/// A body that was read, or its beginning.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    /// Whether the body has more bytes, which were not read.
    pub(crate) truncated: bool,
}

/// Reads up to `limit` bytes, counted after decompression. It never keeps more in memory, even if a small body would
/// decompress to a huge one. At the limit it stops reading, and the connection is closed.
pub(crate) async fn read(exchange: &mut Exchange, limit: usize) -> Result<Body, FetchError> {
    let mut decoder = decoder(exchange, limit)?;
    let mut empty = true;
    while let Some(chunk) = exchange.chunk().await? {
        empty &= chunk.is_empty();
        let written = decoder.write(&chunk);
        if decoder.full() {
            break;
        }
        written.map_err(|_| damaged(exchange))?;
    }
    // A response without a body, such as a 204, is valid. Without this check, the decoder would report a damaged
    // body.
    if empty {
        return Ok(Body::default());
    }
    decoder.finish().map_err(|_| damaged(exchange))
}

fn damaged(exchange: &Exchange) -> FetchError {
    FetchError::Http {
        site: exchange.site.clone(),
        what: "sent a damaged body that cannot be decompressed as gzip; try again later",
    }
}

fn decoder(exchange: &Exchange, limit: usize) -> Result<Decoder, FetchError> {
    let sink = Sink {
        body: Body::default(),
        limit,
    };
    let mut codings = exchange.headers.get_all(CONTENT_ENCODING).iter();
    let coding = match (codings.next(), codings.next()) {
        (None, _) => "",
        (Some(one), None) => one.to_str().unwrap_or("?").trim(),
        (Some(_), Some(_)) => "several",
    };
    match coding.to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Decoder::Plain(sink)),
        "gzip" | "x-gzip" => Ok(Decoder::Gzip(Box::new(MultiGzDecoder::new(sink)))),
        _ => Err(FetchError::Coding {
            site: exchange.site.clone(),
            coding: coding.chars().take(40).collect(),
        }),
    }
}

enum Decoder {
    Plain(Sink),
    Gzip(Box<MultiGzDecoder<Sink>>),
}

impl Decoder {
    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(sink) => sink.write_all(chunk),
            Self::Gzip(decoder) => decoder.write_all(chunk),
        }
    }

    fn full(&self) -> bool {
        match self {
            Self::Plain(sink) => sink.body.truncated,
            Self::Gzip(decoder) => decoder.get_ref().body.truncated,
        }
    }

    fn finish(self) -> io::Result<Body> {
        match self {
            Self::Plain(sink) => Ok(sink.body),
            Self::Gzip(mut decoder) => {
                let finished = decoder.try_finish();
                let body = std::mem::take(&mut decoder.get_mut().body);
                if !body.truncated {
                    finished?;
                }
                Ok(body)
            }
        }
    }
}

/// A writer that stores bytes up to the limit, and fails for the first byte beyond it.
struct Sink {
    body: Body,
    limit: usize,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let room = self.limit.saturating_sub(self.body.bytes.len());
        let taken = bytes.len().min(room);
        self.body.bytes.extend_from_slice(&bytes[..taken]);
        if taken < bytes.len() {
            self.body.truncated = true;
        }
        if taken == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
