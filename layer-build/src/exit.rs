//! The exit codes, all in one place.

use std::process::ExitCode;

/// An exit code of the program. Wrong usage ends it with 2, which clap returns itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Success; for `check`: no finding that fails on Lambda.
    Done = 0,
    /// Failure; for `check`: findings; for `call`: the tool itself failed.
    Failed = 1,
    /// For `diff` and `swap`: a breaking change.
    Breaking = 3,
    /// For `diff` and `swap`: no breaking change, but a tool that may destroy something is newly callable.
    Destructive = 4,
    /// For `swap`, `rollback` and `verify`: the server answers, but does not serve the expected tools.
    VerificationFailed = 5,
}

/// The text about exit codes in `--help`.
pub(crate) const HELP: &str = "\
Exit codes: 0 done, 1 it failed, and why stands on stderr, 2 wrong usage; those that `check`, `diff`,
  `swap`, `rollback` and `verify` have besides stand in their own --help";

/// The text about exit codes in `check --help`.
pub(crate) const CHECK_HELP: &str =
    "Exit codes: 0 no error was found, 1 one was, or it could not be checked, 2 wrong usage";

/// The text about exit codes in `bench --help`.
pub(crate) const BENCH_HELP: &str = "\
Exit codes: 0 measured, and no slower than the baseline allows, 1 slower, or it could not be measured, 2 wrong usage";

/// The text about exit codes in `diff --help`.
pub(crate) const DIFF_HELP: &str = "\
Exit codes: 0 nothing breaks, 1 it could not be told, 2 wrong usage, 3 something breaks,
  4 nothing breaks, but a tool that may destroy can be called that could not be before";

/// The text about exit codes in `swap --help`.
pub(crate) const SWAP_HELP: &str = "\
Exit codes: 0 done, 1 it failed, 2 wrong usage, 3 refused, as something breaks, 4 refused, as a tool that may
  destroy could be called that cannot be now, 5 the new version does not serve; stderr has how things stand";

/// The text about exit codes in `rollback --help`.
pub(crate) const ROLLBACK_HELP: &str = "\
Exit codes: 0 done, 1 it failed, 2 wrong usage, 5 done, but what is live now does not list its tools";

/// The text about exit codes in `verify --help`.
pub(crate) const VERIFY_HELP: &str = "\
Exit codes: 0 it serves as it should, 1 it cannot be asked, 2 wrong usage, 5 it does not serve as it should";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
