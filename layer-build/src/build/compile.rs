//! Compiles one package with cargo, and returns the artifact.
//!
//! Each plugin is compiled by a separate call of cargo: within one call, cargo unifies features, so each plugin would
//! get the features that the others need.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::Context;
use cargo_metadata::{Artifact, CrateType, Message};

use crate::{
    build::cargo,
    error::CliError,
    library::{
        elf,
        platform::{self, Platform},
    },
};

/// The profile to compile with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For development: cargo's `dev`.
    Dev,
    /// For deployment. It is a separate profile, because a workspace may use `[profile.release]` for other purposes.
    Layer,
}

/// The target of a package to compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The package's `cdylib`.
    Plugin,
    /// The host's binary of this name.
    Bin(&'static str),
}

/// The linker to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linker {
    /// The linker of this machine, which links for this machine.
    Native,
    /// zig, which links against the glibc version of the platform.
    Zig(Platform),
}

/// A folder of this machine, and the name that replaces it in a layer.
pub(crate) type Remap = (PathBuf, String);

/// Compiles for a platform, and returns the path of the artifact.
///
/// Uses the linker of this machine; if the result would need a newer glibc than the platform has, uses zig.
pub(crate) fn for_lambda(
    package: &str,
    manifest: &Path,
    target: Target,
    platform: Platform,
    remaps: &[Remap],
) -> anyhow::Result<PathBuf> {
    let compile_with = |linker| compile(package, manifest, target, Profile::Layer, linker, remaps);
    if !platform.arch.is_native() {
        platform::check_zig(platform.arch)?;
        return compile_with(Linker::Zig(platform));
    }
    let built = compile_with(Linker::Native)?;
    let Err(too_new) = elf::check_glibc(&built, platform.glibc) else {
        return Ok(built);
    };
    if platform::check_zig(platform.arch).is_err() {
        return Err(too_new);
    }
    let too_new = too_new.to_string();
    let reason = too_new.lines().next().unwrap_or_default();
    message!("{reason}; building {package} again with zig");
    let built = compile_with(Linker::Zig(platform))?;
    elf::check_glibc(&built, platform.glibc)?;
    Ok(built)
}

/// Compiles, and returns the path of the artifact.
pub(crate) fn compile(
    package: &str,
    manifest: &Path,
    target: Target,
    profile: Profile,
    linker: Linker,
    remaps: &[Remap],
) -> anyhow::Result<PathBuf> {
    let mut command = match linker {
        Linker::Native => cargo::command(),
        Linker::Zig(_) => cargo::zigbuild(),
    };
    command.args(["rustc", "--message-format=json-render-diagnostics"]);
    command.args(["--package", package]);
    command.arg("--manifest-path").arg(manifest);
    match target {
        // If a crate is also an rlib, cargo would build both without this, and then skip LTO.
        Target::Plugin => command.args(["--lib", "--crate-type", "cdylib"]),
        Target::Bin(name) => command.args(["--bin", name]),
    };
    if let Linker::Zig(platform) = linker {
        command.args(["--target", &platform.zig_target()]);
    }
    if profile == Profile::Layer {
        set_deployment_profile(&mut command, target);
        set_rustflags(&mut command, target, remaps);
        command.args(["--", "-C", "link-arg=-Wl,--build-id=sha1"]);
        if let Target::Bin(_) = target {
            // Place the host at a fixed address. That avoids about 27,000 relocations, which would touch 120 pages of
            // memory before `main`. Plugins, libraries, the heap and the stacks still get random addresses.
            command.args(["-C", "relocation-model=static"]);
        } else {
            // Let the loader find other libraries of the layer, which are in the same folder.
            command.args(["-C", "link-arg=-Wl,-rpath,$ORIGIN"]);
            // If an arithmetic overflow happens in a tool, the tool should fail, as in the profile `dev`, and not
            // return a wrong number. This applies only to the author's own crate, where it costs almost nothing. (An
            // override in the profile for one package would do the same, but then cargo does not strip the symbols of
            // that package.)
            command.args(["-C", "overflow-checks=on"]);
        }
    }
    let output = command
        .stderr(Stdio::inherit())
        .stdin(Stdio::null())
        .output()
        .context("cargo cannot be run")?;
    if !output.status.success() {
        return Err(CliError::Compile {
            package: package.to_owned(),
        }
        .into());
    }
    let artifacts =
        Message::parse_stream(output.stdout.as_slice()).filter_map(|message| match message {
            Ok(Message::CompilerArtifact(artifact)) => Some(artifact),
            _ => None,
        });
    artifacts
        .filter_map(|artifact| artifact_path(&artifact, manifest, target, linker))
        .last()
        .ok_or_else(|| no_artifact_error(package, target).into())
}

