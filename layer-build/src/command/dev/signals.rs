//! The signals that request the end of this program.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A listener for Ctrl-C and SIGTERM.
pub(crate) struct EndSignals {
    interrupted: Signal,
    terminated: Signal,
}

impl EndSignals {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal.
    pub(crate) async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}
