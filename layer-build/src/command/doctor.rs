//! `doctor`: lists the programs that are missing on this machine, and how to install them.

use std::process::Command;

use semver::Version;

use crate::{
    exit::Exit,
    library::platform::{self, Arch},
    terminal::stdout,
};

/// The oldest Rust that builds the SDK and the host. Source: `rust-version` of the workspace.
const MIN_RUST: &str = env!("CARGO_PKG_RUST_VERSION");

/// A program or component that is needed, and whether it was found.
struct Need {
    what: &'static str,
    /// Its version, if it is installed.
    found: Option<String>,
    /// Its purpose, if it is not always needed.
    only_for: Option<&'static str>,
    remedy: String,
}

/// Checks all needs, and prints what is missing.
pub(crate) fn run() -> anyhow::Result<Exit> {
    let needs = needs();
    for need in &needs {
        let Need {
            what,
            found,
            only_for,
            remedy,
        } = need;
        let purpose = only_for.map(|purpose| format!(" (for {purpose})"));
        let purpose = purpose.unwrap_or_default();
        match found {
            Some(version) => stdout::line(format_args!("ok       {what}{purpose}: {version}"))?,
            None => stdout::line(format_args!(
                "missing  {what}{purpose}\n         help: {remedy}"
            ))?,
        }
    }
    let lacks = |need: &Need| need.found.is_none() && need.only_for.is_none();
    Ok(if needs.iter().any(lacks) {
        Exit::Failed
    } else {
        Exit::Done
    })
}

fn needs() -> Vec<Need> {
    let other = match Arch::native() {
        Arch::X86_64 => Arch::Arm64,
        Arch::Arm64 => Arch::X86_64,
    };
    let target = other.target();
    let tool = |what, program, only_for, remedy: &str| Need {
        what,
        found: version(program),
        only_for,
        remedy: remedy.to_owned(),
    };
    vec![
        Need {
            what: "Rust",
            found: version("rustc").filter(|version| is_new_enough(version, MIN_RUST)),
            only_for: None,
            remedy: match version_error("rustc") {
                // This happens, for example, if `rustc` is rustup's and rust-toolchain.toml requires a toolchain that
                // is not installed.
                Some(version_error) => format!("`rustc --version` fails: {version_error}"),
                None => format!(
                    "install Rust {MIN_RUST} or later from https://rustup.rs, or run `rustup update`"
                ),
            },
        },
        tool("cargo", "cargo", None, "https://rustup.rs"),
        tool(
            "a C compiler, for linking",
            "cc",
            None,
            "`apt-get install gcc libc6-dev`, or `dnf install gcc`",
        ),
        tool("git", "git", Some("new"), "`apt-get install git`"),
        Need {
            what: "cargo-zigbuild and zig",
            found: platform::has_zigbuild().then(|| version("cargo-zigbuild").unwrap_or_default()),
            only_for: Some("--arch of another CPU, or if this system's glibc is too new"),
            remedy: "`pip install cargo-zigbuild ziglang`".to_owned(),
        },
        Need {
            what: "Rust's standard library for the other CPU",
            found: platform::has_target(other).then(|| target.clone()),
            only_for: Some("--arch of another CPU"),
            remedy: format!("`rustup target add {target}`"),
        },
        Need {
            what: "qemu-user",
            found: platform::emulator(other.cpu()).map(|path| path.display().to_string()),
            only_for: Some("`check` of a layer for another CPU"),
            remedy: "`apt-get install qemu-user-static`, and the C library of that CPU".to_owned(),
        },
        tool(
            "the AWS CLI",
            "aws",
            Some("deployment"),
            "https://aws.amazon.com/cli/",
        ),
    ]
}

/// Returns the first line of a program's version output.
fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().to_owned())
}

/// Returns the first line that a program prints on stderr if its `--version` fails.
fn version_error(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    (!output.status.success()).then(|| line.trim().to_owned())
}

/// Reports whether `rustc 1.95.0 (59807616e 2026-04-14)` is at least this version, written `1.94` or `1.94.1`.
fn is_new_enough(rustc: &str, oldest: &str) -> bool {
    let found = rustc
        .split_whitespace()
        .nth(1)
        .and_then(|version| Version::parse(version).ok());
    let mut numbers = oldest.split('.').map(str::parse);
    let mut number = || numbers.next().and_then(Result::ok).unwrap_or_default();
    let oldest = (number(), number(), number());
    found.is_some_and(|found| (found.major, found.minor, found.patch) >= oldest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_rust_are_compared_as_numbers() {
        for (rustc, oldest, expected) in [
            ("rustc 1.9.0 (0 2016-01-01)", "1.89", false),
            ("rustc 1.88.0 (0 2025-01-01)", "1.89", false),
            ("rustc 1.89.0 (0 2025-01-01)", "1.89", true),
            ("rustc 1.89.0 (0 2025-01-01)", "1.89.1", false),
            ("rustc 1.89.1 (0 2025-01-01)", "1.89.1", true),
            ("rustc 1.100.0-nightly (0 2027-01-01)", "1.89.1", true),
            ("rustc", "1.89", false),
        ] {
            assert_eq!(
                is_new_enough(rustc, oldest),
                expected,
                "{rustc} for {oldest}"
            );
        }
    }
}