/// Sets the profile. The host's profile is defined in its workspace. The profile `layer`, for plugins, is defined on
/// the command line, because the workspace of a plugin may be any workspace.
fn set_deployment_profile(command: &mut Command, target: Target) {
    if let Target::Bin(_) = target {
        command.args(["--profile", "host"]);
        // Detecting CPU features takes longer than parsing all headers of the first request, because in a virtual
        // machine the hypervisor handles the instruction for it.
        command.env("CARGO_CFG_HTTPARSE_DISABLE_SIMD", "1");
        // Read by host/build.rs.
        command.env("MCP_LAYER_HOST_ORDER", "1");
        return;
    }
    command.args(["--profile", "layer"]);
    for setting in [
        r#"inherits="release""#,
        r#"lto="fat""#,
        "codegen-units=1",
        r#"opt-level="s""#,
        // Panics must be caught where the host calls the plugin.
        r#"panic="unwind""#,
        // The library is stripped later, and its symbols are stored separately.
        r#"strip="none""#,
        r#"debug="line-tables-only""#,
        "incremental=false",
    ] {
        command.args(["--config", &format!("profile.layer.{setting}")]);
    }
}

/// Sets the flags for every crate that is compiled.
///
/// Messages of panics contain the paths of source files. For dependencies, these would by default be paths on this
/// machine. (For sources in the workspace, cargo uses paths relative to it.)
fn set_rustflags(command: &mut Command, target: Target, remaps: &[Remap]) {
    let cargo_home = cargo::home().map(|home| (home, "/cargo".to_owned()));
    // If several flags match, the last one applies. So a nested folder must come after the folder that contains it.
    let flags = cargo_home.iter().chain(remaps);
    let flags = flags.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let mut flags: Vec<_> = flags.collect();
    if let Target::Bin(_) = target {
        // With this mangling, functions have different symbols that would have the same symbol with the other: see
        // host/link-order.ld.
        flags.push("-Csymbol-mangling-version=v0".to_owned());
    }
    // If one of these environment variables is set, cargo ignores the configuration, so the flags must be added to the
    // variable.
    let encoded = std::env::var("CARGO_ENCODED_RUSTFLAGS").ok();
    match encoded.or_else(|| Some(encoded_flags(&std::env::var("RUSTFLAGS").ok()?))) {
        Some(set) => {
            let all = [set].into_iter().chain(flags);
            let all = all.filter(|flag| !flag.is_empty()).collect::<Vec<_>>();
            command.env("CARGO_ENCODED_RUSTFLAGS", all.join(RUSTFLAGS_SEPARATOR));
        }
        None => {
            let flags = serde_json::Value::from(flags);
            let flags = format!("build.rustflags={flags}");
            command.args(["--config", &flags]);
        }
    }
}

/// The separator of flags in `CARGO_ENCODED_RUSTFLAGS`, whose flags may contain blanks, unlike those in `RUSTFLAGS`.
const RUSTFLAGS_SEPARATOR: &str = "\u{1f}";

/// Returns the flags of `RUSTFLAGS`, split as cargo does.
fn encoded_flags(flags: &str) -> String {
    let flags = flags.split(' ').map(str::trim);
    let flags: Vec<_> = flags.filter(|flag| !flag.is_empty()).collect();
    flags.join(RUSTFLAGS_SEPARATOR)
}

fn artifact_path(
    artifact: &Artifact,
    manifest: &Path,
    target: Target,
    linker: Linker,
) -> Option<PathBuf> {
    let suffix = match linker {
        Linker::Native => std::env::consts::DLL_EXTENSION,
        Linker::Zig(_) => "so",
    };
    if artifact.manifest_path.as_std_path() != manifest {
        return None;
    }
    match target {
        Target::Plugin if artifact.target.crate_types.contains(&CrateType::CDyLib) => {
            let is_library = |path: &&_| {
                AsRef::<Path>::as_ref(path)
                    .extension()
                    .is_some_and(|extension| extension == suffix)
            };
            artifact
                .filenames
                .iter()
                .find(is_library)
                .map(|path| path.clone().into_std_path_buf())
        }
        Target::Plugin => None,
        Target::Bin(_) => artifact
            .executable
            .clone()
            .map(cargo_metadata::camino::Utf8PathBuf::into_std_path_buf),
    }
}

fn no_artifact_error(package: &str, target: Target) -> CliError {
    let (artifact, help) = match target {
        Target::Plugin => (
            "shared library",
            "set crate-type = [\"cdylib\"] under [lib], and do not set `panic` to anything but \"unwind\"",
        ),
        Target::Bin(_) => ("program", "the package needs a binary of that name"),
    };
    CliError::NoArtifact {
        package: package.to_owned(),
        artifact,
        help,
    }
}
