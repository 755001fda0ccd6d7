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

/// What `check --help` says of them.
pub(crate) const OF_CHECK: &str =
    "Exit codes: 0 no error was found, 1 one was, or it could not be checked, 2 wrong usage";

/// What `bench --help` says of them.
pub(crate) const OF_BENCH: &str = "\
Exit codes: 0 measured, and no slower than the baseline allows, 1 slower, or it could not be measured, 2 wrong usage";

/// What `diff --help` says of them.
pub(crate) const OF_DIFF: &str = "\
Exit codes: 0 nothing breaks, 1 it could not be told, 2 wrong usage, 3 something breaks,
  4 nothing breaks, but a tool that may destroy can be called that could not be before";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
