//! The operator's log: lines on stderr, which Lambda hands to CloudWatch.

#[cfg(test)]
pub(crate) mod operator;

use tracing::{Dispatch, Level, dispatcher, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, fmt::MakeWriter, layer::SubscriberExt};

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
        let lines = lines.json().flatten_event(true).finish();
        lines.with(without_events()).into()
    } else {
        let lines = lines.with_ansi(false).finish();
        lines.with(without_events()).into()
    }
}

/// All but the events of Lambda, which its runtime writes out in full at TRACE: they have every header, and so every token.
fn without_events() -> Targets {
    Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_target("lambda_runtime", LevelFilter::DEBUG)
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

#[cfg(test)]
mod tests {
    use super::operator::Operator;

    #[test]
    fn events_of_lambda_are_never_written_whatever_the_level() {
        let operator = Operator::at("TRACE");
        tracing::trace!(target: "lambda_runtime::layers::api_response", body = "Bearer secret", "raw JSON event");
        tracing::debug!(target: "lambda_runtime::runtime", "told");
        tracing::trace!("told");
        let lines = operator.lines();
        let messages: Vec<_> = lines.iter().map(|line| &line["message"]).collect();
        assert_eq!(messages, ["told", "told"]);
    }
}
