//! The harness of the end-to-end tests: real layers by the real `cargo layer`, the real `bootstrap`, real clients.
//!
//! ```text
//! let layer = Layer::of(["custom-tools"]);
//! let host = Host::serve(&layer);
//! let client = host.connect();
//! assert_eq!(client.call("greet", json!({ "name": "Ada" })).text(), "Hello, Ada!");
//! ```
//!
//! Every artifact is built once, by the commands a user would type, under `target/e2e`. The harness panics with a full
//! report when something fails: that is its way to fail a test.

mod aws;
mod build;
mod clients;
mod command;
pub mod documents;
mod folders;
mod host;
mod packages;

pub use aws::{
    account::Account,
    cli::aws_cli,
    deploy,
    dynamodb::{self, Dynamo},
    lambda_api::LambdaApi,
    moto::Moto,
    proxy::{Fault, Proxy},
};
pub use build::{
    archive::{packed, sha256, sha256_of, unzip},
    author_crate, bootstrap, bootstrap_with_symbols, build_library, build_program, cargo_layer,
    layer::Layer,
    link_order,
    outside_repository::{self, OutsideRepository},
    patched_library::{declaration, manifest, replace_bytes, script, scripted, tool},
    standalone,
    toolchain::{crate_file, rustc_version, system_library, toolchains},
};
pub use clients::{
    conformance,
    http_client::{Answer, CallOutcome, Client, Retry, post_and_forget},
    sdk_clients::{
        client_examples, inspector, invoking_client, node_client, python_client, rust_client,
    },
    stdio_client::StdioClient,
};
pub use command::{output_of, run_captured};
pub use folders::{repository, target};
pub use host::{
    BadStderr, FaultyRuntimeApi, FrontDoor, Host, NextAnswer,
    environment::{Environment, InvocationResult, RunningInvocation, StreamedAnswer},
    http_api_event,
};
