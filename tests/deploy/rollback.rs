//! `cargo layer rollback`: returns a function to its previous tools.

use crate::function::{
    Deployed, NAME, for_later_hosts, layers, with_destructive_tool, with_foreign_manifest,
};

#[test]
fn an_alias_returns_to_the_previous_live_version() {
    let function = Deployed::behind_alias();
    // Version 2 never serves, version 3 does.
    let later = function.publish_layer("later.zip", &for_later_hosts());
    assert_eq!(function.swap(&["--layer", &later]).code, Some(5));
    let danger = function.publish_layer("danger.zip", &with_destructive_tool());
    let swapped = function.swap(&["--layer", &danger, "--allow-destructive"]);
    assert_eq!(swapped.code, Some(0), "{}", swapped.stderr);
    assert!(
        swapped
            .stderr
            .contains("note: $LATEST differs from the live version 1: "),
        "{}",
        swapped.stderr
    );
    assert_eq!(function.live(), "3");
    function.lambda.take_changes();

    let dry = function.run(&["rollback", NAME, "--alias", "live", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{}", dry.stderr);
    assert!(
        dry.stderr.contains("--function-version 1 "),
        "{}",
        dry.stderr
    );
    assert_eq!(function.lambda.take_changes(), [""; 0]);

    let output = function.run(&["rollback", NAME, "--alias", "live"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(
        output.stdout,
        format!("arn:aws:lambda:eu-west-1:123456789012:function:{NAME}:1")
    );
    for fragment in [
        "live: live points to version 1 (tools:1), before 3 (tools:3)",
        "its tools: greet, multiply, add",
    ] {
        assert!(
            output.stderr.contains(fragment),
            "no {fragment:?} in {}",
            output.stderr
        );
    }
    // Only the alias moves.
    assert_eq!(
        function.lambda.take_changes(),
        [format!("PUT /2015-03-31/functions/{NAME}/aliases/live")]
    );
    assert_eq!(function.live(), "1");
    assert_eq!(function.tools("live"), ["greet", "multiply", "add"]);

    let nothing = function.run(&["rollback", NAME, "--alias", "live"]);
    assert_eq!(nothing.code, Some(1), "{}", nothing.stderr);
    assert!(
        nothing
            .stderr
            .contains("error[NO_VERSION_BEFORE]: mcp-host has no version before 1"),
        "{}",
        nothing.stderr
    );
    let forth = function.run(&["rollback", NAME, "--alias", "live", "--to", "3"]);
    assert_eq!(forth.code, Some(0), "{}", forth.stderr);
    assert_eq!(function.live(), "3");
    let same = function.run(&["rollback", NAME, "--alias", "live", "--to", "3"]);
    assert!(same.stderr.contains("nothing to change"), "{}", same.stderr);
    let unknown = function.run(&["rollback", NAME, "--alias", "live", "--to", "9"]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains("mcp-host has no version before 3, and no version 9\n  help: nothing was changed; name one with --to; the versions are 1, 2, 3"),
        "{}",
        unknown.stderr
    );
    // A version that does not serve is reported, even if it was requested.
    let broken = function.run(&["rollback", NAME, "--alias", "live", "--to", "2"]);
    assert_eq!(broken.code, Some(5), "{}", broken.stderr);
    assert!(
        broken.stderr.contains(
            "error[UNPROVEN]: the rollback is done, but the live version does not list its tools: it fails: PLUGIN_NEEDS_NEWER_HOST"
        ),
        "{}",
        broken.stderr
    );
}

#[test]
fn a_rollback_removes_the_weight_of_another_version() {
    let function = Deployed::behind_alias();
    let other = function.publish_layer("other.zip", &with_foreign_manifest());
    let swapped = function.swap(&["--layer", &other]);
    assert_eq!(swapped.code, Some(0), "{}", swapped.stderr);
    function.account.shell(&format!(
        "aws lambda update-alias --function-name {NAME} --name live --function-version 2 \
          --routing-config 'AdditionalVersionWeights={{1=0.5}}'"
    ));
    let output = function.run(&["rollback", NAME, "--alias", "live"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let alias = format!("lambda get-alias --function-name {NAME} --name live");
    let alias = function.account.json(&alias);
    let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].as_object();
    assert!(weights.is_none_or(|weights| weights.is_empty()), "{alias}");
}

#[test]
fn a_rollback_without_an_alias_restores_layers_and_variables() {
    let function = Deployed::new();
    let before = function.configuration("$LATEST")["Environment"].clone();
    let danger = function.publish_layer("danger.zip", &with_destructive_tool());
    let swap = ["swap", NAME, "--layer", &danger, "--allow-destructive"];
    let changed = ["--unset", "TOOLS_LIST", "--env", "MCP_LIST_TTL_MS=5"];
    let swapped = function.run(&[&swap[..], &changed].concat());
    assert_eq!(swapped.code, Some(0), "{}", swapped.stderr);
    assert_eq!(function.tools("$LATEST").len(), 4);

    let output = function.run(&["rollback", NAME]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output.stderr.contains("live: $LATEST, which is live without an alias, is like version 1 (tools:1), before 2 (tools:2)"),
        "{}",
        output.stderr
    );
    let now = function.configuration("$LATEST");
    assert_eq!(layers(&now), [function.layer.as_str()]);
    assert_eq!(now["Environment"], before);
    assert_eq!(function.tools("$LATEST"), ["greet", "multiply", "add"]);

    // An unpublished state is published before it is overwritten.
    function.account.shell(&format!(
        "aws lambda update-function-configuration --function-name {NAME} --layers {danger}
        aws lambda wait function-updated-v2 --function-name {NAME}"
    ));
    let output = function.run(&["rollback", NAME, "--to", "1"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(layers(&function.configuration("3")), [danger.as_str()]);
    assert_eq!(
        layers(&function.configuration("$LATEST")),
        [function.layer.as_str()]
    );
}
