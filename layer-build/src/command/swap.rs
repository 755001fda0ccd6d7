//! `swap`: replaces the tools of a live function. The new tools are tested before they go live, and all go live in one
//! step.

mod environment;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    archive::selection,
    args,
    aws::{
        cli::{Aws, REVISION_VARIABLE},
        error::DeployError,
        lambda::{self, Alias, Configuration, Function, LATEST, MAX_LAYERS},
        layer_download::LayerCache,
        layer_version::{self, LayerVersion},
        smoke_test::{SmokeTest, check_read_only},
    },
    compare::{self, Effect},
    error::CliError,
    exit::Exit,
    terminal::stdout,
};
use environment::EnvironmentChanges;

/// The planned state of a function.
struct Plan {
    layers: Vec<LayerVersion>,
    variables: BTreeMap<String, String>,
    tools: Vec<compare::Tool>,
}

/// Swaps the tools, and prints the ARN of the version.
pub(crate) fn run(args: &args::deploy::Swap) -> anyhow::Result<Exit> {
    let changes = EnvironmentChanges::from_args(args)?;
    let call = arguments(args)?;
    let mut aws = Aws::new(args.aws.options());
    aws.redact(changes.set());
    let mut function = Function {
        aws: &mut aws,
        name: &args.function,
    };
    let latest = function.settled_configuration()?;
    let (alias, live) = live_version(&mut function, args.alias.as_deref(), &latest)?;
    let variables = changes.apply(&latest.variables)?;
    let layers = match args.layers.as_slice() {
        [] => &live.layers,
        layers => layers,
    };
    let layer_cache = fetch_layers(&function, args, &live, layers)?;
    let selection = |layers: &[LayerVersion], variables| {
        let list = |name| Configuration::list_variable(variables, name);
        selection::select_tools(
            layer_cache.inventories(layers),
            &list("ENTRY_FILE"),
            &list("TOOLS_LIST"),
        )
    };
    // If the live configuration does not start, it serves no tools, so no tool can be lost.
    let old = selection(&live.layers, &live.variables).unwrap_or_default();
    let tools = selection(layers, &variables).map_err(DeployError::Selection)?;
    let plan = Plan {
        layers: layers.to_vec(),
        variables,
        tools,
    };
    if let Some((tool, _)) = call {
        check_read_only(tool, plan.tools.iter().map(|tool| &tool.mcp))?;
    }
    if !args.drop_others {
        check_other_layers(&live.layers, &plan.layers, &layer_cache)?;
    }
    let (code, rejected) = check_changes(args, &old, &plan.tools);
    if let Some(rejected) = rejected {
        message!("error[{}]: {rejected}", rejected.code());
        return Ok(code);
    }
    message!(
        "layers: {}, before {}",
        layer_version::display_names(&plan.layers),
        live.layer_names()
    );
    message!(
        "variables: {}",
        environment::describe_changes(&live.variables, &plan.variables)
    );
    if live.has_settings(&plan.layers, &plan.variables) {
        message!(
            "nothing to change: version {} has these layers and variables",
            live.version
        );
        stdout::line(&live.arn)?;
        return Ok(Exit::Done);
    }
    let smoke_test = SmokeTest {
        expected: &plan.tools,
        call: call.as_ref().map(|(tool, arguments)| (*tool, arguments)),
    };
    match alias {
        Some(alias) => swap_alias(&mut function, &alias, &latest, &plan, &smoke_test),
        None => swap_in_place(&mut function, &latest, &plan, &smoke_test),
    }
}

/// Returns the live version, and the alias that points to it, if an alias is used.
fn live_version(
    function: &mut Function<'_>,
    alias: Option<&str>,
    latest: &Configuration,
) -> anyhow::Result<(Option<Alias>, Configuration)> {
    let Some(alias) = alias else {
        for (name, version) in function.aliases()? {
            message!(
                "note: the alias {name} points to version {version} and stays there; pass --alias {name} to move it"
            );
        }
        return Ok((None, latest.clone()));
    };
    let alias = function.alias(alias)?;
    let live = function.configuration(Some(&alias.version))?;
    if !live.same_configuration(latest) {
        message!(
            "note: {LATEST} differs from the live version {}: {}, variables: {}. Layers and variables that you do not name come from {LATEST}; `cargo layer rollback {} --to {}` resets it to that version",
            live.version,
            latest.layer_names(),
            environment::describe_changes(&live.variables, &latest.variables),
            function.name,
            live.version,
        );
    }
    Ok((Some(alias), live))
}

