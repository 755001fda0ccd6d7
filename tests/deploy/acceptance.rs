//! `deploy/acceptance`: the commands that it would run. They need an account, so they are read and not run.

use std::process::Command;

use tests::{output_of, repository, run_captured};

/// Returns a command for the script, in a shell without AWS CLI, account and `cargo layer`.
fn acceptance(arguments: &[&str]) -> Command {
    let mut bash = Command::new("bash");
    bash.arg(repository().join("deploy/acceptance"))
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    bash
}

/// Returns the commands of a dry run.
fn commands(arguments: &[&str]) -> Vec<String> {
    let output = output_of(acceptance(&["--dry-run"]).args(arguments));
    let commands = output.lines().filter_map(|line| line.strip_prefix("+ "));
    commands.map(str::to_owned).collect()
}

/// Returns the value of a flag.
fn value<'a>(command: &'a str, flag: &str) -> Option<&'a str> {
    let mut words = command.split(' ').skip_while(|word| *word != flag);
    words.nth(1)
}

/// Returns the position of the first command that begins so, from another position on.
fn position(commands: &[String], from: usize, begin: &str) -> usize {
    let found = commands[from..]
        .iter()
        .position(|command| command.starts_with(begin));
    from + found.unwrap_or_else(|| panic!("no {begin} behind command {from} of {commands:#?}"))
}

#[test]
fn bash_can_parse_the_script() {
    let script = repository().join("deploy/acceptance");
    output_of(Command::new("bash").arg("-n").arg(script));
}

#[test]
fn the_dry_run_lists_all_steps_in_order() {
    let commands = commands(&["--call", "greet", "--arguments", r#"{"name":"Ada"}"#]);
    let mut from = 0;
    for begin in [
        "cargo layer check layer.zip --host function.zip",
        "cargo layer build --manifest-path",
        "aws iam create-role",
        "aws iam put-role-policy",
        "aws dynamodb create-table",
        "aws logs create-log-group",
        "cargo layer publish layer.zip",
        "cargo layer token",
        "aws lambda create-function ",
        "aws lambda publish-version",
        "aws lambda invoke",
        "aws lambda create-alias",
        "aws lambda create-function-url-config",
        "aws lambda add-permission",
        "aws lambda add-permission",
        "cargo layer verify https://URL/mcp --token-env MCP_TOKEN --layer layer.zip --call greet",
        "cargo layer tools --url https://URL/mcp --token-env MCP_TOKEN --era modern",
        "cargo layer tools --url https://URL/mcp --token-env MCP_TOKEN --era legacy",
        "curl ",
        "aws lambda update-function-configuration",
        "aws lambda invoke",
        "aws logs filter-log-events",
        "cargo layer publish conformance.zip",
        "cargo layer swap",
        "cargo layer verify",
        "python3 proxy.py https://URL/mcp",
        "node_modules/node/bin/node",
        "node_modules/node/bin/node",
        "cargo layer rollback",
        "cargo layer verify",
        "aws lambda delete-function",
        "aws lambda list-layer-versions",
        "aws lambda delete-layer-version",
        "aws logs delete-log-group",
        "aws dynamodb delete-table",
        "aws iam delete-role-policy",
        "aws iam delete-role ",
    ] {
        from = position(&commands, from, begin) + 1;
    }
    assert_eq!(from, commands.len(), "nothing else follows: {commands:#?}");
}

#[test]
fn the_tear_down_deletes_exactly_the_created_resources() {
    let commands = commands(&[]);
    // The deletion of a function includes its versions, its alias, its URL and the permissions of the URL.
    let kinds = [
        (
            "aws iam create-role ",
            "aws iam delete-role ",
            "--role-name",
        ),
        (
            "aws iam put-role-policy ",
            "aws iam delete-role-policy ",
            "--policy-name",
        ),
        (
            "aws dynamodb create-table ",
            "aws dynamodb delete-table ",
            "--table-name",
        ),
        (
            "aws logs create-log-group ",
            "aws logs delete-log-group ",
            "--log-group-name",
        ),
        (
            "aws lambda create-function ",
            "aws lambda delete-function ",
            "--function-name",
        ),
    ];
    let names = |begin: &str, flag: &str| {
        let found = commands.iter().filter(|command| command.starts_with(begin));
        let names = found.map(|command| value(command, flag).expect("a name").to_owned());
        names.collect::<Vec<_>>()
    };
    for (make, delete, flag) in kinds {
        let made = names(make, flag);
        assert_eq!(made.len(), 1, "{make}: {commands:#?}");
        assert_eq!(made, names(delete, flag), "{make}");
    }
    let layers = names("cargo layer publish ", "--name");
    assert_eq!(layers.len(), 2, "{commands:#?}");
    assert_eq!(
        layers,
        names("aws lambda delete-layer-version ", "--layer-name")
    );

    // All other commands that create or delete something are listed here.
    let verb = |command: &String| {
        let mut words = command.strip_prefix("aws ")?.split(' ');
        Some(format!("{} {}", words.next()?, words.next()?))
    };
    let verbs = commands.iter().filter_map(verb);
    let mut others: Vec<_> = verbs
        .filter(|verb| verb.contains(" create-") || verb.contains(" delete-"))
        .filter(|verb| {
            let begin = format!("aws {verb} ");
            !kinds.iter().any(|kind| kind.0 == begin || kind.1 == begin)
        })
        .collect();
    others.dedup();
    assert_eq!(
        others,
        [
            "lambda create-alias",
            "lambda create-function-url-config",
            "lambda delete-layer-version"
        ]
    );
}

#[test]
fn names_are_unique_per_run() {
    let name = || {
        let commands = commands(&[]);
        let made = &commands[position(&commands, 0, "aws iam create-role ")];
        value(made, "--role-name").expect("a name").to_owned()
    };
    let (one, other) = (name(), name());
    assert!(one.starts_with("mcp-acceptance-"), "{one}");
    assert_ne!(one, other);
}

#[test]
fn the_requested_number_of_cold_starts_is_forced() {
    for (given, expected) in [("1", 1), ("7", 7)] {
        let commands = commands(&["--cold-starts", given]);
        let forced = commands
            .iter()
            .filter(|command| command.starts_with("aws lambda update-function-configuration "));
        assert_eq!(forced.count(), expected, "{commands:#?}");
    }
}

#[test]
fn keep_prints_the_tear_down_commands() {
    let output = output_of(&mut acceptance(&["--dry-run", "--keep"]));
    let (_, kept) = output
        .split_once("# Kept. To tear it down:\n")
        .expect(&output);
    for part in ["delete-function", "delete-table", "delete-role "] {
        assert!(kept.contains(part), "{part}: {kept}");
    }
}

#[test]
fn missing_prerequisites_and_wrong_usage_stop_the_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (stdout, stderr, code) = run_captured(acceptance(&["--yes"]).current_dir(folder.path()));
    assert_eq!((stdout.as_str(), code), ("", Some(1)), "{stderr}");
    for missing in [
        "cargo-layer: cargo install --path layer-build",
        "function.zip: cargo layer host --arch x86_64",
        "layer.zip: cargo layer build --arch x86_64",
    ] {
        assert!(stderr.contains(missing), "{missing}: {stderr}");
    }
    for wrong in [
        &["--arch", "mips"][..],
        &["--cold-starts", "0"],
        &["--cold-starts", "08"],
        &["--call"],
        &["--cal"],
    ] {
        let (stdout, stderr, code) = run_captured(&mut acceptance(wrong));
        assert_eq!(
            (stdout.as_str(), code),
            ("", Some(2)),
            "{wrong:?}: {stderr}"
        );
    }
}
