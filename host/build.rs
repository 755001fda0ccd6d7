//! Lets the linker put side by side what runs at a start, in the program that `cargo layer host` builds.

use std::{env, ffi::OsString, path::Path};

/// Set by `cargo layer host`.
const ASKED: &str = "MCP_LAYER_HOST_ORDER";

fn main() {
    println!("cargo::rerun-if-changed=order.ld");
    println!("cargo::rerun-if-env-changed={ASKED}");
    let set = |name: &str| env::var(name).unwrap_or_default();
    if set(ASKED).is_empty() || set("CARGO_CFG_TARGET_OS") != "linux" || !knows_scripts() {
        return;
    }
    let folder = env::var_os("CARGO_MANIFEST_DIR").map(OsString::into_string);
    if let Some(Ok(folder)) = folder {
        println!("cargo::rustc-link-arg-bins=-T");
        println!("cargo::rustc-link-arg-bins={folder}/order.ld");
    }
}

/// Does the linker know `INSERT`? GNU's and LLVM's do; mold, wild and gold do not.
fn knows_scripts() -> bool {
    let is_other = |linker: &str| {
        ["mold", "wild", "gold"]
            .iter()
            .any(|it| linker.contains(it))
    };
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let linker = Path::new(&linker).file_name().unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let mut chosen = flags.split(['\u{1f}', ',']).filter_map(|flag| {
        let (name, value) = flag.split_once('=')?;
        // `-C link-arg=-fuse-ld=mold`, `-Clinker=/usr/bin/mold`
        let names = ["fuse-ld", "ld-path", "linker"];
        let value = value.rsplit('=').next().unwrap_or(value);
        let is_named = names.iter().any(|it| flag.contains(&format!("{it}=")));
        (is_named && !name.contains("remap")).then_some(value)
    });
    !is_other(&linker.to_string_lossy())
        && !chosen.any(|value| {
            is_other(
                Path::new(value)
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .as_ref(),
            )
        })
}
