//! What the SDK asks of an author.

use std::{path::PathBuf, process::Command};

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

/// A crate outside of this repository.
pub(crate) struct Crate(PathBuf);

impl Crate {
    /// With this in its manifest, where `SDK` stands for the folder of plugin-sdk, and this source.
    pub(crate) fn new(name: &str, manifest: &str, source: &str) -> Self {
        let folder = target().join("authors").join(name);
        let sdk = repository().join("plugin-sdk");
        fs_err::create_dir_all(folder.join("src")).expect("a folder");
        let manifest = format!(
            "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n{}\n[workspace]\n",
            manifest.replace("SDK", &sdk.to_string_lossy())
        );
        fs_err::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
        fs_err::write(folder.join("src/lib.rs"), source).expect("a source");
        // The versions that are known to be there.
        let lock = repository().join("Cargo.lock");
        fs_err::copy(lock, folder.join("Cargo.lock")).expect("a lock file");
        Self(folder)
    }

    fn cargo(&self, command: &str) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args([command, "--quiet", "--color", "never"])
            .current_dir(&self.0)
            .env("CARGO_TARGET_DIR", target().join("authors/target"));
        cargo
    }

    /// The library that it becomes.
    pub(crate) fn library(&self) -> PathBuf {
        output_of(&mut self.cargo("build"));
        let name = self.0.file_name().expect("a name").to_string_lossy();
        let file = format!("lib{}.so", name.replace('-', "_"));
        target().join("authors/target/debug").join(file)
    }

    /// Does it compile? And what cargo says of it.
    fn check(&self) -> (bool, String) {
        let output = self.cargo("check").output().expect("cargo can be run");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
}

/// The SDK as the only dependency, with these features.
pub(crate) fn manifest(features: &str) -> String {
    format!(
        "[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n[dependencies]\nplugin-sdk = {{ path = \"SDK\", features = [{features}] }}\n"
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
    let (compiles, told) = Crate::new("plain", &manifest(""), source).check();
    assert!(compiles, "{told}");
}

#[test]
fn an_async_tool_without_the_feature_is_told_what_to_do() {
    let source = "use plugin_sdk::prelude::*;\n\n/// Wait.\n#[tool]\nasync fn wait() {}\n\nexport_tools!(wait);\n";
    let (compiles, told) = Crate::new("without-async", &manifest(""), source).check();
    assert!(!compiles);
    let told: Vec<_> = told.lines().take(5).collect();
    assert_snapshot!(told.join("\n"), @r#"
    error: async tools need the feature `async` of plugin-sdk: write `features = ["async"]` at this dependency in Cargo.toml
     --> src/lib.rs:5:1
      |
    5 | async fn wait() {}
      | ^^^^^
    "#);
    let (compiles, told) = Crate::new("with-async", &manifest("\"async\""), source).check();
    assert!(compiles, "{told}");
}
