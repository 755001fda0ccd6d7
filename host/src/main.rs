//! `bootstrap`: the host as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(std::env::args_os().skip(1))
}
