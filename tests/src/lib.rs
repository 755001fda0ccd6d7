//! The harness of the end-to-end tests: real layers by the real `cargo layer`, the real `bootstrap`, real clients.
//!
//! ```text
//! let layer = Layer::of(["custom-tools"]);
//! let host = Host::serve(&layer);
//! let client = host.connect();
//! assert_eq!(client.call("greet", json!({ "name": "Ada" })).text(), "Hello, Ada!");
//! ```
//!
//! What is built is built once, by the commands a user would type; everything lands under `target/e2e`. The harness
//! panics with the whole story when something fails: that is its way to fail a test.

mod account;
mod build;
mod cargo_lambda;
mod client;
pub mod conformance;
pub mod deploy;
pub mod dynamodb;
mod environment;
mod host;
mod lambda_api;
mod layer;
mod library;
mod moto;
mod pipe;
mod proxy;
pub mod readme;
mod sdk_clients;

pub use account::Account;
pub use build::{
    bootstrap, cargo_layer, crate_file, library_of, library_of_the_system, output_of, program_of,
    repository, rustc_version, sha256, sha256_of, standalone, target, told_by, toolchains,
};
pub use client::{Answer, CallOutcome, Client, Retry, post_and_forget};
pub use dynamodb::Dynamo;
pub use environment::{Environment, InvocationResult, RunningInvocation, Streamed};
pub use host::{Door, Host, event_of};
pub use lambda_api::LambdaApi;
pub use layer::Layer;
pub use library::{declaration, manifest, puppet, replaced, script, tool};
pub use moto::Moto;
pub use pipe::Pipe;
pub use proxy::{Fault, Proxy};
pub use sdk_clients::{
    aws_cli, inspector, invoking_client, node_client, python_client, rust_client,
};
