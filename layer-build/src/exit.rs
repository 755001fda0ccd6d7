//! The exit codes, all in one place.

use std::process::ExitCode;

/// How the program ends. Wrong usage ends it with 2, which clap says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; of `check`: nothing was found that fails on Lambda.
    Done = 0,
    /// It failed; of `check`: something was found; of `call`: the tool itself failed.
    Failed = 1,
    /// Of `diff` and `swap`: something breaks.
    Breaking = 3,
    /// Of `diff` and `swap`: nothing breaks, but a tool that may destroy something can be called that could not before.
    Destructive = 4,
    /// Of `swap`, `rollback` and `verify`: what serves was asked, and does not serve what it should.
    VerificationFailed = 5,
}

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Exit codes: 0 done, 1 it failed, and why stands on stderr, 2 wrong usage; those that `check`, `diff`,
  `swap`, `rollback` and `verify` have besides stand in their own --help";

/// What `check --help` says of them.
pub(crate) const CHECK_HELP: &str =
    "Exit codes: 0 no error was found, 1 one was, or it could not be checked, 2 wrong usage";

/// What `bench --help` says of them.
pub(crate) const BENCH_HELP: &str = "\
Exit codes: 0 measured, and no slower than the baseline allows, 1 slower, or it could not be measured, 2 wrong usage";

/// What `diff --help` says of them.
pub(crate) const DIFF_HELP: &str = "\
Exit codes: 0 nothing breaks, 1 it could not be told, 2 wrong usage, 3 something breaks,
  4 nothing breaks, but a tool that may destroy can be called that could not be before";

/// What `swap --help` says of them.
pub(crate) const SWAP_HELP: &str = "\
Exit codes: 0 done, 1 it failed, 2 wrong usage, 3 refused, as something breaks, 4 refused, as a tool that may
  destroy could be called that cannot be now, 5 the new version does not serve; stderr has how things stand";

/// What `rollback --help` says of them.
pub(crate) const ROLLBACK_HELP: &str = "\
Exit codes: 0 done, 1 it failed, 2 wrong usage, 5 done, but what is live now does not list its tools";

/// What `verify --help` says of them.
pub(crate) const VERIFY_HELP: &str = "\
Exit codes: 0 it serves as it should, 1 it cannot be asked, 2 wrong usage, 5 it does not serve as it should";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
