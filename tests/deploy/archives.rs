//! Archives to deploy: real ones, and faulty ones.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Layer, bootstrap, cargo_layer, output_of, target};
use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

/// A folder with `tools.json`, `layer.zip` and `function.zip`, and the output of `cargo layer inspect` for both.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// Creates a folder with the example's tools, as in the article.
    pub(crate) fn new() -> Self {
        let folder = Self(tempfile::tempdir_in(target()).expect("a temporary folder"));
        Layer::of(["custom-tools"]);
        folder.put("layer.zip", &target().join("custom-tools.zip"));
        // The folder is created when its content is requested.
        bootstrap();
        folder.put("function.zip", &target().join("function.zip"));
        folder.has_tools(&json!({ "tool_list": [{ "custom_tool": {
            "entry_file": "libcustom_tools.so", "tool_list": ["greet", "multiply", "add"],
        } }] }));
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn has_tools(&self, tools: &Value) {
        self.write("tools.json", &tools.to_string());
    }

    /// Adds faulty files: archives for the other CPU, and `wrong.json`, which selects a tool and a plugin that do not
    /// exist.
    pub(crate) fn has_what_is_wrong(&self) {
        self.for_the_other_cpu("layer.zip", "other-layer.zip");
        self.for_the_other_cpu("function.zip", "other-function.zip");
        let tools = json!({ "tool_list": [
            { "custom_tool": { "entry_file": "libcustom_tools.so", "tool_list": ["greet", "divide"] } },
            { "custom_tool": { "entry_file": "weather", "tool_list": ["forecast"] } },
        ] });
        self.write("wrong.json", &tools.to_string());
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs_err::write(self.file(name), text).expect("a file");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.file(name)).expect("a file")
    }

    /// Copies a file to it.
    fn put(&self, name: &str, from: &Path) {
        fs_err::copy(from, self.file(name)).expect("a copy");
        self.describe(name);
    }

    /// Writes the output of `cargo layer inspect` for an archive beside it.
    fn describe(&self, name: &str) {
        let mut inspect = Command::new(cargo_layer());
        let output = output_of(inspect.arg("inspect").arg(self.file(name)).arg("--json"));
        self.write(&name.replace(".zip", ".json"), &output);
    }

    /// Creates an archive of these files.
    pub(crate) fn pack(&self, name: &str, files: &[(&str, &[u8])]) {
        let file = fs_err::File::create(self.file(name)).expect("a file");
        let mut archive = ZipWriter::new(file);
        for (path, content) in files {
            let options = SimpleFileOptions::default();
            archive.start_file(*path, options).expect("an entry");
            archive.write_all(content).expect("its content");
        }
        archive.finish().expect("an archive");
        self.describe(name);
    }

    /// Copies the archive under another name, with its files for the CPU that this machine does not have.
    fn for_the_other_cpu(&self, name: &str, copy: &str) {
        let file = fs_err::File::open(self.file(name)).expect("a file");
        let mut archive = ZipArchive::new(file).expect("an archive");
        let mut files = Vec::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).expect("an entry");
            let path = file.name().expect("a name").into_owned();
            let mut content = Vec::new();
            file.read_to_end(&mut content).expect("its content");
            if content.starts_with(b"\x7fELF") {
                // `e_machine`: EM_AARCH64 or EM_X86_64.
                content[18] = if cfg!(target_arch = "x86_64") {
                    183
                } else {
                    62
                };
            }
            files.push((path, content));
        }
        let files = files
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_slice()));
        self.pack(copy, &files.collect::<Vec<_>>());
    }
}

/// Returns the CPU of this machine, and the other one, by Lambda's names.
pub(crate) fn architectures() -> [&'static str; 2] {
    if cfg!(target_arch = "x86_64") {
        ["x86_64", "arm64"]
    } else {
        ["arm64", "x86_64"]
    }
}
