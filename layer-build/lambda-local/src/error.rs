//! The errors with which an invocation fails.
//!
//! [`InvokeError::error_type`] returns Lambda's name for an error, which the caller of the Invoke API gets in
//! `errorType`.

use std::{fmt, io, path::PathBuf, process::ExitStatus, time::Duration};

use serde_json::Value;

/// The reason why an invocation has no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvokeError {
    /// The program could not be started at all.
    #[error("{}: cannot be started as a function: {source}; check that it is an executable for this machine", .bootstrap.display())]
    Start {
        /// The program.
        bootstrap: PathBuf,
        /// The error from the operating system.
        source: io::Error,
    },
    /// No port could be opened for the Runtime API.
    #[error("the Runtime API cannot listen on 127.0.0.1: {0}")]
    RuntimeApi(#[source] io::Error),
    /// The process reported that it cannot initialize.
    #[error("function {name} failed to initialize: {report}")]
    Init {
        /// The function.
        name: String,
        /// The report that the process posted to `/runtime/init/error`.
        report: ErrorReport,
    },
    /// The process did not request its first event before the time limit, and was killed.
    #[error("function {name} did not finish its init phase within {:.2} seconds{}", .limit.as_secs_f64(), quote_last_lines(.last_lines))]
    InitTimeout {
        /// The function.
        name: String,
        /// The limit.
        limit: Duration,
        /// The last output of the process.
        last_lines: Vec<String>,
    },
    /// The process ended although it was still needed.
    #[error("function {name}: Runtime exited during {phase} {}{}", exit_cause(.status), quote_last_lines(.last_lines))]
    Exit {
        /// The function.
        name: String,
        /// The phase in which it ended.
        phase: Phase,
        /// The exit status: a code or a signal.
        status: ExitStatus,
        /// The last output of the process.
        last_lines: Vec<String>,
    },
    /// The function took too long, and its process was killed.
    #[error("Task timed out after {:.2} seconds", .limit.as_secs_f64())]
    Timeout {
        /// The function's time limit.
        limit: Duration,
    },
    /// The function responded with an error. Its process continues to run.
    #[error("function {name} failed: {report}")]
    Function {
        /// The function.
        name: String,
        /// The report that the process posted to `/runtime/invocation/ID/error`.
        report: ErrorReport,
    },
    /// The event is larger than Lambda accepts. The function was not invoked.
    #[error("{size} bytes exceeded maximum allowed payload size ({limit} bytes) of an event")]
    RequestTooLarge {
        /// The event's size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The response is larger than Lambda accepts. The process continues to run.
    #[error(
        "Response payload size exceeded maximum allowed payload size ({limit} bytes); it had {size} or more"
    )]
    ResponseTooLarge {
        /// The number of bytes of the response that were read.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The process began a response and did not finish it.
    #[error("function {name}: the response broke off: {reason}")]
    ResponseBroken {
        /// The function.
        name: String,
        /// The reason.
        reason: String,
    },
    /// The function was stopped, or its last handle was dropped, during the invocation.
    #[error("the function was stopped")]
    Stopped,
}

/// A report of a process about its own failure.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorReport {
    /// `errorType` in the body, or the header `Lambda-Runtime-Function-Error-Type` if the body has none.
    pub error_type: String,
    /// `errorMessage` in the body, or the whole body if it has none.
    pub error_message: String,
}

/// The phase of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// From the start of the process until it requests its first event.
    Init,
    /// From the delivery of an event until the response.
    Invoke,
    /// From the response until the process requests the next event. The caller already has the response, so the error
    /// is only logged.
    AfterAnswer,
}

impl InvokeError {
    /// Returns Lambda's name for the error.
    pub fn error_type(&self) -> &str {
        match self {
            Self::Start { .. } => "Runtime.InvalidEntrypoint",
            Self::Init { report, .. } | Self::Function { report, .. } => &report.error_type,
            Self::InitTimeout { .. } | Self::Timeout { .. } => "Sandbox.Timedout",
            Self::Exit { .. } => "Runtime.ExitError",
            Self::RequestTooLarge { .. } => "RequestEntityTooLarge",
            Self::ResponseTooLarge { .. } => "Function.ResponseSizeTooLarge",
            Self::ResponseBroken { .. } => "Runtime.TruncatedResponse",
            Self::RuntimeApi(_) | Self::Stopped => "ServiceException",
        }
    }

    /// Reports whether the environment can serve further invocations after this error.
    pub(crate) fn keeps_environment(&self) -> bool {
        matches!(self, Self::Function { .. } | Self::ResponseTooLarge { .. })
    }
}

impl ErrorReport {
    /// Reads an error report that a runtime has posted. Its body is a JSON object, or anything else.
    pub(crate) fn read(header: Option<&str>, body: &[u8]) -> Self {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| {
            json.get(name)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
        };
        Self {
            error_type: text("errorType")
                .or(header)
                .unwrap_or("Runtime.Unknown")
                .to_owned(),
            error_message: text("errorMessage").map_or_else(
                || String::from_utf8_lossy(body).into_owned(),
                ToOwned::to_owned,
            ),
        }
    }
}

impl fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Init => "init",
            Self::Invoke => "an invocation",
            Self::AfterAnswer => "the end of an invocation, after its answer,",
        })
    }
}

fn exit_cause(status: &ExitStatus) -> String {
    if status.success() {
        "without providing a reason (exit status: 0)".to_owned()
    } else {
        format!("with {status}")
    }
}

fn quote_last_lines(lines: &[String]) -> String {
    match lines {
        [] => "; it printed nothing".to_owned(),
        lines => format!("; it last printed:\n  {}", lines.join("\n  ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_from_whatever_the_process_posted() {
        for (header, body, wanted) in [
            (None, r#"{"errorType":"A","errorMessage":"b"}"#, "A: b"),
            (Some("H"), r#"{"errorType":"A","errorMessage":"b"}"#, "A: b"),
            (Some("H"), r#"{"errorMessage":"b"}"#, "H: b"),
            (Some("H"), "no JSON", "H: no JSON"),
            (None, "", "Runtime.Unknown: "),
        ] {
            assert_eq!(
                ErrorReport::read(header, body.as_bytes()).to_string(),
                wanted,
                "body: {body}"
            );
        }
    }
}
