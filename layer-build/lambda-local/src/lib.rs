//! A Lambda Runtime API and the front doors before it, on this machine.
//!
//! On AWS three parties take part in a request: a gateway turns HTTP into an event, Lambda hands the event to a
//! process named `bootstrap`, and the process fetches it from the Runtime API, a small HTTP server next to it.
//! Here all three run on loopback, so that the very binary that gets deployed can be tried and tested:
//!
//! ```no_run
//! use lambda_local::{FrontDoor, Function, FunctionConfig, Gateway};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let function = Function::new(FunctionConfig::new("target/release/bootstrap"));
//! let answer = function.invoke(&serde_json::json!({ "hello": "world" })).await?;
//! println!("{}", String::from_utf8_lossy(&answer.payload));
//!
//! let gateway = Gateway::start(function, FrontDoor::rest_api("prod"), ([127, 0, 0, 1], 0).into()).await?;
//! println!("listening on {}", gateway.url()); // http://127.0.0.1:PORT/prod
//! # Ok(())
//! # }
//! ```
//!
//! # Code map
//!
//! | module | content |
//! |---|---|
//! | [`config`] | the settings of a function |
//! | [`function`] | a function: an event in, an answer or an error out |
//! | [`invocation`] | an answer that has begun, and an answer that is complete |
//! | [`error`] | the ways an invocation fails |
//! | `pool` | the execution environments that exist, and the right to use them |
//! | `environment` | one execution environment: a process and its Runtime API |
//! | `variables` | the environment variables that process sees |
//! | `runtime_api` | the HTTP server the process fetches its events from |
//! | `stream` | a payload that is forwarded while the process still sends it |
//! | `logs` | the output of the processes, kept in bounded memory |
//! | [`gateway`] | HTTP in front: `rest_api` and `http_api` are the two kinds of API Gateway, besides `function_url` and `load_balancer` |
//! | [`invoke_api`] | Lambda's own API in front, as far as it invokes functions |
//! | `server`, `body` | HTTP/1.1 until dropped; a body read up to a limit |
//!
//! # Invariants
//!
//! - One invocation at a time per environment, or as many as [`FunctionConfig::max_concurrency`] allows: each has a seat of its
//!   own, and an environment that is ended for one is ended for all.
//! - Nothing outlives its handle: a process dies with its environment, an environment with the last [`Function`]
//!   handle, a listener with its [`Gateway`]. If this process is killed, a process that waits for
//!   an event loses its Runtime API, and ends.
//! - Only `gateway` and `invoke_api` know HTTP requests of clients, only `runtime_api` those of the process; between them events are bytes.
//!
//! # What it is not
//!
//! No sandbox: no file system, memory or CPU limits, and no network of its own. No extensions, no SnapStart. Streams are
//! as fast as the process and its client: the bandwidth that AWS allows them is not measured out. What real Lambda and real
//! API Gateway do was taken from their documentation and from captured events; nothing here was compared with AWS itself.

pub mod config;
pub mod error;
pub mod function;
pub mod gateway;
pub mod invocation;
pub mod invoke_api;

mod body;
mod environment;
mod logs;
mod pool;
mod runtime_api;
mod server;
mod stream;
mod variables;

pub use config::FunctionConfig;
pub use error::{ErrorReport, InvokeError, Phase};
pub use function::Function;
pub use gateway::{FrontDoor, Gateway, GatewayError};
pub use invocation::{Invocation, ResponseMode, StartedInvocation};
pub use invoke_api::InvokeApi;
