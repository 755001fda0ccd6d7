//! Runs a Lambda function on this machine: the Runtime API, and the front doors that send events to the function.
//!
//! On AWS, three components handle a request: a gateway converts the HTTP request to an event, Lambda offers the event
//! at the Runtime API, a small HTTP server beside the function, and the function's process, named `bootstrap`, gets it
//! from there. Here all three run on this machine, so that the same binary that is deployed can be tried and tested:
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
//! | [`function`] | a Lambda function, which receives an event and returns a response or an error |
//! | [`invocation`] | the response to an invocation: one that has begun, and one that is complete |
//! | [`error`] | the errors with which an invocation fails |
//! | `pool` | the execution environments that exist, and the right to use them |
//! | `environment` | one execution environment: a process and its Runtime API |
//! | `variables` | the environment variables of that process |
//! | `runtime_api` | the HTTP server from which the process gets its events |
//! | `stream` | a payload that is forwarded while the process still sends it |
//! | `logs` | the output of the processes, in memory up to a size limit |
//! | [`gateway`] | the front doors: `rest_api` and `http_api` (the two kinds of API Gateway), `function_url` and `load_balancer` |
//! | [`invoke_api`] | the part of Lambda's own API that invokes functions |
//! | `server`, `body` | an HTTP/1.1 server; reading a body up to a limit |
//!
//! # Invariants
//!
//! - An environment serves one invocation at a time, or as many as [`FunctionConfig::max_concurrency`] allows. Each has
//!   its own seat in it. If the environment is ended because of one invocation, the others end too.
//! - Nothing outlives its owner: a process ends with its environment, an environment with the last [`Function`] handle,
//!   and a listener with its [`Gateway`]. If this program is killed, a process that waits for an event loses its
//!   connection to the Runtime API, and ends.
//! - Only `gateway` and `invoke_api` handle HTTP requests of clients, and only `runtime_api` handles those of the
//!   process. In all other modules, events are bytes.
//!
//! # What it is not
//!
//! It is not a sandbox: the process has no separate file system or network, and no limits of memory or CPU. Extensions
//! and SnapStart are not supported. The bandwidth of streams is not limited, as it is on AWS. The behaviour was derived
//! from the documentation of Lambda and API Gateway and from captured events; it has not been compared with AWS itself.

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
