//! Signals that ask this program to end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C, or SIGTERM.
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

    /// Wait until somebody asks for the end.
    pub(crate) async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}
