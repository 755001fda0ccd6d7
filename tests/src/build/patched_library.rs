//! Libraries with bytes that the harness changes.

use std::path::Path;

use serde_json::{Value, json};

use crate::{Layer, build::standalone, sha256_of};

/// The mark at the beginning of the script in the fixture `scripted`.
const MARK: &[u8] = b"--plugin-script:";

/// The room for it, with the mark. Unit: bytes.
const ROOM: usize = 16 * 1024;

/// Returns the library of a plugin that answers by this script; the fixture `scripted` documents scripts.
pub fn scripted(script: &str) -> Vec<u8> {
    let mut library = fs_err::read(standalone("scripted", None)).expect("a library");
    let begin = position(&library, MARK) + MARK.len();
    let room = &mut library[begin..begin + ROOM - MARK.len()];
    assert!(script.len() < room.len(), "the script is too long");
    room[..script.len()].copy_from_slice(script.as_bytes());
    library
}

/// Returns the script of a plugin that declares these tools, with calls that all return "hello".
pub fn script(declaration: &Value) -> String {
    let hello = json!({ "type": "complete", "content": [{ "type": "text", "text": "hello" }] });
    format!("init ok {declaration}\ncall ok {hello}\n")
}

/// Returns the declaration of a plugin with these tools.
pub fn declaration(tools: &[Value]) -> Value {
    json!({
        "payload": 1, "crate": { "name": "scripted", "version": "0.1.0" }, "sdk": "0.1.0", "panic": "unwind",
        "tools": tools,
    })
}

/// Returns a tool in a declaration.
pub fn tool(name: &str) -> Value {
    json!({
        "function": "f",
        "tool": { "name": name, "description": "Says hello.", "inputSchema": { "type": "object" } },
    })
}

/// Replaces bytes of a library, wherever they occur.
///
/// # Panics
/// When they do not occur, or the replacement has another length.
pub fn replace_bytes(mut library: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut next = position(&library, from);
    loop {
        let end = next + from.len();
        library[next..end].copy_from_slice(to);
        let mut rest = library[end..].windows(from.len());
        match rest.position(|window| window == from) {
            Some(further) => next = end + further,
            None => return library,
        }
    }
}

fn position(library: &[u8], bytes: &[u8]) -> usize {
    let mut windows = library.windows(bytes.len());
    windows
        .position(|window| window == bytes)
        .unwrap_or_else(|| panic!("{:?} is not in it", String::from_utf8_lossy(bytes)))
}

/// Returns the manifest that `cargo layer build` would write of a plugin with this declaration.
pub fn manifest(layer: &str, file: &str, library: &[u8], declaration: &Value) -> Value {
    json!({
        "format": 1, "layer": { "name": layer, "version": "1.2.3" }, "cpu": std::env::consts::ARCH,
        "plugins": [{
            "file": file, "size": library.len(), "sha256": sha256_of(library),
            "crate": declaration["crate"], "sdk": declaration["sdk"], "payload": declaration["payload"],
            "abi": "1.0.0", "panic": declaration["panic"],
            "digest": sha256_of(declaration.to_string().as_bytes()), "declaration": declaration,
        }],
    })
}

impl Layer {
    /// Adds a library with the manifest of a separate layer.
    pub fn put_declared(&self, layer: &str, library: &[u8], declaration: &Value) {
        self.put(&format!("lib{layer}.so"), library);
        let manifest = manifest(layer, &format!("lib{layer}.so"), library, declaration);
        self.put(&format!("{layer}.layer.json"), manifest.to_string());
    }

    /// Adds a library unchanged.
    pub fn put_library(&self, file: &str, library: &Path) {
        self.put(file, fs_err::read(library).expect("the library was built"));
    }
}
