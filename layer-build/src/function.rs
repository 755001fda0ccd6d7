//! The function: the host as `bootstrap` in a zip.

use std::path::Path;

use host::plugin::manifest::sha256;

use crate::{
    archive::{self, Entry},
    cli,
    compile::{self, Profile, Target},
    elf,
    error::Failure,
};

/// Build the host and pack it.
#[expect(clippy::print_stdout, reason = "the data that was asked for")]
pub(crate) fn build(args: &cli::Host) -> anyhow::Result<()> {
    archive::check_out(&args.out)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/Cargo.toml");
    let Ok(manifest) = fs_err::canonicalize(&source) else {
        return Err(Failure::NoHostSource(source).into());
    };
    eprintln!("building the host, which takes some minutes the first time");
    let bootstrap = compile::compile("host", &manifest, Target::Bin("bootstrap"), Profile::Layer)?;
    elf::check_glibc(&bootstrap)?;
    let content = fs_err::read(&bootstrap)?;
    let (size, hash) = (content.len(), sha256(&content));
    let entries = vec![Entry {
        path: "bootstrap".to_owned(),
        content,
        executable: true,
    }];
    let written = archive::write(entries, &args.out)?;
    println!("function: {}", args.out.display());
    println!("size: {} bytes", written.size);
    println!("sha256: {}", written.sha256);
    println!("bootstrap: {size} bytes, sha256 {hash}");
    Ok(())
}
