//! What has changed from one layer to the next, for whoever has to let it out.

use serde_json::json;

use crate::{
    cli,
    compare::{self, Change, Effect},
    declared::Declared,
    exit::Exit,
    out,
};

/// Compare, and say so.
pub(crate) fn run(args: &cli::Diff) -> anyhow::Result<Exit> {
    let tools = |path| -> anyhow::Result<Vec<_>> {
        let declared = Declared::read(path)?;
        Ok(declared.tools().map(|tool| tool.comparable()).collect())
    };
    let (old, new) = (tools(&args.old)?, tools(&args.new)?);
    let changes = compare::changes(&old, &new);
    let count = |effect| {
        changes
            .iter()
            .filter(|change| change.effect == effect)
            .count()
    };
    let (breaking, destructive) = (count(Effect::Breaking), count(Effect::Destructive));
    if args.json {
        let all = json!({ "breaking": breaking > 0, "newlyDestructive": destructive, "changes": changes });
        out::line(serde_json::to_string_pretty(&all)?)?;
    } else {
        for change in &changes {
            out::line(line(change))?;
        }
        let compatible = count(Effect::Compatible);
        out::line(format_args!(
            "{breaking} breaking, {compatible} compatible, {destructive} newly destructive"
        ))?;
    }
    Ok(match (breaking, destructive) {
        (0, 0) => Exit::Done,
        (0, _) => Exit::Destructive,
        _ => Exit::Breaking,
    })
}

fn line(change: &Change) -> String {
    let effect = match change.effect {
        Effect::Breaking => "breaking",
        Effect::Compatible => "compatible",
        Effect::Destructive => "destructive",
    };
    format!("{effect:<11}  {}: {}", change.tool, change.what)
}
