//! The errors of a fetch. Their messages tell the model what failed, where, and what to do.
//!
//! Messages name only the scheme, host and port of a URL: its path and query may contain secrets, and messages are
//! written to logs.

use std::time::Duration;

/// The reason why a fetch failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The argument is not a URL.
    #[error("this is not a URL ({0}); write a complete one, such as `https://example.org/page`")]
    NotAUrl(#[from] url::ParseError),
    /// A URL with another scheme than `https` or `http`.
    #[error("`{0}:` URLs are not fetched; only `https:` and `http:` are")]
    Scheme(String),
    /// A URL with a user name or a password.
    #[error(
        "the URL for {site} has a user name or a password in it, which are never sent; leave them out"
    )]
    Credentials {
        /// Scheme, host and port.
        site: String,
    },
    /// A URL with characters that cannot be sent in an HTTP request.
    #[error("the URL for {site} has characters that HTTP does not allow; percent-encode them")]
    Characters {
        /// Scheme, host and port.
        site: String,
    },
    /// An address that is not public, and that the operator has not allowed.
    #[error(
        "{site} {what}, and only the public internet is fetched; the operator can allow an internal service in HTTP_TOOLS_ALLOW"
    )]
    Forbidden {
        /// Scheme, host and port.
        site: String,
        /// What is wrong with the address, such as "leads to a private address".
        what: String,
    },
    /// The name has no address.
    #[error("{site}: the name has no address; check its spelling, or try again later")]
    NoAddress {
        /// Scheme, host and port.
        site: String,
    },
    /// No address of the host accepts a connection.
    #[error("{site}: the connection failed ({reason}); check host and port, or try again later")]
    Connect {
        /// Scheme, host and port.
        site: String,
        /// The system's message.
        reason: String,
    },
    /// This machine has no CA certificates.
    #[error(
        "{site} cannot be verified: this machine has no CA certificates; the operator can name a bundle in SSL_CERT_FILE"
    )]
    NoAuthorities {
        /// Scheme, host and port.
        site: String,
    },
    /// The TLS handshake failed.
    #[error("{site} is not fetched: {reason}")]
    Tls {
        /// Scheme, host and port.
        site: String,
        /// The problem, and the remedy.
        reason: String,
    },
    /// The server violates HTTP, or exceeds a limit of this plugin.
    #[error("{site} {what}")]
    Http {
        /// Scheme, host and port.
        site: String,
        /// The server's mistake, as the end of a sentence.
        what: &'static str,
    },
    /// The body is compressed with an algorithm that was not requested.
    #[error(
        "{site} sent a body compressed as `{coding}`, which was not requested and cannot be read"
    )]
    Coding {
        /// Scheme, host and port.
        site: String,
        /// The value of Content-Encoding.
        coding: String,
    },
    /// The time limit has passed.
    #[error(
        "{site} took too long to {what}: only {:.1} s were left; try again later, or fetch something smaller",
        .limit.as_secs_f64()
    )]
    Time {
        /// Scheme, host and port.
        site: String,
        /// The step that took too long, such as "answer".
        what: &'static str,
        /// The time that was left.
        limit: Duration,
    },
    /// There were too many redirects.
    #[error("{site} redirects again after {limit} redirects; fetch its target by its own URL")]
    Redirects {
        /// Scheme, host and port of the server that sent the last redirect.
        site: String,
        /// The number of redirects that were followed.
        limit: usize,
    },
    /// A redirect led to a URL that cannot be fetched.
    #[error("{site} redirects, and the target failed: {source}")]
    Redirected {
        /// Scheme, host and port of the server that redirects.
        site: String,
        /// The error of the target.
        source: Box<FetchError>,
    },
    /// The body is not text.
    #[error("{site} answered {status} with {kind}, which is not text and cannot be shown")]
    Binary {
        /// Scheme, host and port.
        site: String,
        /// The HTTP status.
        status: u16,
        /// The content type, or a description if there is none.
        kind: String,
    },
    /// The body is not JSON.
    #[error(
        "{site} answered {status} with {kind} that is not JSON ({reason}); `fetch` shows it as text"
    )]
    NotJson {
        /// Scheme, host and port.
        site: String,
        /// The HTTP status.
        status: u16,
        /// The content type, or a description if there is none.
        kind: String,
        /// The parser's message.
        reason: String,
    },
    /// The body is too large to be read completely.
    #[error(
        "{site} answered with more than {limit} bytes of JSON; `fetch` shows the beginning as text"
    )]
    TooLarge {
        /// Scheme, host and port.
        site: String,
        /// The limit. Unit: bytes.
        limit: usize,
    },
    /// The JSON pointer is invalid, leads to nothing, or leads to a value that is too large or cannot be parsed.
    #[error(transparent)]
    Select(#[from] crate::json::SelectError),
}
