//! The front doors: a transport on one side, [`crate::server::request::IncomingRequest`] on the other.

pub mod lambda;
pub mod serve;
pub mod stdio;

use std::process::ExitCode;

use layer_format::ErrorCode;

use crate::process::log::output;

/// Prints the reason why the host does not run.
fn failed(code: ErrorCode, error: &dyn std::error::Error) -> ExitCode {
    output::print(&format!("error[{code}]: {error}"));
    ExitCode::FAILURE
}
