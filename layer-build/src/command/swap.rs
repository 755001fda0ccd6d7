//! Other tools for a function that is live: proven before anybody sees them, and put there by one step.

mod environment;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    archive::selection,
    args,
    aws::{
        cli::{Aws, REVISION},
        error::Deployment,
        lambda::{self, Alias, Configuration, Function, LATEST, MAX_LAYERS},
        layer_download::Fetched,
        layer_version::{self, LayerVersion},
        smoke_test::{Proof, check_reads_only},
    },
    compare::{self, Effect},
    error::Failure,
    exit::Exit,
    terminal::stdout,
};
use environment::Changes;

/// What is to become of a function.
struct Plan {
    layers: Vec<LayerVersion>,
    variables: BTreeMap<String, String>,
    tools: Vec<compare::Tool>,
}

/// Swap, and print the ARN of the version.
pub(crate) fn run(args: &args::deploy::Swap) -> anyhow::Result<Exit> {
    let changes = Changes::of(args)?;
    let call = arguments(args)?;
    let mut aws = Aws::new(args.aws.options());
    aws.hide(changes.set());
    let mut function = Function {
        aws: &mut aws,
        name: &args.function,
    };
    let latest = function.settled()?;
    let (alias, live) = live(&mut function, args.alias.as_deref(), &latest)?;
    let variables = changes.applied_to(&latest.variables)?;
    let layers = match args.layers.as_slice() {
        [] => &live.layers,
        layers => layers,
    };
    let fetched = fetch(&function, args, &live, layers)?;
    let selection = |layers: &[LayerVersion], variables| {
        let list = |name| Configuration::list(variables, name);
        selection::tools(
            fetched.declared(layers),
            &list("ENTRY_FILE"),
            &list("TOOLS_LIST"),
        )
    };
    // What does not start any more has no tools that anybody could miss.
    let old = selection(&live.layers, &live.variables).unwrap_or_default();
    let tools = selection(layers, &variables).map_err(Deployment::Selection)?;
    let plan = Plan {
        layers: layers.to_vec(),
        variables,
        tools,
    };
    if let Some((tool, _)) = call {
        check_reads_only(tool, plan.tools.iter().map(|tool| &tool.mcp))?;
    }
    if !args.drop_others {
        keeps_others(&live.layers, &plan.layers, &fetched)?;
    }
    let (code, refused) = judged(args, &old, &plan.tools);
    if let Some(refused) = refused {
        eprintln!("error[{}]: {refused}", refused.code());
        return Ok(code);
    }
    eprintln!(
        "layers: {}, before {}",
        layer_version::told(&plan.layers),
        live.layers_told()
    );
    eprintln!(
        "variables: {}",
        environment::told(&live.variables, &plan.variables)
    );
    if live.has(&plan.layers, &plan.variables) {
        eprintln!(
            "nothing to change: version {} has these layers and variables",
            live.version
        );
        stdout::line(&live.arn)?;
        return Ok(Exit::Done);
    }
    let proof = Proof {
        expected: &plan.tools,
        call: call.as_ref().map(|(tool, arguments)| (*tool, arguments)),
    };
    match alias {
        Some(alias) => behind_alias(&mut function, &alias, &latest, &plan, &proof),
        None => in_place(&mut function, &latest, &plan, &proof),
    }
}

/// The version that is live, and the alias which leads to it.
fn live(
    function: &mut Function<'_>,
    alias: Option<&str>,
    latest: &Configuration,
) -> anyhow::Result<(Option<Alias>, Configuration)> {
    let Some(alias) = alias else {
        for (name, version) in function.aliases()? {
            eprintln!(
                "note: the alias {name} leads to version {version} and is left alone; --alias {name} would lead it on"
            );
        }
        return Ok((None, latest.clone()));
    };
    let alias = function.alias(alias)?;
    let live = function.configuration(Some(&alias.version))?;
    if !live.is_like(latest) {
        eprintln!(
            "note: {LATEST} is not what version {} is, which is live: {}, variables: {}. What is not named here is taken from {LATEST}; `cargo layer rollback {} --to {}` makes it like that version",
            live.version,
            latest.layers_told(),
            environment::told(&live.variables, &latest.variables),
            function.name,
            live.version,
        );
    }
    Ok((Some(alias), live))
}

