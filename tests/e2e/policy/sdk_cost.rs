//! The cost of the SDK for an author: dependencies and size.

use std::process::Command;

use insta::assert_snapshot;
use tests::{
    author_crate::{AuthorCrate, manifest},
    output_of, repository,
};

#[test]
fn a_plugin_of_sync_tools_carries_no_runtime_and_no_validator() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(repository()).args([
        "tree",
        "--package",
        "custom-tools",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{lib}",
    ]);
    let crates = output_of(&mut cargo);
    assert!(crates.lines().any(|line| line == "plugin_sdk"), "{crates}");
    for heavy in ["tokio", "jsonschema", "tool_schema"] {
        assert!(
            !crates.lines().any(|line| line == heavy),
            "{heavy} is among\n{crates}"
        );
    }
}

#[test]
fn an_author_needs_only_the_sdk_as_dependency() {
    let source = r#"
        use plugin_sdk::prelude::*;

        #[data]
        struct Query { city: String, #[serde(default)] days: u8 }

        /// Forecast.
        #[tool(read_only)]
        fn forecast(query: Args<Query>, context: Context) -> Result<Json<Query>, ToolError> {
            plugin_sdk::log::info!("{}", context.request_id());
            if query.days > 7 { Err("no more than a week")?; }
            Ok(Json(query.0))
        }

        export_tools!(forecast);
    "#;
    let (compiles, told) = AuthorCrate::new("plain", &manifest(""), source).check();
    assert!(compiles, "{told}");
}

#[test]
fn an_async_tool_without_the_feature_gets_a_helpful_error() {
    let source = "use plugin_sdk::prelude::*;\n\n/// Wait.\n#[tool]\nasync fn wait() {}\n\nexport_tools!(wait);\n";
    let (compiles, told) = AuthorCrate::new("without-async", &manifest(""), source).check();
    assert!(!compiles);
    let told: Vec<_> = told.lines().take(5).collect();
    assert_snapshot!(told.join("\n"), @r#"
    error: async tools need the feature `async` of plugin-sdk: write `features = ["async"]` at this dependency in Cargo.toml
     --> src/lib.rs:5:1
      |
    5 | async fn wait() {}
      | ^^^^^
    "#);
    let (compiles, told) = AuthorCrate::new("with-async", &manifest("\"async\""), source).check();
    assert!(compiles, "{told}");
}
