//! The protocol from the outside: bytes and headers in, an answer or a request out.

mod era;
mod messages;
mod mutations;
mod negotiation;
mod order;
mod post;
mod schemas;
mod words;
