//! The output of the processes, kept line by line in memory, up to a size limit.
//!
//! On Lambda, everything that a function writes to stdout and stderr is stored in CloudWatch Logs. Here it is kept in
//! memory, and the oldest lines are removed if there are too many. The platform adds a line of its own for every failed
//! invocation. Each line is stored with the number of its environment, so that an error about a process that died can
//! quote its last output.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// The maximum size of the text that is kept for each function. Unit: bytes. Source: ours.
const MAX_KEPT_BYTES: usize = 4 << 20;

/// The maximum length of a line. Longer lines are split. Unit: bytes. Source: the former maximum size of one event in
/// CloudWatch Logs ("CloudWatch Logs quotas").
const MAX_LINE: usize = 256 << 10;

/// The environment number of lines that no process has printed.
pub(crate) const PLATFORM: u64 = 0;

/// The lines of one function.
pub(crate) struct Logs {
    kept: Mutex<KeptLines>,
    forward: bool,
}

#[derive(Default)]
struct KeptLines {
    lines: VecDeque<LogLine>,
    bytes: usize,
}

struct LogLine {
    environment: u64,
    text: String,
}

impl Logs {
    /// Creates an empty log. With `forward`, each line is also printed on stderr of this program.
    pub(crate) fn new(forward: bool) -> Self {
        Self {
            kept: Mutex::default(),
            forward,
        }
    }

    /// Adds one line of an environment, or of the [`PLATFORM`].
    pub(crate) fn push(&self, environment: u64, text: String) {
        if self.forward {
            // Ignore the error: a closed stderr of this program must not make the function fail.
            let _ = writeln!(io::stderr(), "{text}");
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += text.len();
        kept.lines.push_back(LogLine { environment, text });
        while kept.bytes > MAX_KEPT_BYTES {
            let Some(oldest) = kept.lines.pop_front() else {
                break;
            };
            kept.bytes -= oldest.text.len();
        }
    }

    /// Returns all lines that are kept, the oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.lines.iter().map(|line| line.text.clone()).collect()
    }

    /// Returns the last `count` lines of one environment, the oldest first.
    pub(crate) fn tail(&self, environment: u64, count: usize) -> Vec<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines: Vec<_> = kept
            .lines
            .iter()
            .rev()
            .filter(|line| line.environment == environment)
            .take(count)
            .map(|line| line.text.clone())
            .collect();
        lines.reverse();
        lines
    }

    /// Adds the lines of `output` until it ends.
    pub(crate) async fn follow(&self, environment: u64, output: impl AsyncRead + Unpin) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        // Treat an error of the pipe as its end.
        while let Ok(read @ [_, ..]) = output.fill_buf().await {
            let room = MAX_LINE - line.len();
            let newline = read.iter().take(room).position(|&byte| byte == b'\n');
            let taken = newline.unwrap_or_else(|| read.len().min(room));
            line.extend_from_slice(&read[..taken]);
            output.consume(newline.map_or(taken, |at| at + 1));
            if newline.is_some() || line.len() == MAX_LINE {
                self.push(environment, text(&line));
                line.clear();
            }
        }
        if !line.is_empty() {
            self.push(environment, text(&line));
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_is_kept_line_by_line() {
        let long = "x".repeat(MAX_LINE + 1);
        for (output, lines) in [
            ("", vec![]),
            ("one\ntwo\r\n\nlast", vec!["one", "two", "", "last"]),
            (long.as_str(), vec![&long[1..], "x"]),
        ] {
            let logs = Logs::new(false);
            logs.follow(1, output.as_bytes()).await;
            assert_eq!(logs.lines(), lines, "output: {:.20}", output);
        }
    }

    #[test]
    fn the_oldest_lines_give_way() {
        let logs = Logs::new(false);
        logs.push(1, "first".to_owned());
        for _ in 0..MAX_KEPT_BYTES / MAX_LINE {
            logs.push(2, "x".repeat(MAX_LINE));
        }
        assert!(logs.tail(1, 10).is_empty());
        assert_eq!(logs.lines().len(), MAX_KEPT_BYTES / MAX_LINE);
    }

    #[test]
    fn a_tail_belongs_to_one_environment() {
        let logs = Logs::new(false);
        for (environment, text) in [(1, "a"), (2, "b"), (1, "c"), (PLATFORM, "d"), (1, "e")] {
            logs.push(environment, text.to_owned());
        }
        assert_eq!(logs.tail(1, 2), ["c", "e"]);
    }
}
