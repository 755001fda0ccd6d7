//! The output of the log. Nobody may read stderr, or it may fail: that never costs an answer.
//!
//! On Lambda lines are written in place, because a thread does not run while the environment is frozen, and its lines
//! would come with the next invocation or never. The wait for a reader is bounded. Elsewhere a thread writes them from
//! a bounded queue. Lines that cannot be written are dropped and counted, and `GET /health` shows the number.

use std::{
    collections::VecDeque,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, write},
};

/// The longest wait for a reader of stderr, when lines are written in place. Unit: time. Source: ours; a pipe has room
/// for 64 KB, so that it is full only when its reader has stopped.
const IN_PLACE_TIMEOUT: Duration = Duration::from_millis(100);

/// The longest wait for the queue at the end of the process. Source: ours.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(500);

/// The maximum size of all queued lines. Unit: bytes. Source: ours; some thousands of lines.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;

/// The size of one write. A pipe that is ready takes so much without blocking.
/// Source: pipe(7), `PIPE_BUF` on Linux. Unit: bytes.
const PIPE_BUF: usize = 4096;

/// The way in which lines reach the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The thread that logs writes the line, with a bounded wait.
    InPlace,
    /// A thread writes lines from a bounded queue.
    Queued,
}

/// The state of the log, as `GET /health` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogStatus {
    /// The number of lines that were dropped since the start.
    pub(crate) dropped: u64,
    /// The reason why the last line could not be written; `None` while the stream works.
    pub(crate) fault: Option<String>,
}

/// The output of this process's log.
static OUTPUT: OnceLock<Arc<LogOutput>> = OnceLock::new();

/// Opens the output on stderr. A second call has no effect.
pub(crate) fn open(delivery: Delivery) -> Option<Arc<LogOutput>> {
    let stderr = io::stderr().as_fd().try_clone_to_owned().ok()?;
    Some(Arc::clone(
        OUTPUT.get_or_init(|| LogOutput::new(stderr, delivery)),
    ))
}

/// Writes a line that is no event of `tracing`: a message of the command line, or metrics.
pub(crate) fn print(line: &str) {
    let line = format!("{line}\n");
    match OUTPUT.get() {
        Some(output) => output.line(line.as_bytes()),
        // The command line was wrong, and no log is open.
        None => drop(write(io::stderr(), line.as_bytes())),
    }
}

/// Returns the state of the log.
pub(crate) fn status() -> LogStatus {
    let output = OUTPUT.get();
    output.map(|output| output.status()).unwrap_or_default()
}

/// Waits for the lines in the queue, before the process ends. The wait is bounded.
pub(crate) fn flush() {
    if let Some(output) = OUTPUT.get() {
        output.flush();
    }
}

/// A stream of lines.
pub(crate) struct LogOutput {
    delivery: Delivery,
    /// Locked before the state, by the one that writes.
    stream: Mutex<Stream>,
    state: Mutex<State>,
    /// Notified when a line is queued, and when the queue is empty.
    changed: Condvar,
}

struct Stream {
    descriptor: OwnedFd,
    /// Whether the last line ended in its middle.
    has_partial_line: bool,
}

#[derive(Default)]
struct State {
    /// The lines that wait for the thread.
    queue: VecDeque<Vec<u8>>,
    /// Unit: bytes.
    queued: usize,
    is_writing: bool,
    status: LogStatus,
    /// The lines that were dropped since the last one that was written.
    unreported: u64,
}

