//! The platforms of functions, and the tools to build and run programs for them.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::{
    error::CliError,
    library::glibc::{AMAZON_LINUX_2023, Glibc},
};

/// A platform to build for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Platform {
    pub(crate) arch: Arch,
    /// The newest glibc version that the built files may need.
    pub(crate) glibc: Glibc,
}

impl Platform {
    /// Returns the platform of a Lambda function that has the CPU of this machine.
    pub(crate) fn native() -> Self {
        Self {
            arch: Arch::native(),
            glibc: AMAZON_LINUX_2023,
        }
    }

    /// Returns the target name of `cargo-zigbuild`.
    pub(crate) fn zig_target(self) -> String {
        let Glibc(major, minor) = self.glibc;
        format!("{}.{major}.{minor}", self.arch.target())
    }
}

/// A CPU architecture that Lambda supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arch {
    /// Intel and AMD
    X86_64,
    /// AWS Graviton
    Arm64,
}

impl Arch {
    /// Returns the CPU of this machine.
    pub(crate) fn native() -> Self {
        if cfg!(target_arch = "aarch64") {
            Self::Arm64
        } else {
            Self::X86_64
        }
    }

    /// Reports whether a program built for this machine runs on Lambda.
    pub(crate) fn is_native(self) -> bool {
        self == Self::native() && cfg!(target_os = "linux")
    }

    /// Returns the name of the CPU that Rust and manifests use.
    pub(crate) fn cpu(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    /// Returns the target triple of Rust's compiler.
    pub(crate) fn target(self) -> String {
        format!("{}-unknown-linux-gnu", self.cpu())
    }
}

/// Checks that everything that is necessary to build for this CPU with zig is installed.
///
/// # Errors
/// The missing program, and how to install it.
pub(crate) fn check_zig(arch: Arch) -> Result<(), CliError> {
    if !has_zigbuild() {
        return Err(CliError::NoZig(arch.target()));
    }
    if has_target(arch) {
        Ok(())
    } else {
        Err(CliError::NoTarget(arch.target()))
    }
}

/// Reports whether cargo-zigbuild is installed, and zig in a place where cargo-zigbuild finds it.
pub(crate) fn has_zigbuild() -> bool {
    let has_zig = std::env::var_os("CARGO_ZIGBUILD_ZIG_PATH").is_some()
        || succeeds(Command::new("zig").arg("version"))
        || ["python3", "python"]
            .iter()
            .any(|python| succeeds(Command::new(python).args(["-m", "ziglang", "version"])));
    has_zig && succeeds(Command::new("cargo-zigbuild").arg("--version"))
}

/// Reports whether the standard library for this CPU is installed for Rust's compiler.
pub(crate) fn has_target(arch: Arch) -> bool {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let output = rustc
        .args(["--print", "target-libdir", "--target", &arch.target()])
        .output();
    output.is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success() && PathBuf::from(folder).is_dir()
    })
}

/// Reports whether a program runs and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Returns the path of qemu's emulator for programs of this CPU, if it is installed.
pub(crate) fn emulator(cpu: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = [format!("qemu-{cpu}-static"), format!("qemu-{cpu}")];
    let mut candidates = std::env::split_paths(&path)
        .flat_map(|folder| names.each_ref().map(|name| folder.join(name)));
    candidates.find(|candidate| candidate.is_file())
}
