//! The compilers, crates and libraries of this machine.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{command::output_of, folders::repository};

/// Returns the toolchains of rustup; none without rustup.
pub fn toolchains() -> Vec<String> {
    let Ok(output) = Command::new("rustup").args(["toolchain", "list"]).output() else {
        return Vec::new();
    };
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// Returns the version output of the compiler of a toolchain, or of the one of these tests.
pub fn rustc_version(toolchain: Option<&str>) -> String {
    let mut rustc = Command::new("rustc");
    if let Some(toolchain) = toolchain {
        rustc.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    output_of(rustc.arg("--version")).trim().to_owned()
}

/// Returns a shared library that this very process has loaded, and that is no plugin.
pub fn system_library() -> PathBuf {
    let maps = fs_err::read_to_string("/proc/self/maps").expect("Linux tells what is mapped");
    let mut libraries = maps
        .lines()
        .filter_map(|line| Some(format!("/{}", line.split_once('/')?.1)));
    libraries
        .find(|path| path.contains("/libc.so") || path.contains("/libc-"))
        .expect("a C library")
        .into()
}

/// Returns a file of a crate of the lock file, as cargo has it.
pub fn crate_file(package: &str, file: &str) -> PathBuf {
    let manifest = repository().join("Cargo.toml");
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--manifest-path"]);
    let metadata = output_of(command.arg(manifest));
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|found| found["name"] == package);
    let manifest = package.and_then(|found| found["manifest_path"].as_str());
    let manifest = manifest.expect("the lock file has it");
    Path::new(manifest).with_file_name(file)
}
