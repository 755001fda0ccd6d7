//! Lets the linker put side by side what runs at a start, in the program that `cargo layer host` builds.

use std::{env, ffi::OsString, path::Path};

/// Set by `cargo layer host`.
const ASKED: &str = "MCP_LAYER_HOST_ORDER";

/// By what flags a linker is chosen. Source: the rustc book, "Codegen Options", and the manuals of GCC and clang.
const CHOICES: [&str; 3] = ["fuse-ld=", "ld-path=", "linker="];

/// Linkers for whom the script is none.
const OTHERS: [&str; 3] = ["gold", "mold", "wild"];

fn main() {
    println!("cargo::rerun-if-changed=link-order.ld");
    println!("cargo::rerun-if-env-changed={ASKED}");
    let set = |name: &str| env::var(name).unwrap_or_default();
    if set(ASKED).is_empty() || set("CARGO_CFG_TARGET_OS") != "linux" || !knows_scripts() {
        return;
    }
    let folder = env::var_os("CARGO_MANIFEST_DIR").map(OsString::into_string);
    if let Some(Ok(folder)) = folder {
        println!("cargo::rustc-link-arg-bins=-T");
        println!("cargo::rustc-link-arg-bins={folder}/link-order.ld");
    }
}

/// Does the linker know `INSERT`? GNU's and LLVM's do; the others do not.
fn knows_scripts() -> bool {
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    // `-C link-arg=-fuse-ld=mold`, `-Clinker=/usr/bin/mold`
    let is_choice = |flag: &&str| CHOICES.iter().any(|choice| flag.contains(choice));
    let chosen = flags.split(['\u{1f}', ',']).filter(is_choice);
    let chosen = chosen.filter_map(|flag| flag.rsplit('=').next());
    // Folders may be called whatever they are.
    let mut names = chosen
        .chain([linker.as_str()])
        .filter_map(|path| Path::new(path).file_name()?.to_str());
    !names.any(|name| OTHERS.iter().any(|other| name.contains(other)))
}
