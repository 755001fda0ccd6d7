//! A layer, built by `cargo layer build` and unpacked as Lambda unpacks it.

use std::{
    collections::HashMap,
    fs::Permissions,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tempfile::TempDir;

use crate::{
    build::{archive::unzip, cargo_layer},
    command::output_of,
    folders::{locked, repository, target},
};

/// A folder in the place of `/opt`.
#[derive(Clone, Debug)]
pub struct Layer {
    opt: Arc<TempDir>,
    zips: Vec<PathBuf>,
}

impl Layer {
    /// Builds the layer of these packages.
    pub fn of<const N: usize>(packages: [&str; N]) -> Self {
        Self::unpacked(vec![build(&packages)])
    }

    /// Unpacks the layer in this archive.
    pub fn from_archive(zip: &Path) -> Self {
        Self::unpacked(vec![zip.to_owned()])
    }

    /// Unpacks several layers over each other in this order.
    pub fn merged<'a>(layers: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::unpacked(
            layers
                .into_iter()
                .flat_map(|layer| layer.zips.clone())
                .collect(),
        )
    }

    /// Builds the layer of one package with another toolchain of rustup's.
    pub fn built_with_toolchain(toolchain: &str, package: &str) -> Self {
        let zip = target().join(format!("{package}-{toolchain}.zip"));
        let mut command = Command::new(cargo_layer());
        command.args(["build", "--package", package, "--out"]);
        command
            .arg(&zip)
            .current_dir(repository())
            .env("RUSTUP_TOOLCHAIN", toolchain)
            // The cargo of these tests would win over it.
            .env_remove("CARGO")
            .env("CARGO_TARGET_DIR", target().join(toolchain));
        output_of(&mut command);
        Self::unpacked(vec![zip])
    }

    /// Creates a layer of one library, unchanged and without a manifest.
    pub fn from_library(library: &Path) -> Self {
        let layer = Self::empty();
        let name = library.file_name().expect("a library has a name");
        layer.put_library(&name.to_string_lossy(), library);
        layer
    }

    fn unpacked(zips: Vec<PathBuf>) -> Self {
        let opt = tempfile::Builder::new()
            .prefix("opt-")
            .tempdir_in(target())
            .expect("a temporary folder");
        for zip in &zips {
            unzip(zip, opt.path());
        }
        Self {
            opt: Arc::new(opt),
            zips,
        }
    }

    /// Returns the folder of the libraries: `/opt/lib`.
    pub fn plugin_dir(&self) -> PathBuf {
        self.opt.path().join("lib")
    }

    /// Removes a file from its lib folder. (Only this copy changes: every [`Layer::of`] is a new one.)
    pub fn remove(&self, file: &str) {
        fs_err::remove_file(self.plugin_dir().join(file)).expect("a file of the layer");
    }

    /// Writes a file into its lib folder, over another if need be.
    pub fn put(&self, file: &str, content: impl AsRef<[u8]>) {
        fs_err::create_dir_all(self.plugin_dir()).expect("a folder");
        fs_err::write(self.plugin_dir().join(file), content).expect("a file of the layer");
    }

    /// Returns the content of a file in its lib folder.
    pub fn read(&self, file: &str) -> Vec<u8> {
        fs_err::read(self.plugin_dir().join(file)).expect("a file of the layer")
    }

    /// Creates an empty folder.
    pub fn empty() -> Self {
        let layer = Self::unpacked(Vec::new());
        fs_err::create_dir_all(layer.plugin_dir()).expect("a folder");
        layer
    }

    /// Returns a copy that every user of this machine may read, except for these files.
    pub fn readable_except(&self, files: &[&str]) -> Self {
        let opt = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o755))
            .prefix("opt-")
            .tempdir()
            .expect("a temporary folder");
        let copy = Self {
            opt: Arc::new(opt),
            zips: Vec::new(),
        };
        fs_err::create_dir(copy.plugin_dir()).expect("a folder");
        for file in self.listing().split(", ") {
            copy.put(file, self.read(file));
            let mode = if files.contains(&file) { 0o000 } else { 0o644 };
            fs_err::set_permissions(copy.plugin_dir().join(file), Permissions::from_mode(mode))
                .expect("a file of one's own");
        }
        copy
    }

    /// Changes a text file in its lib folder.
    pub fn edit(&self, file: &str, change: impl FnOnce(String) -> String) {
        let path = self.plugin_dir().join(file);
        let text = fs_err::read_to_string(&path).expect("a file of the layer");
        fs_err::write(path, change(text)).expect("a file that can be changed");
    }

    /// Returns a text with `[dir]` for its lib folder, and `[target]` for the folder of the harness.
    pub fn without_folders(&self, text: &str) -> String {
        let folder = self.plugin_dir().display().to_string();
        text.replace(&folder, "[dir]")
            .replace(&target().display().to_string(), "[target]")
    }

    /// Packs its current lib folder.
    pub fn pack(&self, zip: &Path) {
        let mut archive = zip::ZipWriter::new(fs_err::File::create(zip).expect("a file"));
        let options = zip::write::SimpleFileOptions::default().unix_permissions(0o644);
        for file in self.listing().split(", ") {
            let started = archive.start_file(format!("lib/{file}"), options);
            started.expect("a file of the archive");
            archive
                .write_all(&self.read(file))
                .expect("a file of the archive");
        }
        archive.finish().expect("an archive");
    }

    /// Returns the names of the files in it, for failure messages.
    pub fn listing(&self) -> String {
        let entries = fs_err::read_dir(self.plugin_dir()).expect("the layer has a lib folder");
        let mut names: Vec<_> = entries
            .map(|entry| {
                entry
                    .expect("a readable folder")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names.join(", ")
    }
}

/// Builds a layer once per process.
fn build(packages: &[&str]) -> PathBuf {
    static BUILT: OnceLock<Mutex<HashMap<String, PathBuf>>> = OnceLock::new();
    let mut built = BUILT
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let name = packages.join("+");
    let zip = built.entry(name.clone()).or_insert_with(|| {
        let zip = target().join(format!("{name}.zip"));
        let mut command = Command::new(cargo_layer());
        command
            .arg("build")
            .current_dir(repository())
            .arg("--out")
            .arg(&zip);
        for package in packages {
            command.args(["--package", package]);
        }
        locked("layer", || output_of(&mut command));
        zip
    });
    zip.clone()
}
