//! The source files that a warm `tools/call` runs through, by callgrind on a host with line tables.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use bench::Artifacts;

use crate::{
    callgrind,
    runtimes::{self, Exchange},
    service,
};

/// Returns the workspace's own files that a warm, buffered call of a tool runs through.
pub(crate) async fn of_a_call(
    artifacts: &Artifacts,
    program: &Path,
) -> anyhow::Result<BTreeSet<String>> {
    let service = service::start().await?;
    let [three] = runtimes::by_programs(artifacts, service, [program])
        .into_iter()
        .next()
        .ok_or_else(|| anyhow::anyhow!("no host is measured"))?;
    let calls = |number| -> Vec<_> {
        let call = || Exchange {
            event: three.call.event.clone(),
            expected: three.call.expected.clone(),
        };
        (0..number).map(|_| call()).collect()
    };
    let two = costs(&callgrind::profile(&three, program, &calls(2)).await?);
    let three = costs(&callgrind::profile(&three, program, &calls(3)).await?);
    let grown = three
        .into_iter()
        .filter(|(file, cost)| *cost > two.get(file).copied().unwrap_or_default());
    let sources: BTreeSet<_> = grown.filter_map(|(file, _)| own(&file)).collect();
    anyhow::ensure!(
        !sources.is_empty(),
        "{} has no line tables; build it with CARGO_PROFILE_HOST_DEBUG=line-tables-only",
        program.display()
    );
    Ok(sources)
}

/// The file's place in the workspace; `None` where it belongs to a dependency or to Rust.
fn own(file: &str) -> Option<String> {
    let roots = [
        "host/src/",
        "host/mcp-protocol/",
        "host/layer-format/",
        "plugin-sdk/",
    ];
    let places = roots.iter().filter_map(|root| file.find(root));
    let is_foreign =
        file.contains("/registry/") || file.contains("/rustlib/") || file.starts_with("/rustc/");
    let place = places.min().filter(|_| !is_foreign)?;
    Some(file[place..].to_owned())
}

/// What each source file costs itself, without what it calls. Unit: instructions.
/// Source: callgrind's manual, "Callgrind Format Specification".
fn costs(profile: &str) -> BTreeMap<String, u64> {
    let mut costs = BTreeMap::new();
    let mut file = "";
    let mut is_of_callee = false;
    for line in profile.lines() {
        let named = ["fl=", "fi=", "fe="];
        if let Some(name) = named.iter().find_map(|name| line.strip_prefix(name)) {
            file = name;
        } else if line.starts_with("calls=") {
            // The next line has the costs of the function that is called.
            is_of_callee = true;
        } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
            let cost = line
                .split(' ')
                .nth(1)
                .and_then(|cost| cost.parse::<u64>().ok());
            if !is_of_callee {
                *costs.entry(file.to_owned()).or_default() += cost.unwrap_or_default();
            }
            is_of_callee = false;
        }
    }
    costs
}