impl LogOutput {
    pub(crate) fn new(descriptor: OwnedFd, delivery: Delivery) -> Arc<Self> {
        let output = Arc::new(Self {
            delivery,
            stream: Mutex::new(Stream {
                descriptor,
                has_partial_line: false,
            }),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        if delivery == Delivery::Queued {
            let writer = Arc::clone(&output);
            let thread = thread::Builder::new().name("log".to_owned());
            // Without the thread the queue fills, and lines are dropped and counted.
            let _ = thread.spawn(move || writer.write_queue());
        }
        output
    }

    /// Writes a line, which ends in a line break, or queues it.
    pub(crate) fn line(&self, line: &[u8]) {
        if self.delivery == Delivery::InPlace {
            return self.write(line);
        }
        let mut state = self.lock();
        if state.queued + line.len() > MAX_QUEUED_BYTES {
            state.drop_line("nobody reads the log".to_owned());
            return;
        }
        state.queued += line.len();
        state.queue.push_back(line.to_vec());
        drop(state);
        self.changed.notify_all();
    }

    /// Writes queued lines, for as long as the process runs.
    fn write_queue(&self) {
        loop {
            let mut state = self.lock();
            let line = loop {
                if let Some(line) = state.queue.pop_front() {
                    break line;
                }
                self.changed.notify_all();
                let woken = self.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            };
            state.queued -= line.len();
            state.is_writing = true;
            drop(state);
            self.write(&line);
            self.lock().is_writing = false;
        }
    }

    /// Writes a line to the stream, and after lines that were dropped a note about them.
    fn write(&self, line: &[u8]) {
        let mut stream = self.stream();
        let timeout = match self.delivery {
            Delivery::Queued => None,
            // The first line that finds no reader waits for one. The next ones only try.
            Delivery::InPlace if self.lock().status.fault.is_none() => Some(IN_PLACE_TIMEOUT),
            Delivery::InPlace => Some(Duration::ZERO),
        };
        let written = stream.write_line(line, timeout);
        let dropped = self.lock().count(written);
        if dropped > 0 {
            let note =
                format!("{dropped} lines of the log were dropped: nobody read it, or it failed\n");
            // The note is not in the format of other lines, which this module does not know. A failure is counted with
            // the next line.
            let _ = stream.write_line(note.as_bytes(), Some(Duration::ZERO));
        }
    }

    pub(crate) fn status(&self) -> LogStatus {
        self.lock().status.clone()
    }

    pub(crate) fn flush(&self) {
        let state = self.lock();
        let has_lines = |state: &mut State| !state.queue.is_empty() || state.is_writing;
        let _ = self
            .changed
            .wait_timeout_while(state, FLUSH_TIMEOUT, has_lines);
    }

    fn stream(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a line that was written or dropped. Returns the number of lines that were dropped before one that was
    /// written.
    fn count(&mut self, written: Result<(), Errno>) -> u64 {
        match written {
            Ok(()) => {
                self.status.fault = None;
                return std::mem::take(&mut self.unreported);
            }
            Err(Errno::TIMEDOUT) => self.drop_line("nobody reads the log".to_owned()),
            Err(error) => self.drop_line(io::Error::from(error).to_string()),
        }
        0
    }

    fn drop_line(&mut self, fault: String) {
        self.status.dropped += 1;
        self.status.fault = Some(fault);
        self.unreported += 1;
    }
}

impl Stream {
    /// Writes a line, in pieces that a ready pipe takes at once. Without a timeout it waits until the stream is ready.
    /// After a partial line the next one begins with a line break.
    fn write_line(&mut self, line: &[u8], timeout: Option<Duration>) -> Result<(), Errno> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        if self.has_partial_line {
            write_all(&self.descriptor, b"\n", deadline).map_err(|(error, _)| error)?;
            self.has_partial_line = false;
        }
        write_all(&self.descriptor, line, deadline).map_err(|(error, written)| {
            self.has_partial_line = written > 0;
            error
        })
    }
}

/// Writes all bytes before the deadline. The error has the number of bytes that were written.
fn write_all(
    stream: &OwnedFd,
    bytes: &[u8],
    deadline: Option<Instant>,
) -> Result<(), (Errno, usize)> {
    let mut written = 0;
    while written < bytes.len() {
        wait_until_ready(stream, deadline).map_err(|error| (error, written))?;
        let piece = &bytes[written..bytes.len().min(written + PIPE_BUF)];
        match write(stream, piece) {
            Ok(0) => return Err((Errno::IO, written)),
            Ok(count) => written += count,
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err((error, written)),
        }
    }
    Ok(())
}

/// Waits until the stream takes bytes, or has failed.
fn wait_until_ready(stream: &OwnedFd, deadline: Option<Instant>) -> Result<(), Errno> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        let mut streams = [PollFd::new(stream, PollFlags::OUT)];
        match poll(&mut streams, left.as_ref()) {
            Ok(0) => return Err(Errno::TIMEDOUT),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// One event of `tracing`, which is one line.
pub(crate) struct EventWriter(pub(crate) Option<Arc<LogOutput>>);

impl io::Write for EventWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(output) = &self.0 {
            output.line(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{Read, pipe},
    };

    use super::*;

    /// A line of 1,000 bytes with a number.
    fn line(number: usize) -> Vec<u8> {
        format!("{number:0>999}\n").into_bytes()
    }

    fn wait_until(what: &str, is_true: impl Fn() -> bool) {
        let begun = Instant::now();
        while !is_true() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn an_unread_stream_holds_up_no_line_and_loses_none_that_has_room() {
        for delivery in [Delivery::InPlace, Delivery::Queued] {
            let (mut reader, writer) = pipe().expect("a pipe");
            let output = LogOutput::new(writer.into(), delivery);
            // More than the pipe and the queue take together. A line that waits without limit never ends this.
            for number in 0..2000 {
                output.line(&line(number));
            }
            let LogStatus { dropped, fault } = output.status();
            assert!(dropped > 0, "{delivery:?}");
            assert_eq!(fault.as_deref(), Some("nobody reads the log"));
            // Its lines come once it is read, whole, in their order, with the number of those that are missing.
            let mut text = vec![0; 60_000];
            reader.read_exact(&mut text).expect("lines");
            let reading = thread::spawn(move || {
                let _ = reader.read_to_end(&mut text);
                text
            });
            output.line(&line(9999));
            wait_until("the stream works again", || output.status().fault.is_none());
            output.flush();
            drop(output_without_thread(output));
            if delivery == Delivery::InPlace {
                let text = String::from_utf8(reading.join().expect("text")).expect("UTF-8");
                let lines: Vec<_> = text.lines().collect();
                let (last, note) = (lines[lines.len() - 2], lines[lines.len() - 1]);
                assert!(last.ends_with("9999") && last.len() == 999, "{last}");
                assert!(note.contains(&format!("{dropped} lines")), "{note}");
                let numbers = lines[..lines.len() - 2]
                    .iter()
                    .filter(|line| line.len() == 999);
                let numbers: Vec<usize> = numbers
                    .map(|line| line.parse().expect("a number"))
                    .collect();
                assert!(numbers.is_sorted() && numbers.len() >= 60, "{numbers:?}");
            }
        }
    }

    /// Gives up the output. One with a thread lives on, as that of the process does.
    fn output_without_thread(output: Arc<LogOutput>) -> Option<LogOutput> {
        Arc::try_unwrap(output).ok()
    }

    #[test]
    fn a_failing_stream_costs_lines_and_is_retried() {
        for delivery in [Delivery::InPlace, Delivery::Queued] {
            let full = File::options()
                .write(true)
                .open("/dev/full")
                .expect("a device");
            let output = LogOutput::new(full.into(), delivery);
            output.line(&line(1));
            wait_until("the line is dropped", || output.status().dropped == 1);
            let fault = output.status().fault.expect("a fault");
            assert!(fault.contains("No space left"), "{fault}");
            let (mut reader, writer) = pipe().expect("a pipe");
            output.stream().descriptor = writer.into();
            output.line(&line(2));
            wait_until("the stream works", || output.status().fault.is_none());
            let mut text = vec![0; 1000];
            reader.read_exact(&mut text).expect("a line");
            assert_eq!(text, line(2), "{delivery:?}");
            assert_eq!(output.status().dropped, 1);
        }
    }

    #[test]
    fn a_closed_pipe_is_a_fault() {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let output = LogOutput::new(writer.into(), Delivery::InPlace);
        output.line(&line(1));
        let fault = output.status().fault.expect("a fault");
        assert!(fault.contains("Broken pipe"), "{fault}");
    }
}
