//! Passes a linker script to the linker when `cargo layer host` builds the program. The script puts the functions that
//! run at startup next to each other.

use std::{env, ffi::OsString, path::Path};

/// The environment variable that `cargo layer host` sets.
const VARIABLE: &str = "MCP_LAYER_HOST_ORDER";

/// The parts of compiler flags that select a linker. Source: the rustc book, "Codegen Options", and the manuals of GCC
/// and clang.
const LINKER_FLAGS: [&str; 3] = ["fuse-ld=", "ld-path=", "linker="];

/// The names of linkers that do not support the script.
const UNSUPPORTED_LINKERS: [&str; 3] = ["gold", "mold", "wild"];

fn main() {
    println!("cargo::rerun-if-changed=link-order.ld");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let set = |name: &str| env::var(name).unwrap_or_default();
    if set(VARIABLE).is_empty() || set("CARGO_CFG_TARGET_OS") != "linux" || !supports_scripts() {
        return;
    }
    let folder = env::var_os("CARGO_MANIFEST_DIR").map(OsString::into_string);
    if let Some(Ok(folder)) = folder {
        println!("cargo::rustc-link-arg-bins=-T");
        println!("cargo::rustc-link-arg-bins={folder}/link-order.ld");
    }
}

/// Reports whether the linker supports the script's command `INSERT`. The linkers of GNU and LLVM do, other linkers do
/// not.
fn supports_scripts() -> bool {
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // Such flags are `-C link-arg=-fuse-ld=mold` and `-Clinker=/usr/bin/mold`.
    let is_choice = |flag: &&str| LINKER_FLAGS.iter().any(|choice| flag.contains(choice));
    let chosen = flags.split(['\u{1f}', ',']).filter(is_choice);
    let chosen = chosen.filter_map(|flag| flag.rsplit('=').next());
    // Only the file name is compared, because folders may have any names.
    let mut names = chosen
        .chain([linker.as_str()])
        .filter_map(|path| Path::new(path).file_name()?.to_str());
    !names.any(|name| UNSUPPORTED_LINKERS.iter().any(|other| name.contains(other)))
}
