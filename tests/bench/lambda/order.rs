//! Which of the host's functions run at a start and in the most usual requests: `host/link-order.ld`, by which the linker puts them side by
//! side. They are a sixth of the program; scattered over it, each would bring its neighbours into memory.

use std::{collections::BTreeSet, fmt::Write, path::Path};

use crate::{
    callgrind, event,
    runtimes::{Exchange, Runtime},
};

const HEAD: &str = "\
/* The functions that run at a start and in the most usual requests, for the linker to put side by side: each piece of the program
   that is read brings 64 KB into memory. Whatever is missing here, or is named otherwise by another release of Rust, is only
   further away.

   Written by `cargo bench -p bench --bench lambda -- --order`. */

SECTIONS
{
  .text.often :
  {
";

const FOOT: &str = "  }
}
INSERT BEFORE .text;
";

/// The linker script for the host, a program with its symbols, by what these runtimes of it run.
pub(crate) async fn script(host: &Path, runtimes: &[&Runtime]) -> anyhow::Result<String> {
    let mut patterns = BTreeSet::new();
    for runtime in runtimes {
        let profile = callgrind::profile(runtime, host, &exchanges(runtime)).await?;
        patterns.extend(functions(&profile, host).map(pattern));
    }
    anyhow::ensure!(patterns.len() > 100, "{} has no symbols", host.display());
    let mut script = HEAD.to_owned();
    for pattern in patterns {
        // What the compiler thinks is seldom run is in .text.unlikely.
        writeln!(script, "    *(.text*.{pattern})")?;
    }
    script.push_str(FOOT);
    Ok(script)
}

/// Calls and lists of both eras.
fn exchanges(runtime: &Runtime) -> Vec<Exchange> {
    let Exchange { event, expected } = &runtime.call;
    let call = || Exchange {
        event: event.clone(),
        expected: expected.clone(),
    };
    let list = || Exchange {
        event: runtime.list.event.clone(),
        expected: runtime.list.expected.clone(),
    };
    let legacy = [
        (event::initialize(), "protocolVersion"),
        (event::legacy(event), expected),
        (event::legacy(&runtime.list.event), &runtime.list.expected),
    ];
    let legacy = legacy.map(|(event, expected)| Exchange {
        event,
        expected: expected.to_owned(),
    });
    [call(), list(), call()].into_iter().chain(legacy).collect()
}

/// The symbols of those functions of the program that have run.
fn functions<'a>(profile: &'a str, program: &Path) -> impl Iterator<Item = &'a str> {
    let program = program.to_string_lossy().into_owned();
    let mut is_ours = false;
    profile.lines().filter_map(move |line| {
        if let Some(object) = line.strip_prefix("ob=") {
            // What is put aside by the linker is in no section that valgrind knows.
            is_ours = object == program || object == "???";
        }
        let function = line.strip_prefix("fn=").filter(|_| is_ours)?;
        // Recursive ones have a number behind; what has no symbol has an address, or words in brackets.
        let symbol = function.split('\'').next().unwrap_or(function);
        let is_symbol = symbol.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        is_symbol.then_some(symbol)
    })
}

/// A symbol, whatever the hashes in it are, which change with the compiler and its settings.
/// Sources: The rustc book, "v0 Symbol Format", "Disambiguator": a number in base 62 of 64 bits between `s` and `_`. LLVM puts the hash
/// of a module behind `.llvm.`, or a number behind a dot, where a name is there twice.
fn pattern(symbol: &str) -> String {
    // Neither has a dot in it otherwise.
    let (symbol, suffix) = match symbol.split_once('.') {
        Some((symbol, _)) => (symbol, ".*"),
        None => (symbol, ""),
    };
    let mut pattern = String::new();
    let mut rest = symbol;
    while let Some(at) = rest.find("Cs") {
        let (before, after) = rest.split_at(at + 2);
        pattern.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric());
        rest = match end {
            Some(end) if (9..=11).contains(&end) && after[end..].starts_with('_') => {
                pattern.push('*');
                &after[end..]
            }
            _ => after,
        };
    }
    pattern + rest + suffix
}
