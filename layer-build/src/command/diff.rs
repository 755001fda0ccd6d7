//! `diff`: shows the changes from one layer to the next.

use std::collections::BTreeSet;

use serde_json::json;

use crate::{
    archive::inventory::{Inventory, Undeclared},
    args,
    compare::{self, Effect},
    exit::Exit,
    terminal::stdout,
};

/// Compares two layers, and prints the changes.
pub(crate) fn run(args: &args::layer::Diff) -> anyhow::Result<Exit> {
    let (old, new) = (
        Inventory::read(&args.old, Undeclared::Open)?,
        Inventory::read(&args.new, Undeclared::Open)?,
    );
    let cpus = [cpus(&old), cpus(&new)];
    let tools = |inventory: &Inventory| -> Vec<_> {
        let tools = inventory.tools();
        tools.map(|tool| tool.to_compare_tool()).collect()
    };
    let changes = compare::changes(&tools(&old), &tools(&new));
    let count = |effect| {
        changes
            .iter()
            .filter(|change| change.effect == effect)
            .count()
    };
    let (breaking, destructive) = (count(Effect::Breaking), count(Effect::Destructive));
    if args.json {
        let all = json!({
            "breaking": breaking > 0,
            "newlyDestructive": destructive,
            "changes": changes,
            "cpu": { "old": cpus[0], "new": cpus[1] },
        });
        stdout::line(serde_json::to_string_pretty(&all)?)?;
    } else {
        if cpus[0] != cpus[1] {
            let [old, new] = &cpus;
            stdout::line(format_args!("the CPU changed: {old} before, {new} now"))?;
        }
        for line in compare::report_lines(&changes) {
            stdout::line(line)?;
        }
    }
    Ok(match (breaking, destructive) {
        (0, 0) => Exit::Done,
        (0, _) => Exit::Destructive,
        _ => Exit::Breaking,
    })
}

/// Returns the CPUs that its plugins are for.
fn cpus(inventory: &Inventory) -> String {
    let plugins = inventory.plugins.iter();
    let cpus: BTreeSet<_> = plugins.map(|plugin| plugin.cpu.as_str()).collect();
    cpus.into_iter().collect::<Vec<_>>().join(" and ")
}
