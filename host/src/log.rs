//! The operator's log: lines on stderr, which Lambda hands to CloudWatch.

#[cfg(test)]
pub(crate) mod operator;

use tracing::{Dispatch, Level, dispatcher, level_filters::LevelFilter};
use tracing_subscriber::fmt::MakeWriter;

use crate::config::LogConfig;

/// Start logging. A second call has no effect.
pub fn init(config: &LogConfig) {
    // An error means that the program around us logs already.
    let _ = dispatcher::set_global_default(lines(config, std::io::stderr));
}

/// What writes the lines.
pub(crate) fn lines<W>(config: &LogConfig, writer: W) -> Dispatch
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
        .with_target(false);
    if config.json {
        lines.json().flatten_event(true).finish().into()
    } else {
        lines.with_ansi(false).finish().into()
    }
}

/// The least important level that is written, as plugins are told it. (They send no line that nobody would see.)
pub(crate) fn least_level() -> &'static str {
    match LevelFilter::current().into_level() {
        Some(Level::TRACE) => "trace",
        Some(Level::DEBUG) => "debug",
        Some(Level::INFO) => "info",
        Some(Level::WARN) => "warn",
        Some(Level::ERROR) | None => "error",
    }
}
