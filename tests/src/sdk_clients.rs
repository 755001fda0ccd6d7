//! The clients of the official SDKs, in Python and TypeScript, with what they need under `target/e2e`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::build::{locked, output_of, repository, target};

/// Run a script of `tests/clients/python` in a virtual environment that has the official SDK; gives its stdout.
pub fn python_client(script: &str, args: &[&str]) -> String {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    let folder = repository().join("tests/clients/python");
    let python = PYTHON.get_or_init(|| {
        let requirements = folder.join("requirements.txt");
        prepared("python", &requirements, |venv| {
            let made = Command::new("python3").args(["-m", "venv"]).arg(venv).output();
            match made {
                Ok(made) if made.status.success() => {}
                Ok(made) => panic!(
                    "python3 cannot make a virtual environment; install it (Debian: apt-get install python3-venv)\n{}",
                    String::from_utf8_lossy(&made.stderr)
                ),
                Err(error) => panic!(
                    "python3 is needed to test with the official Python SDK; install it (Debian: apt-get install python3 python3-venv): {error}"
                ),
            }
            let mut pip = Command::new(venv.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
            output_of(pip.arg(&requirements));
        })
        .join("bin/python")
    });
    output_of(Command::new(python).arg(folder.join(script)).args(args))
}

/// Run a script of `tests/clients/node` beside the official SDKs; gives its stdout.
pub fn node_client(script: &str, args: &[&str]) -> String {
    static MODULES: OnceLock<PathBuf> = OnceLock::new();
    let folder = repository().join("tests/clients/node");
    let modules = MODULES.get_or_init(|| {
        let lock = folder.join("package-lock.json");
        prepared("node", &lock, |place| {
            fs_err::create_dir_all(place).expect("target/e2e/node can be made");
            for file in ["package.json", "package-lock.json"] {
                fs_err::copy(folder.join(file), place.join(file)).expect("a file that can be copied");
            }
            let mut npm = Command::new("npm");
            npm.args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(place);
            if let Err(error) = npm.output().map(|output| assert!(output.status.success(), "npm ci: {output:?}")) {
                panic!("npm is needed to test with the official TypeScript SDK; install it (Debian: apt-get install nodejs npm, version 20 or later): {error}");
            }
        })
    });
    // Node looks for modules beside the script.
    let script_here = modules.join(script);
    locked("node", || fs_err::copy(folder.join(script), &script_here))
        .expect("a script that can be copied");
    output_of(Command::new("node").arg(script_here).args(args))
}

/// A folder made by `make`, and made anew when `description` has changed since.
fn prepared(name: &str, description: &Path, make: impl FnOnce(&Path)) -> PathBuf {
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
