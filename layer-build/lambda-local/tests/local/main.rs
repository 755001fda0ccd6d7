//! The whole crate run for real: a Rust program on lambda_http, its Runtime API, and the gateways in front of it.

mod concurrency;
mod doors;
mod environments;
mod failures;
mod harness;
mod invocations;
mod quirks;
mod streams;
