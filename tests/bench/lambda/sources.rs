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
pub(crate) async fn files_of_call(
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
    let profile = async |number| {
        callgrind::profile_addresses(&three, program, &calls(number))
            .await
            .map(|profile| costs(&profile, program))
    };
    let (two, three) = (profile(2).await?, profile(3).await?);
    let grown = three
        .into_iter()
        .filter(|(address, cost)| *cost > two.get(address).copied().unwrap_or_default());
    // callgrind's own reader of line tables ends with the section `.text`, and most of this program is in
    // `.text.often`.
    let lines = addr2line::Loader::new(program)
        .map_err(|error| anyhow::anyhow!("{} cannot be read: {error}", program.display()))?;
    let files = grown.filter_map(|(address, _)| lines.find_location(address).ok()??.file);
    let sources: BTreeSet<_> = files.filter_map(workspace_path).collect();
    anyhow::ensure!(
        !sources.is_empty(),
        "{} has no line tables; build it with CARGO_PROFILE_HOST_DEBUG=line-tables-only",
        program.display()
    );
    Ok(sources)
}

/// Returns the file's place in the workspace; `None` where it belongs to a dependency or to Rust.
fn workspace_path(file: &str) -> Option<String> {
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

/// Returns the cost of each address of the program, without that of functions it calls. Unit: instructions.
/// Source: callgrind's manual, "Callgrind Format Specification".
fn costs(profile: &str, program: &Path) -> BTreeMap<u64, u64> {
    let mut costs = BTreeMap::new();
    let mut is_of_program = false;
    let mut is_of_callee = false;
    for line in profile.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            // callgrind has no object for addresses before the section `.text`. Foreign ones among them have no line tables.
            is_of_program = object == "???" || Path::new(object) == program;
        } else if line.starts_with("calls=") {
            // The next line has the costs of the function that is called.
            is_of_callee = true;
        } else if let Some(address) = line.strip_prefix("0x") {
            let position = address.split_once(' ').and_then(|(address, cost)| {
                Some((
                    u64::from_str_radix(address, 16).ok()?,
                    cost.parse::<u64>().ok()?,
                ))
            });
            if let Some((address, cost)) = position.filter(|_| is_of_program && !is_of_callee) {
                *costs.entry(address).or_default() += cost;
            }
            is_of_callee = false;
        }
    }
    costs
}
