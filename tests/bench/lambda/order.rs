//! Finds the host's functions that run at a start and in the most usual requests: `host/link-order.ld`, by which the
//! linker puts them side by side. They are a sixth of the program; scattered over it, each would bring its neighbours
//! into memory.

use std::{collections::BTreeSet, fmt::Write, path::Path};

use tests::link_order::{entry, pattern};

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

/// Returns the linker script for the host, a program with its symbols, by the functions that these runtimes of it run.
pub(crate) async fn script(host: &Path, runtimes: &[&Runtime]) -> anyhow::Result<String> {
    let mut patterns = BTreeSet::new();
    for runtime in runtimes {
        let profile = callgrind::profile(runtime, host, &exchanges(runtime)).await?;
        patterns.extend(functions(&profile, host).map(pattern));
    }
    anyhow::ensure!(patterns.len() > 100, "{} has no symbols", host.display());
    let mut script = HEAD.to_owned();
    for pattern in patterns {
        writeln!(script, "{}", entry(&pattern))?;
    }
    script.push_str(FOOT);
    Ok(script)
}

/// Returns calls and lists of both eras.
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

/// Returns the symbols of the program's functions that have run.
fn functions<'a>(profile: &'a str, program: &Path) -> impl Iterator<Item = &'a str> {
    let program = program.to_string_lossy().into_owned();
    let mut is_ours = false;
    profile.lines().filter_map(move |line| {
        if let Some(object) = line.strip_prefix("ob=") {
            // Functions that the linker has moved are in no section that valgrind knows.
            is_ours = object == program || object == "???";
        }
        let function = line.strip_prefix("fn=").filter(|_| is_ours)?;
        // Recursive functions have a number behind; functions without a symbol have an address, or a text in brackets.
        let symbol = function.split('\'').next().unwrap_or(function);
        let is_symbol = symbol.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        is_symbol.then_some(symbol)
    })
}
