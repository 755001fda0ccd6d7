//! The front doors. Each converts the requests of its transport into [`crate::server::request::IncomingRequest`].

pub mod lambda;
pub mod serve;
pub mod stdio;

use std::process::ExitCode;

use layer_format::ErrorCode;

use crate::process::log::output;

/// Prints the error because of which the host cannot start or stopped serving.
fn failed(code: ErrorCode, error: &dyn std::error::Error) -> ExitCode {
    output::print(&format!("error[{code}]: {error}"));
    ExitCode::FAILURE
}
