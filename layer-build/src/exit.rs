//! The exit codes, all in one place.

use std::process::ExitCode;

/// How the program ends. Wrong usage ends it with 2, which clap says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; of `check`: nothing was found that fails on Lambda.
    Done = 0,
    /// It failed; of `check`: something was found; of `call`: the tool itself failed.
    Failed = 1,
    /// Of `diff`: something breaks.
    Breaking = 3,
    /// Of `diff`: nothing breaks, but a tool that may destroy something can be called that could not before.
    Destructive = 4,
}

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; of `check`: nothing was found that fails on Lambda
  1  it failed, and why stands on stderr; of `check`: an error was found
  2  wrong usage
  3  of `diff`: a change that breaks someone
  4  of `diff`: none that breaks, but a tool that may destroy can be called now";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
