//! Messages, on stderr.

use std::{
    fmt::Display,
    io::{self, Write},
};

use crate::terminal::escape::escaped;

/// Prints a message without the control characters of strangers. Nobody may read it: `eprintln` would panic then.
pub(crate) fn line(text: impl Display) {
    let text = text.to_string();
    let _ = writeln!(io::stderr().lock(), "{}", escaped(&text));
}
