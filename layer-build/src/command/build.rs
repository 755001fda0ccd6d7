//! `build`: builds plugins and packs them into a layer.

use crate::{
    archive::write,
    args::build::Build,
    build::{
        compile::Profile,
        layer::{self, BuildOptions, LayerMetadata},
        packages,
    },
    exit::Exit,
    terminal::stdout,
};

/// Builds the layer, and prints a summary.
pub(crate) fn run(args: &Build) -> anyhow::Result<Exit> {
    write::check_writable(&args.out)?;
    let packages = packages::find(&args.packages.selection())?;
    let options = BuildOptions {
        profile: Profile::Layer,
        platform: args.platform.resolved(),
        includes: &args.includes,
    };
    let layer = layer::build(
        &packages,
        &options,
        &LayerMetadata::from_options(&args.metadata(), &packages)?,
        &args.out,
    )?;
    stdout::line(layer)?;
    Ok(Exit::Done)
}
