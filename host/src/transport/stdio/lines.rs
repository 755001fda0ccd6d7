//! Reads the lines of stdin and writes the lines of stdout, each on its own thread.

use std::io::{self, BufRead, Write};

use tokio::sync::{mpsc, oneshot};

use crate::server::request::MAX_BODY;

/// The maximum number of lines that wait for the client to read them. If there are more, calls have to wait too.
/// Source: ours.
const MAX_QUEUED_LINES: usize = 64;

/// A line of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputLine {
    /// A line, without the line feed at its end.
    Message(Vec<u8>),
    /// A line of more than [`MAX_BODY`] bytes. Its content was skipped.
    TooLong,
}

/// Reads lines on a separate thread. The thread is never joined, because reading cannot be interrupted.
pub(super) fn spawn_reader(mut input: impl BufRead + Send + 'static) -> mpsc::Receiver<InputLine> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        loop {
            match read_line(&mut input) {
                Ok(Some(line)) => {
                    if sender.blocking_send(line).is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "stdin cannot be read any more");
                    return;
                }
            }
        }
    });
    lines
}

/// Returns the next line that is not blank; `None` at the end of the input.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<InputLine>> {
    loop {
        let mut line = Vec::new();
        // One byte more, for the line feed.
        let limit = MAX_BODY as u64 + 1;
        if io::Read::take(&mut *input, limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.len() > MAX_BODY && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
            return Ok(Some(InputLine::TooLong));
        }
        line.truncate(line.trim_ascii_end().len());
        if !line.is_empty() {
            return Ok(Some(InputLine::Message(line)));
        }
    }
}

/// Writes lines on a separate thread, so that a client that does not read delays only its own responses. The receiver
/// completes when everything was written.
pub(super) fn spawn_writer(
    mut output: impl Write + Send + 'static,
) -> (mpsc::Sender<Vec<u8>>, oneshot::Receiver<()>) {
    let (sender, mut lines) = mpsc::channel::<Vec<u8>>(MAX_QUEUED_LINES);
    let (done, written) = oneshot::channel();
    std::thread::spawn(move || {
        while let Some(line) = lines.blocking_recv() {
            if let Err(error) = output.write_all(&line).and_then(|()| output.flush()) {
                tracing::warn!(%error, "stdout cannot be written any more");
                break;
            }
        }
        // This fails if nobody waits for it any more.
        let _ = done.send(());
    });
    (sender, written)
}

/// Converts a message into one line. In JSON, line feeds appear only between tokens (RFC 8259, section 7), so they can
/// be replaced by spaces.
pub(super) fn to_line(message: &[u8]) -> Vec<u8> {
    let blank = |byte: &u8| match byte {
        b'\n' | b'\r' => b' ',
        byte => *byte,
    };
    let mut line: Vec<u8> = message.iter().map(blank).collect();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_skipped_and_a_last_line_needs_no_end() {
        let input = b"{}\r\n\n  \r\n[]\n{\"a\":1}";
        let mut input = &input[..];
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut input).expect("memory can be read") {
            lines.push(line);
        }
        let message = |text: &str| InputLine::Message(text.into());
        assert_eq!(lines, [message("{}"), message("[]"), message("{\"a\":1}")]);
    }

    #[test]
    fn a_too_long_line_is_skipped_and_the_next_is_read() {
        for (length, fits) in [
            (MAX_BODY, true),
            (MAX_BODY + 1, false),
            (3 * MAX_BODY, false),
        ] {
            let mut input = vec![b'x'; length];
            input.extend(b"\n{}\n");
            let mut input = &input[..];
            let first = read_line(&mut input).expect("memory can be read");
            assert_eq!(first != Some(InputLine::TooLong), fits, "{length} bytes");
            let second = read_line(&mut input).expect("memory can be read");
            assert_eq!(
                second,
                Some(InputLine::Message(b"{}".into())),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_message_of_several_lines_becomes_one() {
        let line = to_line(b"{\r\n  \"a\": \"b\\n\"\n}");
        assert_eq!(line, b"{    \"a\": \"b\\n\" }\n");
    }
}