fn fetch(
    function: &Function<'_>,
    args: &args::deploy::Swap,
    live: &Configuration,
    layers: &[LayerVersion],
) -> anyhow::Result<Fetched> {
    let count = layers.len();
    if count > MAX_LAYERS {
        let most = MAX_LAYERS;
        return Err(Deployment::TooManyLayers { count, most }.into());
    }
    let all: Vec<_> = live.layers.iter().chain(layers).collect();
    let fetched = Fetched::get(function.aws, &all, &args.files)?;
    for declared in fetched.declared(layers) {
        for plugin in &declared.plugins {
            let found = match plugin.cpu.as_str() {
                "aarch64" => "arm64",
                cpu => cpu,
            };
            if found != live.architecture {
                return Err(Deployment::OtherCpu {
                    layer: plugin.file.clone(),
                    found: found.to_owned(),
                    wanted: live.architecture.clone(),
                }
                .into());
            }
        }
    }
    Ok(fetched)
}

/// Layers without tools belong to something else, which would be missed.
fn keeps_others(
    live: &[LayerVersion],
    layers: &[LayerVersion],
    fetched: &Fetched,
) -> Result<(), Deployment> {
    let is_named = |layer: &LayerVersion| layers.iter().any(|new| new.layer == layer.layer);
    let mut others = live.iter().filter(|layer| !fetched.has_plugins(layer));
    match others.find(|layer| !is_named(layer)) {
        Some(layer) => Err(Deployment::LayerLost(layer.to_string())),
        None => Ok(()),
    }
}

/// What has changed, said, and whether it may.
fn judged(
    args: &args::deploy::Swap,
    old: &[compare::Tool],
    new: &[compare::Tool],
) -> (Exit, Option<Deployment>) {
    let changes = compare::changes(old, new);
    for line in compare::lines(&changes) {
        eprintln!("{line}");
    }
    let is_any = |effect| changes.iter().any(|change| change.effect == effect);
    if is_any(Effect::Breaking) && !args.allow_breaking {
        let refused = Deployment::Refused {
            what: "something breaks that works now",
            flag: "--allow-breaking",
            code: "BREAKING",
        };
        return (Exit::Breaking, Some(refused));
    }
    if is_any(Effect::Destructive) && !args.allow_destructive {
        let refused = Deployment::Refused {
            what: "a tool that may destroy could be called that cannot be now",
            flag: "--allow-destructive",
            code: "NEWLY_DESTRUCTIVE",
        };
        return (Exit::Destructive, Some(refused));
    }
    (Exit::Done, None)
}

/// The alias is led to a new version once that has proven itself.
fn behind_alias(
    function: &mut Function<'_>,
    alias: &Alias,
    latest: &Configuration,
    plan: &Plan,
    proof: &Proof<'_>,
) -> anyhow::Result<Exit> {
    let stays = format!(
        "{} leads to version {} as before, so that nobody has noticed",
        alias.name, alias.version
    );
    let undo = format!(
        "`cargo layer rollback {} --to {}` makes {LATEST} what that version is, once the reason is known",
        function.name, alias.version
    );
    let version = put(function, latest, plan, &alias.version).map_err(|error| {
        stopped(
            &error,
            &format!("{stays}; {LATEST} may have the new layers already: {undo}"),
        )
    })?;
    let stays = format!("{stays}; version {version} and {LATEST} have the new layers: {undo}");
    let proven = proof
        .of(function, &version)
        .map_err(|error| stopped(&error, &stays))?;
    if let Err(problem) = proven {
        return Ok(unproven(&version, &problem, &stays));
    }
    function
        .lead(alias, &version)
        .map_err(|error| stopped(&error, &stays))?;
    let live = format!(
        "{} leads to version {version}, before {}",
        alias.name, alias.version
    );
    let back = format!("--alias {}", alias.name);
    ended(function, plan, &live, &back, &qualified(latest, &version))
}

