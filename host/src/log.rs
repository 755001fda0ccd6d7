//! The operator's log: lines on stderr, which Lambda hands to CloudWatch.

use tracing::{Level, level_filters::LevelFilter};
use tracing_subscriber::fmt;

use crate::config::LogConfig;

/// Start logging. A second call has no effect.
pub fn init(config: &LogConfig) {
    let level = match config.level.to_ascii_uppercase().as_str() {
        "TRACE" => Level::TRACE,
        "DEBUG" => Level::DEBUG,
        "WARN" => Level::WARN,
        "ERROR" | "FATAL" => Level::ERROR,
        _ => Level::INFO,
    };
    let lines = fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_target(false);
    // An error means that the program around us logs already.
    let _ = if config.json {
        tracing::subscriber::set_global_default(lines.json().flatten_event(true).finish())
    } else {
        tracing::subscriber::set_global_default(lines.with_ansi(false).finish())
    };
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
