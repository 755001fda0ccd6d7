//! `completions`: prints a script with which a shell completes the command line of this program.

use clap::CommandFactory;

use crate::{
    args::{Cli, Completions},
    exit::Exit,
    terminal::stdout,
};

/// Prints the script.
pub(crate) fn run(args: &Completions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    // Leave out the hidden verbs: users do not type them, and the scripts for some shells would offer them.
    let all = Cli::command();
    let verbs = all.get_subcommands().filter(|verb| !verb.is_hide_set());
    let mut shown = clap::Command::new("cargo-layer")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommands(verbs.cloned());
    clap_complete::generate(args.shell, &mut shown, "cargo-layer", &mut script);
    stdout::line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}
