//! The whole of it run for real: a Rust program on lambda_http, its Runtime API, and the gateways before it.

mod doors;
mod environments;
mod failures;
mod harness;
mod quirks;
mod streams;
