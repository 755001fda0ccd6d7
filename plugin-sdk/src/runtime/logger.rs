//! A logger for the crate `log` that writes to the operator's log. `tracing` with its feature `log` uses it too.

use std::sync::OnceLock;

use log::{LevelFilter, Log, Metadata, Record};
use plugin_abi::host_op;
use serde::Serialize;

use super::{current, host_client};

/// The name of the plugin's crate.
static PLUGIN: OnceLock<&str> = OnceLock::new();

/// Installs the logger, which sends lines of `level` and above to the host. A logger that the author has installed
/// stays in use instead.
pub(crate) fn install(plugin: &'static str, level: &str) {
    let _ = PLUGIN.set(plugin);
    if log::set_logger(&HostLog).is_ok() {
        log::set_max_level(level.parse().unwrap_or(LevelFilter::Info));
    }
}

/// Returns the name of the plugin's crate; `None` before `init`.
pub(crate) fn plugin_name() -> Option<&'static str> {
    PLUGIN.get().copied()
}

/// Writes a line, and reports whether the host accepted it.
pub(crate) fn write(level: log::Level, target: &str, message: &str) -> bool {
    #[derive(Serialize)]
    struct Line<'a> {
        level: &'a str,
        target: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        plugin: Option<&'static str>,
    }
    let line = Line {
        level: match level {
            log::Level::Error => "error",
            log::Level::Warn => "warn",
            log::Level::Info => "info",
            log::Level::Debug => "debug",
            log::Level::Trace => "trace",
        },
        target,
        message,
        plugin: plugin_name(),
    };
    // If the call has ended, the host does not accept lines for it. Then write the line for the process.
    let send = |call| {
        host_client::for_call(call)
            .is_some_and(|host| host_client::notify(host, host_op::LOG, &line))
    };
    let call = current::current();
    send(call) || (call != 0 && send(0))
}

struct HostLog;

impl Log for HostLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            write(record.level(), record.target(), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}
