//! Packages from the registries of Python and npm, installed once under `target/e2e`.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{
    command::output_of,
    folders::{locked, repository, target},
};

/// Returns the virtual environment of this name with the requirements of a file of `tests/clients/python`.
pub(crate) fn venv(name: &str, requirements: &str) -> PathBuf {
    venv_by(name, requirements, &[])
}

/// Returns a virtual environment with only the packages in the file.
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

/// Returns a command for a program of the npm package `package`, by the file that starts it.
pub(crate) fn node_program(package: &str, file: &str) -> Command {
    let mut command = node();
    command.arg(node_modules().join(package).join(file));
    command
}

/// Returns a command for the Node.js that npm installed: the machine's own may be too old.
pub(crate) fn node() -> Command {
    Command::new(node_modules().join("node/bin/node"))
}

/// Returns the installed packages of `tests/clients/node`.
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

/// Returns a folder made by `make`, and made again when `description` has changed since.
pub(crate) fn prepared(name: &str, description: &Path, make: impl FnOnce(&Path)) -> PathBuf {
    locked(name, || {
        let folder = target().join(name);
        let mark = folder.join(".made-from");
        let wanted = fs_err::read_to_string(description).expect("a readable file");
        if fs_err::read_to_string(&mark).is_ok_and(|made| made == wanted) {
            return folder;
        }
        // It is half made, or made from something else.
        let _ = fs_err::remove_dir_all(&folder);
        make(&folder);
        fs_err::write(&mark, wanted).expect("a mark can be left");
        folder
    })
}
