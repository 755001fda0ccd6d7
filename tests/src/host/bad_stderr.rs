//! A stderr that nobody reads, or that fails.

use std::{ffi::OsString, path::Path};

/// A fault of stderr, from the start of the host on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadStderr {
    /// A pipe that nobody reads, and that nobody closes.
    Unread,
    /// A full disk.
    Full,
    /// A pipe without a reader.
    Closed,
    /// A file that may not grow beyond 1 KB.
    Limited,
}

impl BadStderr {
    /// Every fault.
    pub const ALL: [Self; 4] = [Self::Unread, Self::Full, Self::Closed, Self::Limited];

    /// Returns the program and the arguments that run this program with the fault.
    pub(crate) fn wrap(self, program: &Path, folder: &Path) -> (&'static str, Vec<OsString>) {
        let file = folder.join("stderr");
        let script = match self {
            // The process has both ends of the pipe.
            Self::Unread => r#"exec "$@" 4<> <(:) 2>&4"#.to_owned(),
            Self::Full => r#"exec "$@" 2>/dev/full"#.to_owned(),
            Self::Closed => r#"exec "$@" 2> >(:)"#.to_owned(),
            Self::Limited => format!(r#"ulimit -f 1; exec "$@" 2>'{}'"#, file.display()),
        };
        let arguments = ["-c", &script, "bash"].map(OsString::from).into_iter();
        ("/bin/bash", arguments.chain([program.into()]).collect())
    }
}