/// Without an alias an update is live at once: what was before becomes a version first, which there is a way back to.
fn in_place(
    function: &mut Function<'_>,
    latest: &Configuration,
    plan: &Plan,
    proof: &Proof<'_>,
) -> anyhow::Result<Exit> {
    let before = function.publish("before cargo layer swap", latest.revision.as_deref())?;
    // Publishing may count as a change.
    let latest = function.configuration(None)?;
    let undo = format!(
        "`cargo layer rollback {} --to {before}` brings back what was",
        function.name
    );
    let version = put(function, &latest, plan, &before).map_err(|error| {
        stopped(
            &error,
            &format!(
                "{LATEST} may have the new layers, and is what is live without an alias: {undo}"
            ),
        )
    })?;
    let stands = format!(
        "{LATEST}, which is live without an alias, has the new layers, as has version {version}: {undo}"
    );
    let proven = proof
        .of(function, &version)
        .map_err(|error| stopped(&error, &stands))?;
    if let Err(problem) = proven {
        return Ok(unproven(&version, &problem, &stands));
    }
    let live = format!("{LATEST}, which is version {version}, before {before}");
    let back = format!("--to {before}");
    ended(function, plan, &live, &back, &qualified(&latest, &version))
}

/// Says what is live now, and the way back.
fn ended(
    function: &Function<'_>,
    plan: &Plan,
    live: &str,
    back: &str,
    arn: &str,
) -> anyhow::Result<Exit> {
    if function.aws.dry_run {
        eprintln!("nothing was changed: this was a dry run");
        return Ok(Exit::Done);
    }
    let tools = selection::names(&plan.tools).join(", ");
    eprintln!("live: {live}; its tools: {tools}");
    eprintln!("back: cargo layer rollback {} {back}", function.name);
    stdout::line(arn)?;
    Ok(Exit::Done)
}

/// Change layers and variables at once, and make a version of it. Gives its number.
fn put(
    function: &mut Function<'_>,
    latest: &Configuration,
    plan: &Plan,
    before: &str,
) -> anyhow::Result<String> {
    function.update(latest, &plan.layers, &plan.variables)?;
    let revision = if function.aws.dry_run {
        function.show_revision();
        Some(REVISION.to_owned())
    } else {
        let now = function.configuration(None)?;
        if !now.has(&plan.layers, &plan.variables) {
            return Err(Deployment::ChangedMeanwhile.into());
        }
        now.revision
    };
    let version = function.publish(&lambda::description_after(before), revision.as_deref())?;
    Ok(version)
}

/// The ARN of a version.
fn qualified(latest: &Configuration, version: &str) -> String {
    format!("{}:{version}", latest.arn)
}

/// A failure on the way, and how things stand.
fn stopped(error: &anyhow::Error, stands: &str) -> Deployment {
    let code = match (
        error.downcast_ref::<Deployment>(),
        error.downcast_ref::<Failure>(),
    ) {
        (Some(error), _) => error.code(),
        (None, Some(error)) => error.code(),
        (None, None) => "FAILED",
    };
    Deployment::Stopped {
        code: code.to_owned(),
        why: format!("{error:#}"),
        stands: stands.to_owned(),
    }
}

fn unproven(version: &str, problem: &str, stands: &str) -> Exit {
    eprintln!(
        "error[UNPROVEN]: version {version} does not serve: {problem}\n  as it stands: {stands}"
    );
    Exit::Unproven
}

/// The call that is to prove the new version, if there is one.
fn arguments(args: &args::deploy::Swap) -> anyhow::Result<Option<(&str, Map<String, Value>)>> {
    let Some(tool) = &args.call else {
        return Ok(None);
    };
    let arguments = serde_json::from_str(&args.arguments).map_err(Failure::Arguments)?;
    Ok(Some((tool, arguments)))
}
