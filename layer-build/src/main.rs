//! `cargo layer`: from plugin crates to a Lambda layer.
//!
//! stdout is data, stderr is talk; [`exit`] has the exit codes.

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
mod terminal;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::{
    archive::write,
    args::{Cli, Command},
    build::{compile, layer, packages},
    command::{
        bench, check, connect, dev, diff, doctor, inspect, new, publish, rollback, swap, symbolize,
        token, tools, verify,
    },
    exit::Exit,
    library::describe,
    terminal::stdout,
};

fn main() -> ExitCode {
    // Cargo runs `cargo-layer layer build` for `cargo layer build`.
    let mut args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_some_and(|arg| arg == "layer") {
        args.remove(1);
    }
    let done = match Cli::parse_from(args).command {
        Command::New(args) => new::run(&args),
        Command::Build(args) => build(&args).map(|()| Exit::Done),
        Command::Host(args) => command::host::build(&args).map(|()| Exit::Done),
        Command::Dev(args) => dev::run(&args),
        Command::Connect(args) => connect::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Publish(args) => publish::run(&args),
        Command::Swap(args) => swap::run(&args),
        Command::Rollback(args) => rollback::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Tools(args) => tools::tools(&args),
        Command::Call(args) => tools::call(&args),
        Command::Symbolize(args) => symbolize::run(&args),
        Command::Doctor => doctor::run(),
        Command::Completions(args) => completions(&args).map(|()| Exit::Done),
        Command::Describe(args) => {
            process::host::end_with_parent();
            describe::answer(&args).map(|()| Exit::Done)
        }
        Command::AsHost(args) => {
            process::host::end_with_parent();
            return host::main(args.args);
        }
    };
    match done {
        Ok(exit) => exit.into(),
        // Whoever read it has seen enough.
        Err(error) if is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            error::tell(&error);
            Exit::Failed.into()
        }
    }
}

fn build(args: &args::build::Build) -> anyhow::Result<()> {
    write::check_out(&args.out)?;
    let packages = packages::find(&args.packages)?;
    let recipe = layer::Recipe {
        profile: compile::Profile::Layer,
        platform: args.platform.chosen(),
        includes: &args.includes,
    };
    let layer = layer::build(
        &packages,
        &recipe,
        &layer::Label::of(args, &packages)?,
        &args.out,
    )?;
    stdout::line(layer)?;
    Ok(())
}

fn completions(args: &args::Completions) -> anyhow::Result<()> {
    let mut script = Vec::new();
    // What is hidden is no verb of the user's, which scripts of some shells do not know.
    let all = Cli::command();
    let verbs = all.get_subcommands().filter(|verb| !verb.is_hide_set());
    let mut shown = clap::Command::new("cargo-layer")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommands(verbs.cloned());
    clap_complete::generate(args.shell, &mut shown, "cargo-layer", &mut script);
    stdout::line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
