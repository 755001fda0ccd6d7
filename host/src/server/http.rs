//! What is HTTP about a request and its answer.

pub(crate) mod auth;
pub mod bearer_tokens;
pub(crate) mod cors;
pub(crate) mod headers;
pub(crate) mod health;
pub(crate) mod response;
pub(crate) mod response_limit;
pub(crate) mod sse;
