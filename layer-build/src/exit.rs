//! The exit codes of all verbs.

use std::process::ExitCode;

/// An exit code of the program. For wrong usage, clap itself returns 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command succeeded. For `check`: no finding is an error.
    Done = 0,
    /// The command failed. For `check`: at least one finding is an error. For `call`: the tool returned an error.
    Failed = 1,
    /// For `diff` and `swap`: there is a breaking change.
    Breaking = 3,
    /// For `diff` and `swap`: there is no breaking change, but a tool that may destroy something becomes callable.
    Destructive = 4,
    /// For `swap`, `rollback` and `verify`: the server responds, but does not serve the expected tools.
    VerificationFailed = 5,
}

/// The text about exit codes in `--help`.
pub(crate) const HELP: &str = "\
Exit codes: 0 done, 1 failed (the reason is on stderr), 2 wrong usage; `check`, `diff`, `swap`,
  `rollback` and `verify` list further codes in their own --help";

/// The text about exit codes in `check --help`.
pub(crate) const CHECK_HELP: &str =
    "Exit codes: 0 no error found, 1 an error found, or the check could not run, 2 wrong usage";

/// The text about exit codes in `bench --help`.
pub(crate) const BENCH_HELP: &str = "\
Exit codes: 0 measured, and no slower than the baseline allows, 1 slower, or the measurement failed, 2 wrong usage";

/// The text about exit codes in `diff --help`.
pub(crate) const DIFF_HELP: &str = "\
Exit codes: 0 no breaking change, 1 the comparison failed, 2 wrong usage, 3 a breaking change,
  4 no breaking change, but a tool that may destroy something becomes callable";

/// The text about exit codes in `swap --help`.
pub(crate) const SWAP_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused because of a breaking change, 4 refused because a tool
  that may destroy something would become callable, 5 the new version does not serve; stderr has the current state";

/// The text about exit codes in `rollback --help`.
pub(crate) const ROLLBACK_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 5 done, but the live version does not list its tools";

/// The text about exit codes in `verify --help`.
pub(crate) const VERIFY_HELP: &str = "\
Exit codes: 0 the server serves as expected, 1 the check could not run, 2 wrong usage, 5 it does not serve as expected";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
