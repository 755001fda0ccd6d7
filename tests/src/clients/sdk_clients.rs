//! The clients of the official SDKs, in Python, TypeScript and Rust, with what they need under `target/e2e`.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::build::{locked, output_of, repository, target};

/// A script of `tests/clients/python` in a virtual environment that has the official SDK.
pub fn python_client(script: &str) -> Command {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    let python = PYTHON.get_or_init(|| venv("python", "requirements.txt").join("bin/python"));
    let mut command = Command::new(python);
    command.arg(repository().join("tests/clients/python").join(script));
    command
}

/// A script of `tests/clients/python` beside AWS's own client that invokes a function instead of posting to a URL.
pub fn invoking_client(script: &str) -> Command {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    let python =
        PYTHON.get_or_init(|| venv("invoking", "requirements-invoking.txt").join("bin/python"));
    let mut command = Command::new(python);
    command.arg(repository().join("tests/clients/python").join(script));
    command.env("HOME", "/nonexistent");
    command
}

/// The virtual environment of this name with what a file of `tests/clients/python` asks for.
pub(crate) fn venv(name: &str, requirements: &str) -> PathBuf {
    venv_by(name, requirements, &[])
}

/// The same with nothing that is not in the file.
pub(crate) fn venv_without_dependencies(name: &str, requirements: &str) -> PathBuf {
    venv_by(name, requirements, &["--no-deps"])
}

fn venv_by(name: &str, requirements: &str, options: &[&str]) -> PathBuf {
    let requirements = repository().join("tests/clients/python").join(requirements);
    prepared(name, &requirements, |venv| {
        let mut command = Command::new("python3");
        match command.args(["-m", "venv"]).arg(venv).output() {
            Ok(made) if made.status.success() => {}
            Ok(made) => panic!("{VENV_IS_MISSING}\n{}", text(&made.stderr)),
            Err(error) => panic!("{PYTHON_IS_MISSING}: {error}"),
        }
        let mut pip = Command::new(venv.join("bin/python"));
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]);
        pip.args(options).arg("--requirement");
        output_of(pip.arg(&requirements));
    })
}

/// A program that finds the AWS CLI in its PATH.
pub fn aws_cli(program: &str) -> Command {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| venv("aws-cli", "requirements-aws.txt").join("bin"));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command.env("PATH", format!("{}:{path}", folder.display()));
    // It would look for credentials and settings of whoever runs the tests.
    command.env("HOME", "/nonexistent");
    command
}

/// A script of `tests/clients/node` beside the official SDKs, by the Node.js that is installed with them.
pub fn node_client(script: &str) -> Command {
    // Node looks for modules beside the script.
    let beside = node_modules().with_file_name(script);
    let source = repository().join("tests/clients/node").join(script);
    let copied = locked("node", || fs_err::copy(source, &beside));
    copied.expect("a script that can be copied");
    let mut command = node();
    command.arg(beside);
    command
}

/// The command line of the MCP Inspector.
pub fn inspector() -> Command {
    let package = "@modelcontextprotocol/inspector";
    let mut command = node_program(package, "clients/launcher/build/index.js");
    command.arg("--cli");
    // It would keep files in the user's home.
    command.env("HOME", target().join("inspector"));
    command
}

/// The client of `tests/clients/rmcp`, built.
pub fn rust_client() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--manifest-path"]);
        cargo.arg(repository().join("tests/clients/rmcp/Cargo.toml"));
        let built = target().join("rmcp");
        output_of(cargo.arg("--target-dir").arg(&built));
        built.join("debug/rmcp-client")
    });
    Command::new(program)
}

/// A program of the npm package `package`, by the file that starts it.
pub(crate) fn node_program(package: &str, file: &str) -> Command {
    let mut command = node();
    command.arg(node_modules().join(package).join(file));
    command
}

/// The Node.js that npm installed: that of the machine may be too old.
pub(crate) fn node() -> Command {
    Command::new(node_modules().join("node/bin/node"))
}

/// What `tests/clients/node` asks for, installed.
pub(crate) fn node_modules() -> &'static Path {
    static MODULES: OnceLock<PathBuf> = OnceLock::new();
    MODULES.get_or_init(|| {
        let folder = repository().join("tests/clients/node");
        let place = prepared("node", &folder.join("package-lock.json"), |place| {
            fs_err::create_dir_all(place).expect("target/e2e/node can be made");
            for file in ["package.json", "package-lock.json"] {
                let copied = fs_err::copy(folder.join(file), place.join(file));
                copied.expect("a file that can be copied");
            }
            let mut npm = Command::new("npm");
            npm.args(["ci", "--silent", "--no-audit", "--no-fund"]);
            match npm.current_dir(place).output() {
                Ok(done) if done.status.success() => {}
                Ok(done) => panic!("{npm:?}: {}\n{}", done.status, text(&done.stderr)),
                Err(error) => panic!("{NPM_IS_MISSING}: {error}"),
            }
        });
        place.join("node_modules")
    })
}

const NPM_IS_MISSING: &str = "npm is needed to test with the official TypeScript SDK; install it (Debian: apt-get install npm)";

const PYTHON_IS_MISSING: &str = "python3 is needed to test with the official Python SDK and with moto; install it (Debian: apt-get install python3 python3-venv)";

const VENV_IS_MISSING: &str = "python3 cannot make a virtual environment; install what it needs (Debian: apt-get install python3-venv)";

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// A folder made by `make`, and made anew when `description` has changed since.
pub(crate) fn prepared(name: &str, description: &Path, make: impl FnOnce(&Path)) -> PathBuf {
    locked(name, || {
        let folder = target().join(name);
        let mark = folder.join(".made-from");
        let wanted = fs_err::read_to_string(description).expect("a readable file");
        if fs_err::read_to_string(&mark).is_ok_and(|made| made == wanted) {
            return folder;
        }
        // Half made, or made from something else.
        let _ = fs_err::remove_dir_all(&folder);
        make(&folder);
        fs_err::write(&mark, wanted).expect("a mark can be left");
        folder
    })
}
