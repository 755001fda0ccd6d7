//! Declarations: how tests see them, and those that hosts refuse.

use std::{env, fs, process::Command};

use plugin_sdk::{
    __private::{ExportedTool, Exports, Names, NoState, StateCell, ToolFn, header, no_state},
    prelude::*,
    serde_json::{Value, json},
    testing::{Plugin, plugin},
};

use crate::panic_of;

#[test]
fn tools_are_found_by_the_names_that_clients_see() {
    let names = [
        "look",
        "tell",
        "fail",
        "wait",
        "waitTooLong",
        "work",
        "stubborn",
        "structured",
        "numbers",
        "strictly",
        "trip",
        "askWrongly",
        "count",
        "keep",
    ];
    assert_eq!(plugin().names(), names);
    assert_eq!(
        plugin().declaration()["tools"].as_array().map(Vec::len),
        Some(names.len())
    );
    assert_eq!(
        panic_of(|| plugin().tool("wait_too_long")),
        format!(
            "no tool is named \"wait_too_long\"; the tools are {}",
            names.join(", ")
        )
    );
    let look = plugin().tool("look");
    assert_eq!(look.declaration()["timeoutMs"], 3_600_000);
    assert_eq!(
        look.declaration()["tool"]["annotations"],
        json!({"readOnlyHint": true})
    );
    assert_eq!(
        look.input_schema()["properties"]["header"]["description"],
        "A header's name."
    );
    assert_eq!(
        look.output_schema(),
        Some(&json!({"type": "array", "items": {"type": "string"}}))
    );
    assert_eq!(plugin().tool("tell").output_schema(), None);
}

/// The plugin of one tool.
macro_rules! only {
    ($tool:ident) => {{
        struct Only;
        impl Exports for Only {
            const CRATE_NAME: &'static str = "only";
            const CRATE_VERSION: &'static str = "0.0.0";
            const NAMES: Names = Names {
                prefix: "",
                as_written: false,
            };
            const TOOLS: &'static [ExportedTool] = &[ExportedTool {
                tool: $tool::TOOL,
                state: no_state::<NoState>,
            }];

            fn state() -> &'static StateCell {
                static STATE: StateCell = StateCell::new();
                &STATE
            }
        }
        panic_of(|| Plugin::from_header(&header::<Only>()))
    }};
}

#[test]
fn a_declaration_that_hosts_refuse_panics_with_the_reason() {
    #[tool(description = "-", input_schema = "{")]
    fn no_json(_args: Args<Value>) {}

    #[tool(
        description = "-",
        input_schema = r#"{"type":"object","properties":1}"#
    )]
    fn no_schema(_args: Args<Value>) {}

    #[tool(
        description = "-",
        input_schema = "{}",
        output_schema = r#"{"type":"thing"}"#
    )]
    fn no_object(_args: Args<Value>) -> ToolResult {
        ToolResult::new()
    }

    #[tool(description = "-")]
    fn a_list(_args: Args<Vec<u8>>) {}

    #[tool(description = "-")]
    fn bad_default(#[arg(default = panic!("no default"))] _x: u8) {}

    #[tool(description = "-")]
    fn refused_default(
        #[arg(default = 10)]
        #[schemars(range(max = 6))]
        _x: u8,
        #[arg(default = f64::INFINITY)] _y: f64,
    ) {
    }

    for (message, fragments) in [
        (
            only!(refused_default),
            &[
                "tool refusedDefault: the default of /_x must be an integer from 0 to 6, not 10",
                "tool refusedDefault: the default of /_y must be a number, not null",
            ][..],
        ),
        (
            only!(no_json),
            &[
                "the plugin's initialization failed: ",
                r#"no_json: the input_schema \"{\" is not JSON: EOF"#,
            ][..],
        ),
        (
            only!(no_schema),
            &["the inputSchema of tool noSchema is not a valid JSON Schema (2020-12)"],
        ),
        (
            only!(no_object),
            &[
                "the outputSchema of tool noObject is not a valid JSON Schema (2020-12)",
                "the inputSchema of tool noObject does not have \"type\": \"object\" at its root",
            ],
        ),
        (
            only!(a_list),
            &["the inputSchema of tool aList does not have \"type\": \"object\" at its root"],
        ),
        (
            only!(bad_default),
            &["the plugin's initialization failed: ", "no default at "],
        ),
    ] {
        for fragment in fragments {
            assert!(message.contains(fragment), "{fragment}\n{message}");
        }
    }
}

const FILE: &str = "PLUGIN_SDK_TEST_FILE";

/// In a process of its own, where the environment says what to do.
#[test]
fn the_declared_tools_are_those_in_a_file() {
    if let Ok(file) = env::var(FILE) {
        plugin().assert_declared_as(file);
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tools.json");
    let run = |file: &std::path::Path, update: bool| {
        let mut child = Command::new(env::current_exe().expect("this binary"));
        child.args([
            "--exact",
            "declarations::the_declared_tools_are_those_in_a_file",
        ]);
        child.env(FILE, file);
        child.env_remove("UPDATE_DECLARATION");
        if update {
            child.env("UPDATE_DECLARATION", "1");
        }
        let output = child.output().expect("this binary runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let advice = "run the test with UPDATE_DECLARATION=1 in the environment to write it";

    let (passed, text) = run(&file, false);
    assert!(
        !passed && text.contains("tools.json: ") && text.contains(advice),
        "{text}"
    );
    let (passed, text) = run(&file, true);
    assert!(passed, "{text}");
    let written = fs::read_to_string(&file).expect("it was written");
    let tools: Value = plugin_sdk::serde_json::from_str(&written).expect("JSON");
    assert_eq!(tools, plugin().declaration()["tools"]);
    let (passed, text) = run(&file, false);
    assert!(passed, "{text}");

    let changed = written.replacen("\"look\"", "\"looked\"", 1);
    assert_ne!(changed, written);
    fs::write(&file, changed).expect("a file");
    let (passed, text) = run(&file, false);
    assert!(
        !passed && text.contains("from line 4 on") && text.contains(advice),
        "{text}"
    );
    let (passed, _) = run(&file, true);
    assert!(passed);
    assert_eq!(fs::read_to_string(&file).ok(), Some(written));

    let (passed, text) = run(&folder.path().join("missing/tools.json"), true);
    assert!(!passed && text.contains("missing/tools.json: "), "{text}");
}
