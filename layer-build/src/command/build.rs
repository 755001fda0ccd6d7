//! `build`: plugins are built and packed into a layer.

use crate::{
    archive::write,
    args::build::Build,
    build::{
        compile::Profile,
        layer::{self, BuildOptions, Label},
        packages,
    },
    exit::Exit,
    terminal::stdout,
};

/// Build, and print what came of it.
pub(crate) fn run(args: &Build) -> anyhow::Result<Exit> {
    write::check_out(&args.out)?;
    let packages = packages::find(&args.packages.selection())?;
    let options = BuildOptions {
        profile: Profile::Layer,
        platform: args.platform.chosen(),
        includes: &args.includes,
    };
    let layer = layer::build(
        &packages,
        &options,
        &Label::of(&args.label(), &packages)?,
        &args.out,
    )?;
    stdout::line(layer)?;
    Ok(Exit::Done)
}
