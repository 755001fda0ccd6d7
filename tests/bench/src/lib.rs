//! Builds the programs and plugins to measure, as they are deployed.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;
use cargo_metadata::Message;
use serde_json::{Value, json};
use tests::{repository, sha256_of};
use xxhash_rust::xxh3::xxh3_64;

/// The tool name of the plugin `renamable`; others of the same width replace it.
const TOOL_NAME: &str = "tool_000";

/// The number of plugins and tools of the large cases.
pub const MANY: usize = 100;

/// Programs, and folders of plugins.
#[derive(Debug)]
pub struct Artifacts {
    /// The empty function.
    pub empty_function: PathBuf,
    /// The host.
    pub host: PathBuf,
    /// The host with its symbols.
    pub host_with_symbols: PathBuf,
    /// The peer.
    pub peer: PathBuf,
    /// One plugin of three tools.
    pub three: PathBuf,
    /// A hundred plugins of one tool.
    pub plugins: PathBuf,
    /// One plugin of a hundred tools.
    pub tools: PathBuf,
    /// One plugin with an HTTP client.
    pub http: PathBuf,
    /// One plugin with the AWS SDK.
    pub aws: PathBuf,
}

/// Builds all of it, if need be.
///
/// # Errors
/// Cargo or `cargo layer` cannot build something; they have printed the reason.
pub fn build() -> anyhow::Result<Artifacts> {
    let target = target()?;
    let folder = folder()?;
    let zip = folder.join("function.zip");
    let function = folder.join("function");
    build_unpacked(&["host"], &zip, &function)?;
    Ok(Artifacts {
        empty_function: build_release(repository(), "baseline", target)?,
        peer: build_release(
            &repository().join("tests/bench/rmcp"),
            "rmcp-peer",
            &folder.join("rmcp"),
        )?,
        three: layer("custom-tools")?,
        tools: layer("hundred-tools")?,
        http: layer("http-tools")?,
        aws: layer("aws-sdk")?,
        plugins: multiply_plugin(&layer("renamable")?, &folder.join("plugins"))?,
        host: function.join("bootstrap"),
        host_with_symbols: target.join("host/bootstrap"),
    })
}

/// Returns the `lib` of a layer of one plugin, built by `cargo layer build`.
///
/// # Errors
/// It cannot be built; `cargo layer` has printed the reason.
pub fn layer(package: &str) -> anyhow::Result<PathBuf> {
    let folder = folder()?;
    let zip = folder.join(format!("{package}.zip"));
    let layer = folder.join(package);
    build_unpacked(&["build", "--package", package], &zip, &layer)?;
    Ok(layer.join("lib"))
}

/// Returns the folder of the artifacts, and makes it if need be.
///
/// # Errors
/// It cannot be made.
pub fn folder() -> anyhow::Result<PathBuf> {
    let folder = target()?.join("bench");
    fs_err::create_dir_all(&folder)?;
    Ok(folder)
}

/// Returns cargo's target folder: that of the harness is in it.
fn target() -> anyhow::Result<&'static Path> {
    tests::target()
        .parent()
        .context("the harness has a target folder")
}

/// Unpacks the output of `cargo layer` with these arguments.
fn build_unpacked(arguments: &[&str], zip: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(tests::cargo_layer());
    command.current_dir(repository()).stdin(Stdio::null());
    command.args(arguments).arg("--out").arg(zip);
    let status = command.stdout(Stdio::null()).status()?;
    anyhow::ensure!(status.success(), "{command:?} fails");
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    tests::unzip(zip, folder);
    Ok(())
}

/// Builds a program as people deploy one: fast, stripped, by fat LTO.
fn build_release(workspace: &Path, package: &str, target: &Path) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(workspace).stdin(Stdio::null());
    command.args([
        "build",
        "--locked",
        "--release",
        "--message-format=json-render-diagnostics",
    ]);
    command.args(["--package", package]);
    for setting in [
        "opt-level=3",
        r#"lto="fat""#,
        "codegen-units=1",
        r#"strip="symbols""#,
    ] {
        command.args(["--config", &format!("profile.release.{setting}")]);
    }
    let output = command
        .env("CARGO_TARGET_DIR", target)
        .stderr(Stdio::inherit())
        .output()?;
    anyhow::ensure!(output.status.success(), "{command:?} fails");
    let programs =
        Message::parse_stream(output.stdout.as_slice()).filter_map(|message| match message {
            Ok(Message::CompilerArtifact(artifact)) => artifact.executable,
            _ => None,
        });
    let program = programs.last().context("cargo reports no program")?;
    Ok(program.into_std_path_buf())
}

/// Makes a layer of many plugins from a layer of one: each library with another name of its tool in it, and an entry in
/// the manifest.
fn multiply_plugin(one: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    if folder.exists() {
        fs_err::remove_dir_all(folder)?;
    }
    fs_err::create_dir_all(folder)?;
    let library = fs_err::read(one.join("librenamable.so"))?;
    let mut manifest: Value =
        serde_json::from_slice(&fs_err::read(one.join("renamable.layer.json"))?)?;
    let entry = manifest["plugins"][0].take();
    let entries = (0..MANY).map(|number| {
        let name = format!("tool_{number:03}");
        let file = format!("librenamable_{number:03}.so");
        let library = rename_tool(library.clone(), &name);
        // Members stay in their order, so that the text of the declaration still has its digest.
        let declaration = entry["declaration"].to_string().replace(TOOL_NAME, &name);
        let mut entry = entry.clone();
        entry["file"] = json!(file);
        entry["sha256"] = json!(sha256_of(&library));
        let xxh3 = |bytes: &[u8]| format!("{:016x}", xxh3_64(bytes));
        entry["xxh3"] =
            json!({ "file": xxh3(&library), "declaration": xxh3(declaration.as_bytes()) });
        entry["digest"] = json!(sha256_of(declaration.as_bytes()));
        entry["declaration"] = serde_json::from_str(&declaration)?;
        fs_err::write(folder.join(&file), library)?;
        anyhow::Ok(entry)
    });
    manifest["plugins"] = entries.collect::<anyhow::Result<Vec<_>>>()?.into();
    fs_err::write(folder.join("renamable.layer.json"), manifest.to_string())?;
    Ok(folder.to_owned())
}

fn rename_tool(mut library: Vec<u8>, name: &str) -> Vec<u8> {
    let mut begin = 0;
    while let Some(found) = library[begin..]
        .windows(name.len())
        .position(|bytes| bytes == TOOL_NAME.as_bytes())
    {
        library[begin + found..][..name.len()].copy_from_slice(name.as_bytes());
        begin += found + name.len();
    }
    library
}
