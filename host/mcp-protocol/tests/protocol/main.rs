//! The protocol from the outside: bytes and headers in, an answer or a request out.

mod batches;
mod calls;
mod dependencies;
mod era;
mod messages;
mod mutations;
mod negotiation;
mod notifications;
mod order;
mod post;
mod revisions;
mod schemas;
mod stdio;
