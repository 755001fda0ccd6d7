//! `cargo layer swap`: replaces the tools of a live function.

use std::process::Command;

use serde_json::json;
use tests::{Layer, cargo_layer, run_captured};

use crate::function::{
    Deployed, KEY, NAME, TOKENS, for_later_hosts, layers, with_destructive_tool,
    with_foreign_manifest,
};

/// The flags of a swap to the example `time-tools`, which breaks users of the other example.
const BREAKING: [&str; 2] = ["--allow-breaking", "--allow-destructive"];

#[test]
fn a_tested_version_goes_live_in_one_step() {
    let function = Deployed::behind_alias();
    function.account.set_layer("time-tools");
    let layer = function.publish("layer.zip");
    let output = function.swap(
        &[
            &["--layer", &layer][..],
            &BREAKING,
            &[
                "--env",
                "TOOLS_LIST=daysBetween",
                "--env",
                "MCP_SERVER_NAME=times",
            ],
            &[
                "--call",
                "daysBetween",
                "--arguments",
                r#"{"from":"2024-02-28","until":"2024-03-01"}"#,
            ],
        ]
        .concat(),
    );
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(
        output.stdout,
        format!("arn:aws:lambda:eu-west-1:123456789012:function:{NAME}:2")
    );
    assert_eq!(
        function.lambda.take_changes(),
        [
            format!("PUT /2015-03-31/functions/{NAME}/configuration"),
            format!("POST /2015-03-31/functions/{NAME}/versions"),
            format!("PUT /2015-03-31/functions/{NAME}/aliases/live"),
        ]
    );
    assert_eq!(function.live(), "2");
    assert_eq!(function.tools("live"), ["daysBetween"]);
    let now = function.configuration("live");
    assert_eq!(layers(&now), [layer.as_str()]);
    // Settings that were not named did not change.
    assert_eq!(
        now["Environment"]["Variables"],
        json!({
            "MCP_BEARER_TOKENS": TOKENS, "MCP_STATE_KEY": KEY, "TOOLS_LIST": "daysBetween", "MCP_SERVER_NAME": "times",
        })
    );
    for fragment in [
        "breaking     greet: is gone",
        "layers: tools:2, before tools:1",
        "variables: MCP_BEARER_TOKENS, MCP_SERVER_NAME (new), MCP_STATE_KEY, TOOLS_LIST (changed)",
        "--cli-input-json file:///",
        "aws lambda wait function-updated-v2 --function-name mcp-host\n",
        "live: live points to version 2, before 1; its tools: daysBetween",
        "back: cargo layer rollback mcp-host --alias live",
    ] {
        assert!(
            output.stderr.contains(fragment),
            "no {fragment:?} in {}",
            output.stderr
        );
    }

    // The same swap again changes nothing.
    let again = function.swap(&["--layer", &layer]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert!(
        again.stderr.contains("nothing to change"),
        "{}",
        again.stderr
    );
    assert_eq!(function.lambda.take_changes(), [""; 0]);
}

#[test]
fn a_breaking_change_is_refused() {
    let function = Deployed::behind_alias();
    function.account.set_layer("time-tools");
    let layer = function.publish("layer.zip");
    let output = function.swap(&["--layer", &layer]);
    assert_eq!(output.code, Some(3), "{}", output.stderr);
    assert_eq!(output.stdout, "");
    assert!(
        output.stderr.contains("breaking     greet: is gone"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains(
            "error[BREAKING]: nothing was changed: the new tools break something that works now"
        ),
        "{}",
        output.stderr
    );
    // A shorter list of tools with the current layer is refused as well.
    let shorter = function.swap(&["--layer", &function.layer, "--env", "TOOLS_LIST=greet"]);
    assert_eq!(shorter.code, Some(3), "{}", shorter.stderr);
    assert!(
        shorter.stderr.contains("breaking     multiply: is gone"),
        "{}",
        shorter.stderr
    );
    assert_eq!(function.lambda.take_changes(), [""; 0]);
}

#[test]
fn a_destructive_tool_is_refused_unless_it_is_hidden() {
    let function = Deployed::behind_alias();
    let layer = function.publish_layer("danger.zip", &with_destructive_tool());
    let output = function.swap(&["--layer", &layer]);
    assert_eq!(output.code, Some(4), "{}", output.stderr);
    assert!(
        output.stderr.contains("error[NEWLY_DESTRUCTIVE]"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("destructive  wipe:"),
        "{}",
        output.stderr
    );
    assert_eq!(function.lambda.take_changes(), [""; 0]);

    let hidden = function.swap(&["--layer", &layer, "--env", "TOOLS_LIST=!wipe"]);
    assert_eq!(hidden.code, Some(0), "{}", hidden.stderr);
    assert_eq!(function.tools("live").len(), 3);
    let shown = function.swap(&[
        "--layer",
        &layer,
        "--unset",
        "TOOLS_LIST",
        "--allow-destructive",
    ]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert_eq!(function.tools("live").len(), 4);
    assert_eq!(function.live(), "3");
}

#[test]
fn a_version_that_does_not_serve_never_goes_live() {
    let function = Deployed::behind_alias();
    let layer = function.publish_layer("later.zip", &for_later_hosts());
    let output = function.swap(&["--layer", &layer]);
    assert_eq!(output.code, Some(5), "{}", output.stderr);
    assert_eq!(output.stdout, "");
    for fragment in [
        "error[UNPROVEN]: version 2 does not serve: it fails: PLUGIN_NEEDS_NEWER_HOST",
        "live still points to version 1, so clients see no change; version 2 and $LATEST have the new layers",
        "`cargo layer rollback mcp-host --to 1`",
        "log: ",
    ] {
        assert!(
            output.stderr.contains(fragment),
            "no {fragment:?} in {}",
            output.stderr
        );
    }
    assert_eq!(function.live(), "1");
    assert_eq!(function.tools("live"), ["greet", "multiply", "add"]);

    // The printed command works.
    let back = function.run(&["rollback", NAME, "--to", "1"]);
    assert_eq!(back.code, Some(0), "{}", back.stderr);
    assert_eq!(
        layers(&function.configuration("$LATEST")),
        [function.layer.as_str()]
    );

    // A call opens the library, and finds that its manifest is wrong.
    let layer = function.publish_layer("other.zip", &with_foreign_manifest());
    let listed = function.swap(&["--layer", &layer, "--dry-run"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let output = function.swap(&[
        "--layer",
        &layer,
        "--call",
        "greet",
        "--arguments",
        r#"{"name":"Ada"}"#,
    ]);
    assert_eq!(output.code, Some(5), "{}", output.stderr);
    assert!(
        output.stderr.contains("version 3 does not serve: "),
        "{}",
        output.stderr
    );
    assert_eq!(function.live(), "1");
}

#[test]
fn a_change_of_somebody_else_is_not_overwritten() {
    let function = Deployed::behind_alias();
    let layer = function.publish_layer("danger.zip", &with_destructive_tool());
    function.lambda.change_before_next_update();
    let output = function.swap(&["--layer", &layer, "--allow-destructive"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    for fragment in [
        "error[AWS_FAILED]: aws lambda update-function-configuration",
        "PreconditionFailedException",
        "help: somebody else changed it meanwhile",
        "current state: live still points to version 1",
    ] {
        assert!(
            output.stderr.contains(fragment),
            "no {fragment:?} in {}",
            output.stderr
        );
    }
    assert_eq!(
        layers(&function.configuration("$LATEST")),
        [function.layer.as_str()]
    );
    assert_eq!(function.live(), "1");
}

#[test]
fn secrets_are_redacted_in_errors_of_lambda() {
    let function = Deployed::behind_alias();
    function.lambda.fail_next_update();
    let output = function.swap(&["--layer", &function.layer, "--env", "MCP_LIST_TTL_MS=5"]);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    for fragment in [
        "exceeded the 4KB limit",
        "[value of MCP_STATE_KEY]",
        "[value of MCP_BEARER_TOKENS]",
    ] {
        assert!(
            output.stderr.contains(fragment),
            "no {fragment:?} in {}",
            output.stderr
        );
    }
    // Secrets are not on a command line, where all users of the machine could see them.
    let new = "a new secret of at least thirty-two characters";
    let mut swap = function.account.cargo_layer(&[
        "swap",
        NAME,
        "--alias",
        "live",
        "--layer",
        &function.layer,
        "--env",
        "MCP_STATE_KEY",
    ]);
    let (_, stderr, code) = run_captured(swap.env("MCP_STATE_KEY", new));
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        !stderr.contains(new) && !stderr.contains(TOKENS),
        "{stderr}"
    );
    assert_eq!(
        function.configuration("live")["Environment"]["Variables"]["MCP_STATE_KEY"],
        new
    );
    // Variables over the limit are not sent.
    let large = format!("NOTES={}", "x".repeat(5000));
    let output = function.swap(&["--layer", &function.layer, "--env", &large]);
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.contains("error[ENVIRONMENT_TOO_LARGE]"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_swap_without_an_alias_publishes_the_previous_state_first() {
    let function = Deployed::new();
    let layer = function.publish_layer("danger.zip", &with_destructive_tool());
    let output = function.run(&["swap", NAME, "--layer", &layer, "--allow-destructive"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output.stderr.contains(
            "live: $LATEST, which is version 2, before 1; its tools: greet, multiply, add, wipe"
        ),
        "{}",
        output.stderr
    );
    assert_eq!(layers(&function.configuration("$LATEST")), [layer.as_str()]);
    assert_eq!(
        layers(&function.configuration("1")),
        [function.layer.as_str()]
    );

    let later = function.publish_layer("later.zip", &for_later_hosts());
    let output = function.run(&["swap", NAME, "--layer", &later, "--allow-breaking"]);
    assert_eq!(output.code, Some(5), "{}", output.stderr);
    assert!(
        output.stderr.contains("$LATEST, which is live without an alias, and version 3 have the new layers: `cargo layer rollback mcp-host --to 2` restores the previous state"),
        "{}",
        output.stderr
    );
    let back = function.run(&["rollback", NAME, "--to", "2"]);
    assert_eq!(back.code, Some(0), "{}", back.stderr);
    assert!(
        back.stderr
            .contains("its tools: greet, multiply, add, wipe"),
        "{}",
        back.stderr
    );
}

#[test]
fn a_dry_run_changes_nothing_and_its_commands_can_be_typed() {
    let function = Deployed::behind_alias();
    let layer = function.publish_layer("danger.zip", &with_destructive_tool());
    let output = function.swap(&["--layer", &layer, "--allow-destructive", "--dry-run"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(output.stdout, "");
    assert_eq!(function.lambda.take_changes(), [""; 0]);
    assert_eq!(function.live(), "1");
    let is_command = |line: &&str| {
        let begins = ["aws ", "echo ", "VERSION=", "REVISION=", "curl "];
        begins.iter().any(|begin| line.starts_with(begin))
    };
    let script: Vec<_> = output.stderr.lines().filter(is_command).collect();
    function.account.shell(&script.join("\n"));
    assert_eq!(function.live(), "2");
    assert_eq!(function.tools("live"), ["greet", "multiply", "add", "wipe"]);

    let output = function.swap(&[
        "--layer",
        &layer,
        "--env",
        &format!("MCP_STATE_KEY={KEY}x"),
        "--dry-run",
    ]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output.stderr.contains(r#""MCP_STATE_KEY":"...""#),
        "{}",
        output.stderr
    );
}

#[test]
fn layers_that_cannot_be_downloaded_are_compared_by_copies() {
    let function = Deployed::behind_alias();
    let layer = function.publish_layer("danger.zip", &with_destructive_tool());
    function.lambda.deny_downloads(true);
    let swap = ["--layer", &layer, "--allow-destructive"];
    for (copies, expected) in [
        (
            &[][..],
            "error[LAYER_UNREADABLE]: arn:aws:lambda:eu-west-1:123456789012:layer:tools:1 cannot be downloaded",
        ),
        (
            &["--file", "layer.zip"],
            "layer:tools:2 cannot be downloaded",
        ),
        (
            &[
                "--file",
                "layer.zip",
                "--file",
                "danger.zip",
                "--file",
                "function.zip",
            ],
            "error[COPY_OF_NOTHING]: function.zip is not a copy of any of these layers",
        ),
    ] {
        let output = function.swap(&[&swap, copies].concat());
        assert_eq!(output.code, Some(1), "{}", output.stderr);
        assert!(
            output.stderr.contains(expected),
            "no {expected:?} in {}",
            output.stderr
        );
    }
    assert_eq!(function.lambda.take_changes(), [""; 0]);
    let output =
        function.swap(&[&swap[..], &["--file", "layer.zip", "--file", "danger.zip"]].concat());
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert_eq!(function.live(), "2");
}

#[test]
fn lost_layers_and_impossible_requests_are_refused() {
    let function = Deployed::behind_alias();
    let other = function.account.shell(
        "echo extension >notes.txt && python3 -m zipfile -c other.zip notes.txt &&
        aws lambda publish-layer-version --layer-name other --zip-file fileb://other.zip --query LayerVersionArn --output text",
    );
    let other = other.trim();
    let both = function.swap(&["--layer", &function.layer, other]);
    assert_eq!(both.code, Some(0), "{}", both.stderr);
    function.lambda.take_changes();
    let foreign = function.path("foreign.zip");
    let layer = Layer::of(["custom-tools"]);
    let mut library = layer.read("libcustom_tools.so");
    // The machine in an ELF header: the other CPU.
    library[18] = if library[18] == 0x3e { 0xb7 } else { 0x3e };
    layer.put("libcustom_tools.so", library);
    layer.pack(&foreign);
    let foreign = function.account.shell(
        "aws lambda publish-layer-version --layer-name foreign --zip-file fileb://foreign.zip --query LayerVersionArn --output text",
    );
    function.lambda.take_changes();
    let layer = function.layer.as_str();
    let six = [layer; 6];
    for (arguments, expected) in [
        (
            vec!["--layer", layer],
            "error[LAYER_LOST]: the function would lose arn:aws:lambda:eu-west-1:123456789012:layer:other:1",
        ),
        (
            vec!["--layer", layer, "--layer", foreign.trim()],
            "error[CPU_MIXED]: libcustom_tools.so is for ",
        ),
        (
            [&["--layer"], &six[..]].concat(),
            "error[LAYERS_TOO_MANY]: 6 layers",
        ),
        (
            vec!["--layer", layer, other, "--env", "TOOLS_LIST=gret"],
            "error[TOOLS_LIST_UNMATCHED]",
        ),
        (
            vec!["--layer", layer, other, "--env", "ENTRY_FILE=x"],
            "error[ENTRY_FILE_UNMATCHED]",
        ),
        (
            vec!["--layer", layer, other, "--unset", "NOTHING"],
            "error[VARIABLE_NOT_SET]",
        ),
        (
            vec!["--layer", layer, other, "--env", "NO_SUCH_VARIABLE"],
            "error[NO_VARIABLE]",
        ),
        (
            vec!["--layer", layer, other, "--call", "nothing"],
            "error[TOOL_NOT_READ_ONLY]",
        ),
        (
            vec![
                "--layer",
                "arn:aws:lambda:eu-west-1:123456789012:layer:tools:77",
                other,
            ],
            "error[AWS_FAILED]: aws lambda get-layer-version",
        ),
    ] {
        let output = function.swap(&arguments);
        assert_eq!(output.code, Some(1), "{arguments:?}: {}", output.stderr);
        assert!(
            output.stderr.contains(expected),
            "no {expected:?} in {}",
            output.stderr
        );
    }
    let no_alias = function.run(&["swap", NAME, "--alias", "nobody", "--layer", layer, other]);
    assert_eq!(no_alias.code, Some(1), "{}", no_alias.stderr);
    let wrong = function.swap(&["--layer", "tools"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
    assert_eq!(function.lambda.take_changes(), [""; 0]);
    let dropped = function.swap(&["--layer", layer, "--drop-others"]);
    assert_eq!(dropped.code, Some(0), "{}", dropped.stderr);
    assert_eq!(layers(&function.configuration("live")), [layer]);
}

#[test]
fn a_missing_aws_cli_is_reported_with_its_source() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut swap = Command::new(cargo_layer());
    swap.args([
        "swap",
        NAME,
        "--layer",
        "arn:aws:lambda:eu-west-1:123456789012:layer:tools:1",
    ]);
    let (_, stderr, code) = run_captured(swap.env("PATH", folder.path()));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("error[NO_AWS_CLI]: the AWS CLI is not installed"),
        "{stderr}"
    );
    assert!(stderr.contains("https://aws.amazon.com/cli/"), "{stderr}");
}

#[test]
fn the_region_and_the_profile_are_passed_on() {
    let function = Deployed::behind_alias();
    let elsewhere = ["rollback", NAME, "--alias", "live", "--region", "us-west-2"];
    let output = function.run(&elsewhere);
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output
            .stderr
            .contains("--name live --output json --region us-west-2\n"),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stderr
            .contains("help: check its name and its region"),
        "{}",
        output.stderr
    );
    let unknown = function.run(&["rollback", NAME, "--alias", "live", "--profile", "nobody"]);
    assert!(unknown.stderr.contains("(nobody)"), "{}", unknown.stderr);
}
