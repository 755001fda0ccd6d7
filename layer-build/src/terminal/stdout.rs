//! Prints data on stdout.

use std::{
    fmt::Display,
    io::{self, Write},
};

use crate::terminal::escape::escaped;

/// Prints a line of data, with control characters escaped.
///
/// # Errors
/// If stdout is closed. (`println` would panic.)
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let text = text.to_string();
    writeln!(io::stdout().lock(), "{}", escaped(&text))
}
