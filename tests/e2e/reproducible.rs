//! The same sources give the same bytes.

use std::{path::Path, process::Command};

use tests::{Layer, cargo_layer, output_of, repository, sha256, target};

#[test]
fn building_a_layer_in_another_folder_from_nothing_gives_the_same_bytes() {
    // Another folder for the sources and another for what is built, so that nothing is found that was built before.
    let folder = tempfile::Builder::new().prefix("other sources ").tempdir();
    let folder = folder.expect("a temporary folder");
    let copy =
        "tar --create --exclude=./target --exclude=./.git . | tar --extract --directory \"$0\"";
    output_of(
        Command::new("sh")
            .args(["-ec", copy])
            .arg(folder.path())
            .current_dir(repository()),
    );
    let elsewhere = target().join("elsewhere");
    let _ = fs_err::remove_dir_all(&elsewhere);

    let first = build(
        "first.zip",
        repository(),
        target().parent().expect("cargo's target folder"),
    );
    let second = build("second.zip", folder.path(), &elsewhere);
    let hash = told(&first, "sha256: ");
    assert_eq!(hash, told(&second, "sha256: "));
    assert_eq!(hash, sha256(&target().join("first.zip")));
    assert_eq!(hash, sha256(&target().join("second.zip")));
    assert_eq!(told(&first, "ENTRY_FILE="), "libcustom_tools.so");
    assert_eq!(told(&first, "TOOLS_LIST="), "greet,multiply,add");
}

#[test]
fn a_plugins_library_is_the_same_built_alone_or_together_with_others() {
    let (alone, together) = (
        Layer::of(["custom-tools"]),
        Layer::of(["time-tools", "custom-tools"]),
    );
    let library = |layer: &Layer| sha256(&layer.plugin_dir().join("libcustom_tools.so"));
    assert_eq!(library(&alone), library(&together));
}

fn build(name: &str, sources: &Path, target_dir: &Path) -> String {
    let mut command = Command::new(cargo_layer());
    command
        .args(["layer", "build", "--package", "custom-tools", "--out"])
        .arg(target().join(name));
    output_of(
        command
            .current_dir(sources)
            .env("CARGO_TARGET_DIR", target_dir),
    )
}

fn told<'a>(output: &'a str, label: &str) -> &'a str {
    let line = output.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label:?} in {output}"))
}
