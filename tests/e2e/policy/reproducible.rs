//! The same sources give the same bytes.

use std::{
    io::{Cursor, Read},
    path::Path,
    process::Command,
};

use tests::{Layer, cargo_layer, output_of, repository, sha256, target};

#[test]
fn building_a_layer_in_another_folder_from_nothing_gives_the_same_bytes() {
    // Other folders for the sources and for the output, so that no earlier build is reused.
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

#[test]
fn a_crate_elsewhere_that_has_the_sdk_by_its_path_names_no_folder_of_this_machine() {
    let folder = tempfile::Builder::new().prefix("else where ").tempdir();
    let folder = folder.expect("a temporary folder");
    let [one, two] = ["one", "another one"].map(|name| folder.path().join(name));
    for place in [&one, &two] {
        fs_err::create_dir(place).expect("a folder");
        let mut new = Command::new(cargo_layer());
        let sdk = repository().join("plugin-sdk");
        new.args(["layer", "new", "mine", "--sdk"]).arg(sdk);
        output_of(new.current_dir(place));
    }
    // The user's own flags apply as well, and cargo's folder may have blanks in its name.
    let home = std::env::home_dir().expect("a home").join(".cargo");
    let home = std::env::var_os("CARGO_HOME").map_or(home, Into::into);
    let blank = folder.path().join("cargo's own");
    std::os::unix::fs::symlink(&home, &blank).expect("a link");
    let built = [(&one, &home), (&two, &blank)].map(|(place, home)| {
        let sources = place.join("mine");
        let mut build = Command::new(cargo_layer());
        build
            .args(["layer", "build"])
            .current_dir(&sources)
            .env("CARGO_TARGET_DIR", place.join("what is built"))
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_HOME", home)
            .env("RUSTFLAGS", " --cfg  mine ");
        output_of(&mut build);
        fs_err::read(sources.join("layer.zip")).expect("a layer")
    });
    let mut layer = zip::ZipArchive::new(Cursor::new(&built[0])).expect("an archive");
    let mut library = Vec::new();
    let mut file = layer.by_name("lib/libmine.so").expect("the library");
    file.read_to_end(&mut library).expect("the library");
    let text = String::from_utf8_lossy(&library);
    assert!(
        text.contains("/src/plugin-sdk/src/"),
        "the SDK has panics of its own"
    );
    for place in [repository(), folder.path(), &home] {
        let place = place.display().to_string();
        assert!(!text.contains(&place), "{place} is named");
    }
    assert_eq!(built[0], built[1]);
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
