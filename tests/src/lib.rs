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

mod aws;
mod build;
mod clients;
pub mod documents;
mod host;
mod runtime_api;

pub use aws::{
    account::Account,
    deploy,
    dynamodb::{self, Dynamo},
    lambda_api::LambdaApi,
    moto::Moto,
    proxy::{Fault, Proxy},
};
pub use build::{
    author_crate,
    layer::Layer,
    outside_repository::{self, OutsideRepository},
    patched_library::{declaration, manifest, replaced, script, scripted, tool},
};
pub use build::{
    bootstrap, cargo_layer, crate_file, library_of, library_of_the_system, output_of, program_of,
    repository, rustc_version, sha256, sha256_of, standalone, target, told_by, toolchains,
};
pub use clients::{
    conformance,
    http_client::{Answer, CallOutcome, Client, Retry, post_and_forget},
    sdk_clients::{aws_cli, inspector, invoking_client, node_client, python_client, rust_client},
    stdio_client::StdioClient,
};
pub use host::{Door, Host, event_of};
pub use runtime_api::{Came, RuntimeApi};