fn fetch_layers(
    function: &Function<'_>,
    args: &args::deploy::Swap,
    live: &Configuration,
    layers: &[LayerVersion],
) -> anyhow::Result<LayerCache> {
    let count = layers.len();
    if count > MAX_LAYERS {
        let max = MAX_LAYERS;
        return Err(DeployError::TooManyLayers { count, max }.into());
    }
    let all: Vec<_> = live.layers.iter().chain(layers).collect();
    let layer_cache = LayerCache::fetch(function.aws, &all, &args.files)?;
    for inventory in layer_cache.inventories(layers) {
        for plugin in &inventory.plugins {
            let found = match plugin.cpu.as_str() {
                "aarch64" => "arm64",
                cpu => cpu,
            };
            if found != live.architecture {
                return Err(DeployError::OtherCpu {
                    layer: plugin.file.clone(),
                    found: found.to_owned(),
                    wanted: live.architecture.clone(),
                }
                .into());
            }
        }
    }
    Ok(layer_cache)
}

/// Checks that no layer without tools is removed: something else, such as an extension, needs it.
fn check_other_layers(
    live: &[LayerVersion],
    layers: &[LayerVersion],
    layer_cache: &LayerCache,
) -> Result<(), DeployError> {
    let is_named = |layer: &LayerVersion| layers.iter().any(|new| new.layer == layer.layer);
    let mut others = live.iter().filter(|layer| !layer_cache.has_plugins(layer));
    match others.find(|layer| !is_named(layer)) {
        Some(layer) => Err(DeployError::LayerLost(layer.to_string())),
        None => Ok(()),
    }
}

/// Prints the changes, and checks whether they are allowed.
fn check_changes(
    args: &args::deploy::Swap,
    old: &[compare::Tool],
    new: &[compare::Tool],
) -> (Exit, Option<DeployError>) {
    let changes = compare::changes(old, new);
    for line in compare::report_lines(&changes) {
        message!("{line}");
    }
    let is_any = |effect| changes.iter().any(|change| change.effect == effect);
    if is_any(Effect::Breaking) && !args.allow_breaking {
        let rejected = DeployError::ChangeRejected {
            what: "the new tools break something that works now",
            flag: "--allow-breaking",
            code: "BREAKING",
        };
        return (Exit::Breaking, Some(rejected));
    }
    if is_any(Effect::Destructive) && !args.allow_destructive {
        let rejected = DeployError::ChangeRejected {
            what: "a tool that may destroy something would become callable",
            flag: "--allow-destructive",
            code: "NEWLY_DESTRUCTIVE",
        };
        return (Exit::Destructive, Some(rejected));
    }
    (Exit::Done, None)
}

/// Publishes a new version, tests it, and points the alias to it if the test succeeds.
fn swap_alias(
    function: &mut Function<'_>,
    alias: &Alias,
    latest: &Configuration,
    plan: &Plan,
    smoke_test: &SmokeTest<'_>,
) -> anyhow::Result<Exit> {
    let state = format!(
        "{} still points to version {}, so clients see no change",
        alias.name, alias.version
    );
    let undo = format!(
        "`cargo layer rollback {} --to {}` resets {LATEST} to that version, once the reason is known",
        function.name, alias.version
    );
    let version = publish_update(function, latest, plan, &alias.version).map_err(|error| {
        stopped_error(
            &error,
            &format!("{state}; {LATEST} may have the new layers already: {undo}"),
        )
    })?;
    let state = format!("{state}; version {version} and {LATEST} have the new layers: {undo}");
    let verified = smoke_test
        .run(function, &version)
        .map_err(|error| stopped_error(&error, &state))?;
    if let Err(problem) = verified {
        return Ok(report_failed_verification(&version, &problem, &state));
    }
    function
        .point_alias(alias, &version)
        .map_err(|error| stopped_error(&error, &state))?;
    let live = format!(
        "{} points to version {version}, before {}",
        alias.name, alias.version
    );
    let back = format!("--alias {}", alias.name);
    report_live(function, plan, &live, &back, &version_arn(latest, &version))
}

