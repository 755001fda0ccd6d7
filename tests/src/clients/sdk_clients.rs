//! The clients of the official SDKs, in Python, TypeScript and Rust, with their packages under `target/e2e`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{
    command::output_of,
    folders::{locked, repository, target},
    packages::{node, node_modules, node_program, venv},
};

/// Returns a command for a script of `tests/clients/python` in a virtual environment that has the official SDK.
pub fn python_client(script: &str) -> Command {
    python(&repository().join("tests/clients/python").join(script))
}

fn python(script: &Path) -> Command {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    let python = PYTHON.get_or_init(|| venv("python", "requirements.txt").join("bin/python"));
    let mut command = Command::new(python);
    command.arg(script);
    command
}

/// Returns a command for a script of `tests/clients/python` beside AWS's own client that invokes a function instead of
/// posting to a URL.
pub fn invoking_client(script: &str) -> Command {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    let python =
        PYTHON.get_or_init(|| venv("invoking", "requirements-invoking.txt").join("bin/python"));
    let mut command = Command::new(python);
    command.arg(repository().join("tests/clients/python").join(script));
    command.env("HOME", "/nonexistent");
    command
}

/// Returns a command for a script of `tests/clients/node` beside the official SDKs, by the Node.js that is installed
/// with them.
pub fn node_client(script: &str) -> Command {
    javascript(&repository().join("tests/clients/node").join(script))
}

fn javascript(script: &Path) -> Command {
    // Node looks for modules beside the script.
    let name = script.file_name().expect("a file");
    let beside = node_modules().with_file_name(name);
    let copied = locked("node", || fs_err::copy(script, &beside));
    copied.expect("a script that can be copied");
    let mut command = node();
    command.arg(beside);
    command
}

/// Returns the command line of the MCP Inspector.
pub fn inspector() -> Command {
    let package = "@modelcontextprotocol/inspector";
    let mut command = node_program(package, "clients/launcher/build/index.js");
    command.arg("--cli");
    // It would keep files in the user's home.
    command.env("HOME", target().join("inspector"));
    command
}

/// Builds the client of `tests/clients/rmcp`, and returns a command for it.
pub fn rust_client() -> Command {
    rust("rmcp-client")
}

/// Returns the examples of `docs/client/examples`, in Python, TypeScript and Rust. Each takes the URL of a server.
pub fn client_examples() -> [Command; 3] {
    let examples = repository().join("docs/client/examples");
    [
        python(&examples.join("call.py")),
        javascript(&examples.join("call.ts")),
        rust("example"),
    ]
}

fn rust(program: &str) -> Command {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--manifest-path"]);
        cargo.arg(repository().join("tests/clients/rmcp/Cargo.toml"));
        let built = target().join("rmcp");
        output_of(cargo.arg("--target-dir").arg(&built));
        built.join("debug")
    });
    Command::new(programs.join(program))
}
