//! A folder of plugins as `cargo layer build` would leave it, except for the libraries: those cannot be opened.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The content of every library.
const CONTENT: &str = "not a library";

/// A folder of plugins.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Creates one layer of one plugin with these tools.
    pub(crate) fn of(tools: &[&str]) -> Self {
        Self::empty().with("a-layer", &[plugin("libtools.so", tools)])
    }

    /// Adds a layer: its manifest, and a file for every plugin.
    pub(crate) fn with(self, layer: &str, plugins: &[Value]) -> Self {
        let manifest = manifest(layer, plugins);
        self.with_manifest(layer, &manifest)
    }

    /// Adds a layer with this manifest, and a file for every plugin that it names.
    pub(crate) fn with_manifest(self, layer: &str, manifest: &Value) -> Self {
        for plugin in manifest["plugins"].as_array().expect("plugins") {
            let file = plugin["file"].as_str().expect("a file name");
            self.write(file, CONTENT);
        }
        self.write(&format!("{layer}.layer.json"), &manifest.to_string());
        self
    }

    pub(crate) fn write(&self, file: &str, content: &str) -> PathBuf {
        let path = self.path().join(file);
        fs_err::write(&path, content).expect("the file is written");
        path
    }

    pub(crate) fn remove(&self, file: &str) {
        fs_err::remove_file(self.path().join(file)).expect("the file is removed");
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

pub(crate) fn manifest(layer: &str, plugins: &[Value]) -> Value {
    json!({
        "format": 1,
        "layer": { "name": layer, "version": "1.2.3" },
        "cpu": std::env::consts::ARCH,
        "plugins": plugins,
    })
}

/// Returns the entry of a plugin with tools of these names, which are their functions' as well.
pub(crate) fn plugin(file: &str, tools: &[&str]) -> Value {
    let tools: Vec<_> = tools.iter().map(|name| tool(name, name)).collect();
    plugin_with(file, &tools)
}

/// Returns the entry of a plugin that declares these tools.
pub(crate) fn plugin_with(file: &str, tools: &[Value]) -> Value {
    json!({
        "file": file,
        "size": CONTENT.len(),
        "sha256": "",
        "crate": { "name": "tools", "version": "0.1.0" },
        "sdk": "0.1.0",
        "payload": 1,
        "abi": "1.0.0",
        "panic": "unwind",
        "digest": "",
        "declaration": {
            "payload": 1,
            "crate": { "name": "tools", "version": "0.1.0" },
            "sdk": "0.1.0",
            "panic": "unwind",
            "tools": tools,
        },
    })
}

/// Returns a tool in a declaration.
pub(crate) fn tool(name: &str, function: &str) -> Value {
    json!({
        "tool": { "name": name, "description": "Does it.", "inputSchema": { "type": "object" } },
        "function": function,
    })
}
