//! `rollback`: returns a function to its previous tools.

use crate::{
    args,
    aws::{
        cli::Aws,
        error::DeployError,
        lambda::{Configuration, Function, LATEST},
        smoke_test,
    },
    exit::Exit,
    terminal::stdout,
};

/// Rolls back, and prints the ARN of the version.
pub(crate) fn run(args: &args::deploy::Rollback) -> anyhow::Result<Exit> {
    let mut aws = Aws::new(args.aws.options());
    let mut function = Function {
        aws: &mut aws,
        name: &args.function,
    };
    match &args.alias {
        Some(alias) => roll_back_alias(&mut function, alias, args.to),
        None => roll_back_in_place(&mut function, args.to),
    }
}

fn roll_back_alias(
    function: &mut Function<'_>,
    alias: &str,
    to: Option<u64>,
) -> anyhow::Result<Exit> {
    let alias = function.alias(alias)?;
    let versions = function.versions()?;
    let target = target(function, &versions, &alias.version, to)?;
    if target.version == alias.version {
        message!(
            "nothing to change: {} already points to version {}",
            alias.name,
            target.version
        );
        stdout::line(&target.arn)?;
        return Ok(Exit::Done);
    }
    let was = versions
        .iter()
        .find(|version| version.version == alias.version);
    let was = was.map_or_else(|| "deleted".to_owned(), Configuration::layer_names);
    function.point_alias(&alias, &target.version)?;
    let description = format!(
        "{} points to version {} ({}), before {} ({was})",
        alias.name,
        target.version,
        target.layer_names(),
        alias.version
    );
    report_live(function, target, &alias.name, &description)
}

fn roll_back_in_place(function: &mut Function<'_>, to: Option<u64>) -> anyhow::Result<Exit> {
    let latest = function.settled_configuration()?;
    let versions = function.versions()?;
    let same = versions
        .iter()
        .rfind(|version| version.same_configuration(&latest));
    let current = match same {
        Some(version) => version.version.clone(),
        // Publish the current state too, so that it is not lost.
        None => function.publish("before cargo layer rollback", latest.revision.as_deref())?,
    };
    let target = target(function, &versions, &current, to)?;
    if latest.has_settings(&target.layers, &target.variables) {
        message!(
            "nothing to change: {LATEST} already has the layers and variables of version {}",
            target.version
        );
        stdout::line(&target.arn)?;
        return Ok(Exit::Done);
    }
    let latest = function.configuration(None)?;
    function.update(&latest, &target.layers, &target.variables)?;
    if !latest.same_code(target) {
        message!(
            "note: the function's own code does not change; version {} had other code",
            target.version
        );
    }
    let description = format!(
        "{LATEST}, which is live without an alias, is like version {} ({}), before {current} ({})",
        target.version,
        target.layer_names(),
        latest.layer_names()
    );
    report_live(function, target, LATEST, &description)
}

/// Returns the requested version; if none was requested, the one that was live before `current`.
fn target<'a>(
    function: &Function<'_>,
    versions: &'a [Configuration],
    current: &str,
    to: Option<u64>,
) -> anyhow::Result<&'a Configuration> {
    let numbered = |number: u64| {
        let number = number.to_string();
        versions.iter().find(|version| version.version == number)
    };
    let found = match to {
        Some(wanted) => numbered(wanted),
        None => {
            let swapped = versions.iter().find(|version| version.version == current);
            let recorded = swapped
                .and_then(Configuration::previous_version)
                .and_then(numbered);
            let current = current.parse::<u64>().unwrap_or(u64::MAX);
            let is_earlier = |version: &&Configuration| {
                version
                    .version
                    .parse::<u64>()
                    .is_ok_and(|number| number < current)
            };
            recorded.or_else(|| {
                let earlier = versions.iter().rfind(is_earlier)?;
                message!("note: the previous live version is not recorded; version {} is the previous one by number", earlier.version);
                Some(earlier)
            })
        }
    };
    let not_found = || DeployError::NoPreviousVersion {
        function: function.name.to_owned(),
        version: to.map_or_else(
            || current.to_owned(),
            |to| format!("{current}, and no version {to}"),
        ),
        known: versions
            .iter()
            .map(|version| version.version.clone())
            .collect(),
    };
    Ok(found.ok_or_else(not_found)?)
}

/// Prints the live version, and whether it lists tools.
fn report_live(
    function: &Function<'_>,
    target: &Configuration,
    qualifier: &str,
    description: &str,
) -> anyhow::Result<Exit> {
    let listed = smoke_test::list_tools(function, qualifier)?;
    if function.aws.dry_run {
        message!("nothing was changed: this was a dry run");
        return Ok(Exit::Done);
    }
    message!("live: {description}");
    stdout::line(&target.arn)?;
    match listed {
        Ok(tools) => {
            let names: Vec<_> = tools
                .iter()
                .filter_map(|tool| tool["name"].as_str())
                .collect();
            message!("its tools: {}", names.join(", "));
            Ok(Exit::Done)
        }
        Err(problem) => {
            message!(
                "error[UNPROVEN]: the rollback is done, but the live version does not list its tools: {problem}\n  help: go back further with --to, and read the function's log"
            );
            Ok(Exit::VerificationFailed)
        }
    }
}
