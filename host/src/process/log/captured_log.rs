//! The log in a test: captures the lines that are written on the test's thread.

use std::{
    io,
    sync::{Arc, Mutex, Once},
};

use serde_json::Value;
use tracing::dispatcher::{DefaultGuard, set_default, set_global_default};

use crate::{config::LogConfig, process::log::subscriber};

/// Captures log lines until this value is dropped.
pub(crate) struct CapturedLog {
    written: Written,
    _listening: DefaultGuard,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    /// Captures lines with at least this severity.
    pub(crate) fn new(level: &str) -> Self {
        // `tracing` caches for all threads whether any subscriber wants a line. Without this global subscriber, which
        // wants every line, a test that captures no lines could make `tracing` cache that nobody wants the line.
        static EVERYTHING: Once = Once::new();
        EVERYTHING.call_once(|| {
            let config = LogConfig {
                level: "TRACE".to_owned(),
                json: true,
            };
            set_global_default(subscriber(&config, io::sink)).expect("no test has set another");
        });
        let written = Written::default();
        let writer = written.clone();
        let config = LogConfig {
            level: level.to_owned(),
            json: true,
        };
        Self {
            written,
            _listening: set_default(&subscriber(&config, move || writer.clone())),
        }
    }

    /// Returns the lines that were captured until now.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let written = self.written.0.lock().expect("no test panics meanwhile");
        let written = str::from_utf8(&written).expect("UTF-8");
        let lines = written.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().expect("no test panics meanwhile");
        written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
