//! The cargo to run: that which runs this program, else that of the PATH, else where rustup puts it. (Programs that a desktop
//! starts often have a PATH without it.)

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use cargo_metadata::MetadataCommand;

/// A command for cargo.
pub(crate) fn command() -> Command {
    Command::new(program())
}

/// A question for `cargo metadata`.
pub(crate) fn metadata() -> MetadataCommand {
    let mut command = MetadataCommand::new();
    command.cargo_path(program());
    command
}

/// Cargo's own folder.
pub(crate) fn home() -> Option<PathBuf> {
    let set = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    set.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

fn program() -> OsString {
    if let Some(cargo) = std::env::var_os("CARGO") {
        return cargo;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).any(|folder| is_there(&folder));
    match home().map(|home| home.join("bin")) {
        Some(folder) if !in_path && is_there(&folder) => folder.join("cargo").into(),
        _ => "cargo".into(),
    }
}

fn is_there(folder: &Path) -> bool {
    folder.join("cargo").is_file()
}
