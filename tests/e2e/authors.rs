//! What the SDK asks of an author.

use std::process::Command;

use insta::assert_snapshot;
use tests::{output_of, repository, target};

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

/// A crate of someone who has the SDK as only dependency. Gives what cargo says of it.
fn check(name: &str, features: &str, source: &str) -> (bool, String) {
    let folder = target().join("authors").join(name);
    let sdk = repository().join("plugin-sdk");
    fs_err::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = format!(
        "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n\
         [dependencies]\nplugin-sdk = {{ path = {sdk:?}, features = [{features}] }}\n\n[workspace]\n",
    );
    fs_err::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs_err::write(folder.join("src/lib.rs"), source).expect("a source");
    // The versions that are known to be there.
    fs_err::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--color", "never"])
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", target().join("authors/target"))
        .output()
        .expect("cargo can be run");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn an_author_needs_no_dependency_but_the_sdk() {
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
    let (compiles, told) = check("plain", "", source);
    assert!(compiles, "{told}");
}

#[test]
fn an_async_tool_without_the_feature_is_told_what_to_do() {
    let source = "use plugin_sdk::prelude::*;\n\n/// Wait.\n#[tool]\nasync fn wait() {}\n\nexport_tools!(wait);\n";
    let (compiles, told) = check("without-async", "", source);
    assert!(!compiles);
    let told: Vec<_> = told.lines().take(5).collect();
    assert_snapshot!(told.join("\n"), @r#"
    error: async tools need the feature `async` of plugin-sdk: write `features = ["async"]` at this dependency in Cargo.toml
     --> src/lib.rs:5:1
      |
    5 | async fn wait() {}
      | ^^^^^
    "#);
    let (compiles, told) = check("with-async", "\"async\"", source);
    assert!(compiles, "{told}");
}
