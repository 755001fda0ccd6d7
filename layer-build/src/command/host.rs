//! `host`: builds the host and packs it as `bootstrap` into an archive for a function.

use std::path::Path;

use layer_format::sha256;

use crate::{
    archive::write::{self, Entry},
    args,
    build::compile::{self, Target},
    error::CliError,
    exit::Exit,
    library::debug_info,
    terminal::stdout,
};

/// Builds the host and packs it.
pub(crate) fn run(args: &args::build::Host) -> anyhow::Result<Exit> {
    let path = match (&args.out, args.as_layer) {
        (Some(out), _) => out.as_path(),
        (None, false) => Path::new("function.zip"),
        (None, true) => Path::new("host-layer.zip"),
    };
    write::check_writable(path)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/Cargo.toml");
    let Ok(manifest) = fs_err::canonicalize(&source) else {
        return Err(CliError::NoHostSource(source).into());
    };
    message!("building the host, which takes some minutes the first time");
    let target = Target::Bin("bootstrap");
    let bootstrap = compile::for_lambda(
        "mcp-layer-host",
        &manifest,
        target,
        args.platform.resolved(),
        &[],
    )?;
    let split = debug_info::split_debug_info(fs_err::read(&bootstrap)?);
    let content = split.map_err(|error| CliError::Library {
        path: bootstrap,
        problem: error.to_string(),
    })?;
    let content = content.stripped;
    let (size, hash) = (content.len(), sha256(&content));
    let entries = vec![Entry {
        path: "bootstrap".to_owned(),
        content,
        executable: true,
    }];
    let written = write::write(entries, path)?;
    // Lambda unpacks layers into /opt, and also looks for `bootstrap` there.
    let kind = if args.as_layer { "layer" } else { "function" };
    stdout::line(format_args!("{kind}: {}", path.display()))?;
    stdout::line(format_args!("size: {} bytes", written.size))?;
    stdout::line(format_args!("sha256: {}", written.sha256))?;
    stdout::line(format_args!("bootstrap: {size} bytes, sha256 {hash}"))?;
    Ok(Exit::Done)
}
