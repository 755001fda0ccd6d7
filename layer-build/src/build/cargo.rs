//! Finds the cargo to run: the one that runs this program, else the one in the PATH, else rustup's. (Programs that are
//! started from a desktop often have a PATH without cargo.)

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::MetadataCommand;

/// The environment variables in which cargo describes the current package to the processes it starts.
///
/// They are removed from the environment of every cargo that this program runs. Otherwise, whenever `cargo layer` runs
/// after a test or benchmark or vice versa, build scripts that read them (such as that of `ring`) would run again, and
/// all crates that depend on them would be compiled again.
const PACKAGE_VARIABLES: [&str; 7] = [
    "CARGO_BIN_",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TARGET_TMPDIR",
    "OUT_DIR",
];

/// Returns a command for cargo.
pub(crate) fn command() -> Command {
    without_package_variables(Command::new(program()))
}

/// Returns a command for cargo-zigbuild, which runs cargo.
pub(crate) fn zigbuild() -> Command {
    without_package_variables(Command::new("cargo-zigbuild"))
}

fn without_package_variables(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        let is_package_variable = |name: &str| {
            PACKAGE_VARIABLES
                .iter()
                .any(|known| name == *known || known.ends_with('_') && name.starts_with(known))
        };
        if name.to_str().is_some_and(is_package_variable) {
            command.env_remove(name);
        }
    }
    command
}

/// Returns a command for `cargo metadata`.
pub(crate) fn metadata() -> MetadataCommand {
    let mut command = MetadataCommand::new();
    command.cargo_path(program());
    command
}

/// Returns cargo's own folder.
pub(crate) fn home() -> Option<PathBuf> {
    let set = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    set.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

fn program() -> OsString {
    if let Some(cargo) = std::env::var_os("CARGO") {
        return cargo;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).any(|folder| has_cargo(&folder));
    match home().map(|home| home.join("bin")) {
        Some(folder) if !in_path && has_cargo(&folder) => folder.join("cargo").into(),
        _ => "cargo".into(),
    }
}

fn has_cargo(folder: &Path) -> bool {
    folder.join("cargo").is_file()
}
