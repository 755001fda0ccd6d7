//! `cargo layer`: from plugin crates to a Lambda layer.
//!
//! stdout is data, stderr is talk. Exit code 0: done; 1: failed; 2: wrong usage.

mod archive;
mod cli;
mod compile;
mod describe;
mod dev;
mod error;
mod function;
mod inspect;
mod layer;
mod packages;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{Cli, Command},
    error::Failure,
};

fn main() -> ExitCode {
    // Cargo runs `cargo-layer layer build` for `cargo layer build`.
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == "layer") {
        args.remove(1);
    }
    let done = match Cli::parse_from(args).command {
        Command::Build(args) => build(&args),
        Command::Host(args) => function::build(&args),
        Command::Dev(args) => dev::run(&args),
        Command::Describe(args) => describe::child(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match error.downcast_ref::<Failure>() {
                Some(failure) => eprintln!("error[{}]: {failure}", failure.code()),
                None => eprintln!("error: {error:#}"),
            }
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the data that was asked for")]
fn build(args: &cli::Build) -> anyhow::Result<()> {
    archive::check_out(&args.out)?;
    let packages = packages::find(&args.packages)?;
    let layer = layer::build(
        &packages,
        compile::Profile::Layer,
        &layer::Label::of(args, &packages)?,
        &args.out,
    )?;
    println!("{layer}");
    Ok(())
}
