//! `cargo layer` builds Lambda layers from plugin crates, and tests and deploys them.
//!
//! Data is printed on stdout, messages on stderr. The exit codes are in [`exit`].

#![deny(clippy::print_stderr, reason = "`message!` escapes control characters")]

#[macro_use]
mod terminal;

mod archive;
mod args;
mod aws;
mod build;
mod command;
mod compare;
mod error;
mod exit;
mod finding;
mod library;
mod mcp;
mod process;
mod static_check;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    args::{Cli, Command},
    exit::Exit,
    process::host::exit_with_parent,
};

fn main() -> ExitCode {
    // For `cargo layer build`, cargo runs `cargo-layer layer build`: remove the extra `layer`.
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == "layer") {
        args.remove(1);
    }
    let done = match Cli::parse_from(args).command {
        Command::New(args) => command::new::run(&args),
        Command::Build(args) => command::build::run(&args),
        Command::Host(args) => command::host::run(&args),
        Command::Dev(args) => command::dev::run(&args),
        Command::Connect(args) => command::connect::run(&args),
        Command::Check(args) => command::check::run(&args),
        Command::Bench(args) => command::bench::run(&args),
        Command::Inspect(args) => command::inspect::run(&args),
        Command::Diff(args) => command::diff::run(&args),
        Command::Publish(args) => command::publish::run(&args),
        Command::Swap(args) => command::swap::run(&args),
        Command::Rollback(args) => command::rollback::run(&args),
        Command::Verify(args) => command::verify::run(&args),
        Command::Token(args) => command::token::run(&args),
        Command::Tools(args) => command::tools::run(&args),
        Command::Call(args) => command::call::run(&args),
        Command::Symbolize(args) => command::symbolize::run(&args),
        Command::Doctor => command::doctor::run(),
        Command::Completions(args) => command::completions::run(&args),
        Command::Describe(args) => command::describe::run(&args),
        Command::HostSubcommand(args) => {
            exit_with_parent();
            return host::main(args.args);
        }
    };
    match done {
        Ok(exit) => exit.into(),
        // The program that reads the output has ended; that is not an error.
        Err(error) if is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            error::print(&error);
            Exit::Failed.into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