/// Updates a function that has no alias. The update is live immediately, so the previous state is published first, to
/// make a rollback possible.
fn swap_in_place(
    function: &mut Function<'_>,
    latest: &Configuration,
    plan: &Plan,
    smoke_test: &SmokeTest<'_>,
) -> anyhow::Result<Exit> {
    let before = function.publish("before cargo layer swap", latest.revision.as_deref())?;
    // Read the configuration again: publishing may have changed the revision.
    let latest = function.configuration(None)?;
    let undo = format!(
        "`cargo layer rollback {} --to {before}` restores the previous state",
        function.name
    );
    let version = publish_update(function, &latest, plan, &before).map_err(|error| {
        stopped_error(
            &error,
            &format!("{LATEST}, which is live without an alias, may have the new layers: {undo}"),
        )
    })?;
    let state = format!(
        "{LATEST}, which is live without an alias, and version {version} have the new layers: {undo}"
    );
    let verified = smoke_test
        .run(function, &version)
        .map_err(|error| stopped_error(&error, &state))?;
    if let Err(problem) = verified {
        return Ok(report_failed_verification(&version, &problem, &state));
    }
    let live = format!("{LATEST}, which is version {version}, before {before}");
    let back = format!("--to {before}");
    report_live(
        function,
        plan,
        &live,
        &back,
        &version_arn(&latest, &version),
    )
}

/// Prints the live version, and the command that undoes the swap.
fn report_live(
    function: &Function<'_>,
    plan: &Plan,
    live: &str,
    back: &str,
    arn: &str,
) -> anyhow::Result<Exit> {
    if function.aws.dry_run {
        message!("nothing was changed: this was a dry run");
        return Ok(Exit::Done);
    }
    let tools = selection::tool_names(&plan.tools).join(", ");
    message!("live: {live}; its tools: {tools}");
    message!("back: cargo layer rollback {} {back}", function.name);
    stdout::line(arn)?;
    Ok(Exit::Done)
}

/// Updates the function's layers and environment variables in one request, then publishes a version. Returns the
/// version number.
fn publish_update(
    function: &mut Function<'_>,
    latest: &Configuration,
    plan: &Plan,
    before: &str,
) -> anyhow::Result<String> {
    function.update(latest, &plan.layers, &plan.variables)?;
    let revision = if function.aws.dry_run {
        function.show_revision();
        Some(REVISION_VARIABLE.to_owned())
    } else {
        let now = function.configuration(None)?;
        if !now.has_settings(&plan.layers, &plan.variables) {
            return Err(DeployError::ChangedMeanwhile.into());
        }
        now.revision
    };
    let version = function.publish(&lambda::swap_description(before), revision.as_deref())?;
    Ok(version)
}

/// Returns the ARN of a version.
fn version_arn(latest: &Configuration, version: &str) -> String {
    format!("{}:{version}", latest.arn)
}

/// Returns the error of a swap that failed halfway. It describes the state in which the function is.
fn stopped_error(error: &anyhow::Error, state: &str) -> DeployError {
    let code = match (
        error.downcast_ref::<DeployError>(),
        error.downcast_ref::<CliError>(),
    ) {
        (Some(error), _) => error.code(),
        (None, Some(error)) => error.code(),
        (None, None) => "FAILED",
    };
    DeployError::Stopped {
        code: code.to_owned(),
        reason: format!("{error:#}"),
        state: state.to_owned(),
    }
}

fn report_failed_verification(version: &str, problem: &str, state: &str) -> Exit {
    message!(
        "error[UNPROVEN]: version {version} does not serve: {problem}\n  current state: {state}"
    );
    Exit::VerificationFailed
}

/// Returns the tool and the arguments of the call that tests the new version, if one was requested.
fn arguments(args: &args::deploy::Swap) -> anyhow::Result<Option<(&str, Map<String, Value>)>> {
    let Some(tool) = &args.call else {
        return Ok(None);
    };
    let arguments = serde_json::from_str(&args.arguments).map_err(CliError::Arguments)?;
    Ok(Some((tool, arguments)))
}
