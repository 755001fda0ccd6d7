//! Lets the linker put side by side what runs at a start, in the program as it is deployed.

use std::env;

/// Linkers that do not know what is in a linker script. Source: the documentation of mold, "Linker script", and of wild.
const OTHERS: [&str; 2] = ["mold", "wild"];

fn main() {
    println!("cargo::rerun-if-changed=order.ld");
    let set = |name: &str| env::var(name).unwrap_or_default();
    let linker = set("CARGO_ENCODED_RUSTFLAGS") + &set("RUSTC_LINKER");
    let knows_scripts = !OTHERS.iter().any(|other| linker.contains(other));
    // While the host is developed nobody waits for it to start, but for the linker.
    let is_release = set("PROFILE") == "release";
    if is_release && set("CARGO_CFG_TARGET_OS") == "linux" && knows_scripts {
        let folder = set("CARGO_MANIFEST_DIR");
        println!("cargo::rustc-link-arg-bins=-T");
        println!("cargo::rustc-link-arg-bins={folder}/order.ld");
    }
}
