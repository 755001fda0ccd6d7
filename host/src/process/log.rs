//! The operator's log: lines on stderr, which Lambda sends to CloudWatch.

#[cfg(test)]
pub(crate) mod captured_log;
pub(crate) mod output;

use std::{
    panic,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{Dispatch, Level, dispatcher, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, fmt::MakeWriter, layer::SubscriberExt};

use crate::{config::LogConfig, process::log::output::EventWriter};

pub use output::Delivery;

/// Starts logging. A second call has no effect.
pub fn init(config: &LogConfig, delivery: Delivery) {
    let output = output::open(delivery);
    let writer = move || EventWriter(output.clone());
    // This fails if the surrounding program has already set up its own log.
    let _ = dispatcher::set_global_default(subscriber(config, writer));
    panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string);
        let message = info.payload_as_str().unwrap_or("no message");
        tracing::error!(location, "the host panicked: {message}");
    }));
}

/// Returns the subscriber that writes the log lines.
pub(crate) fn subscriber<W>(config: &LogConfig, writer: W) -> Dispatch
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let level = match config.level.to_ascii_uppercase().as_str() {
        "TRACE" => Level::TRACE,
        "DEBUG" => Level::DEBUG,
        "WARN" => Level::WARN,
        "ERROR" | "FATAL" => Level::ERROR,
        _ => Level::INFO,
    };
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(writer)
        // Otherwise the subscriber would print errors about lines that it cannot write.
        .log_internal_errors(false)
        .with_target(false);
    if config.json {
        let lines = lines.json().flatten_event(true).finish();
        lines.with(own_crates()).into()
    } else {
        let lines = lines.with_ansi(false).finish();
        lines.with(own_crates()).into()
    }
}

/// Returns a filter that passes all lines of this project's crates, and lines of other crates only from INFO on. At
/// lower levels, libraries log the data that they handle. Lambda's library logs every event with its tokens. DynamoDB's
/// logs the state of tools and the key that encrypts states. Those for HTTP and TLS log all the bytes that they
/// transfer.
fn own_crates() -> Targets {
    Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(OWN_CRATES.map(|target| (target, LevelFilter::TRACE)))
}

/// The crates of this project, as prefixes of module paths.
const OWN_CRATES: [&str; 5] = [
    "host",
    "layer_format",
    "mcp_protocol",
    "tool_rules",
    "tool_schema",
];

/// Returns the minimum severity of logged lines, in the form in which plugins receive it. (Plugins do not send lines
/// below it.)
pub(crate) fn least_level() -> &'static str {
    match LevelFilter::current().into_level() {
        Some(Level::TRACE) => "trace",
        Some(Level::DEBUG) => "debug",
        Some(Level::INFO) => "info",
        Some(Level::WARN) => "warn",
        Some(Level::ERROR) | None => "error",
    }
}

/// Limits a message to one line per minute. One line for each request would hide everything else.
pub(crate) struct RateLimit(Mutex<Option<Instant>>);

impl RateLimit {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Reports whether a line may be written now. If so, the next one may be written a minute later.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due_at(Instant::now())
    }

    fn is_due_at(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now.duration_since(last) >= Duration::from_secs(60));
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::log::captured_log::CapturedLog;

    #[test]
    fn debug_output_of_libraries_is_never_logged() {
        let operator = CapturedLog::new("TRACE");
        tracing::trace!(target: "lambda_runtime::layers::api_response", body = "Bearer secret", "raw JSON event");
        tracing::debug!(target: "lambda_runtime::runtime", body = "Bearer secret", "told in full");
        tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", response = "secret", "told in full");
        tracing::debug!(target: "aws_sdk_dynamodb::operation", output = "secret", "told in full");
        tracing::trace!(target: "hyper::proto", "told in full");
        tracing::debug!(target: "hyper_util::client", "told in full");
        tracing::debug!(target: "h2::codec", "told in full");
        tracing::trace!(target: "rustls::conn", "told in full");
        tracing::trace!("told");
        tracing::info!(target: "aws_config", "told");
        tracing::warn!(target: "lambda_runtime", "told");
        let lines = operator.lines();
        let messages: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
        assert_eq!(messages, ["told", "told", "told"]);
    }

    #[test]
    fn a_rate_limit_passes_one_line_a_minute() {
        let (line, begin) = (RateLimit::new(), Instant::now());
        for (second, is_due) in [(0, true), (1, false), (59, false), (60, true), (61, false)] {
            let now = begin + Duration::from_secs(second);
            assert_eq!(line.is_due_at(now), is_due, "second {second}");
        }
    }
}
