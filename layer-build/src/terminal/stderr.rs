//! Prints messages on stderr.

use std::{
    fmt::Display,
    io::{self, Write},
};

use crate::terminal::escape::escaped;

/// Prints a message, with control characters escaped. If stderr is closed, the message is lost. (`eprintln` would
/// panic.)
pub(crate) fn line(text: impl Display) {
    let text = text.to_string();
    let _ = writeln!(io::stderr().lock(), "{}", escaped(&text));
}
