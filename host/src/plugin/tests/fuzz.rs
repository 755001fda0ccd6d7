//! Plugin folders with damaged and with good files and manifests.
//!
//! The values are the same each time; `PROPTEST_CASES=100000 cargo test --profile bench -p mcp-layer-host --lib
//! plugin::tests::fuzz` tries more of them.

use std::path::Path;

use layer_format::{HasErrorCode, declaration_problems, manifest::Manifest, sha256};
use proptest::{
    collection::vec,
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRng, TestRunner},
};
use serde_json::{Map, Value, json};

use crate::plugin::folder::file_check::{
    LibraryKind,
    tests::{good_library, judged},
};

/// Checks a property for many values, the same each time.
fn holds<S: Strategy>(values: &S, property: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let outcome = TestRunner::new_with_rng(config, rng).run(values, property);
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// Damage that a file can suffer.
#[derive(Clone, Debug)]
enum Harm {
    /// Other bytes in some place.
    Overwrite(Index, Vec<u8>),
    /// The rest is missing.
    Cut(Index),
    /// A part is missing.
    Remove(Index, usize),
    /// A part comes twice.
    Repeat(Index, usize),
    /// A part is zeroed.
    Empty(Index, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let anywhere = any::<Index>;
    prop_oneof![
        4 => (anywhere(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Harm::Overwrite(at, bytes)),
        1 => anywhere().prop_map(Harm::Cut),
        1 => (anywhere(), 1..100usize).prop_map(|(at, length)| Harm::Remove(at, length)),
        1 => (anywhere(), 1..100usize).prop_map(|(at, length)| Harm::Repeat(at, length)),
        1 => (anywhere(), 1..5000usize).prop_map(|(at, length)| Harm::Empty(at, length)),
    ]
}

fn harmed(mut content: Vec<u8>, harm: &Harm) -> Vec<u8> {
    if content.is_empty() {
        return content;
    }
    let all = content.len();
    match harm {
        Harm::Overwrite(at, bytes) => {
            let at = at.index(all);
            let length = bytes.len().min(all - at);
            content[at..at + length].copy_from_slice(&bytes[..length]);
        }
        Harm::Cut(at) => content.truncate(at.index(all)),
        Harm::Remove(at, length) => {
            let at = at.index(all);
            content.drain(at..(at + length).min(all));
        }
        Harm::Repeat(at, length) => {
            let at = at.index(all);
            let part = content[at..(at + length).min(all)].to_vec();
            content.splice(at..at, part);
        }
        Harm::Empty(at, length) => {
            let at = at.index(all);
            content[at..(at + length).min(all)].fill(0);
        }
    }
    content
}

/// Checks a file. If it is no library, the message must name it.
fn is_judged(content: &[u8]) -> Result<(), TestCaseError> {
    if let Err(problem) = judged(content) {
        let told = problem.to_string();
        prop_assert!(told.starts_with("libx.so: "), "{}", told);
    }
    Ok(())
}

#[test]
fn any_bytes_are_checked_without_a_crash() {
    // Most random files fail at the first bytes, unless those are right.
    let header = good_library()[..64].to_vec();
    let begins = (0..=header.len()).prop_map(move |length| header[..length].to_vec());
    holds(&(begins, vec(any::<u8>(), 0..2000)), |(begin, rest)| {
        is_judged(&[begin, rest].concat())
    });
}

#[test]
fn a_damaged_library_is_checked_without_a_crash() {
    let good = good_library();
    holds(&vec(harm(), 1..4), |harms| {
        is_judged(&harms.iter().fold(good.clone(), harmed))
    });
}

#[test]
fn damage_to_headers_and_tables_of_a_library_is_detected() {
    let good = good_library();
    // The headers and the tables of symbols come first, the dynamic section is in the last quarter.
    let end = good.len();
    let parts = prop_oneof![Just(0..1024), Just(0..end / 8), Just(end / 2..end)];
    let harms = vec((parts, any::<Index>(), vec(any::<u8>(), 1..9)), 1..4);
    holds(&harms, |harms| {
        let mut content = good.clone();
        for (part, at, bytes) in harms {
            let part_of = &mut content[part];
            let harm = Harm::Overwrite(at, bytes);
            let changed = harmed(part_of.to_vec(), &harm);
            part_of.copy_from_slice(&changed);
        }
        is_judged(&content)
    });
}

/// Returns the place of a library's code in its file.
fn code(content: &[u8]) -> std::ops::Range<usize> {
    use object::{
        LittleEndian,
        elf::{FileHeader64, PF_X, PT_LOAD},
        read::elf::{FileHeader, ProgramHeader},
    };
    let header = FileHeader64::<LittleEndian>::parse(content).expect("a header");
    let segments = header.program_headers(LittleEndian, content);
    let code = segments.expect("segments").iter().find(|segment| {
        segment.p_type(LittleEndian) == PT_LOAD && segment.p_flags(LittleEndian).0 & PF_X.0 != 0
    });
    let code = code.expect("a segment of code");
    let begin = code.p_offset(LittleEndian) as usize;
    // In libraries of some linkers the first segment has headers and code: of those, the second half.
    let begin = begin.max(content.len() / 8);
    begin..begin + code.p_filesz(LittleEndian) as usize / 2
}

#[test]
fn no_library_is_refused_for_its_code() {
    let good = good_library();
    let code = code(&good);
    holds(&vec(harm(), 1..4), |harms| {
        let mut content = good.clone();
        for harm in harms {
            let part = &mut content[code.clone()];
            let changed = harmed(part.to_vec(), &harm);
            // Its length is that of the others.
            let length = changed.len().min(part.len());
            part[..length].copy_from_slice(&changed[..length]);
        }
        let judged = judged(&content);
        prop_assert!(matches!(judged, Ok(LibraryKind::Other)), "{:?}", judged);
        Ok(())
    });
}

/// Generates any JSON.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((any::<String>(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Generates an object with unknown members beside its known ones.
fn with_news(known: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let news = vec(("new[A-Z]{1,5}", value()), 0..3);
    (known, news).prop_map(|(mut known, news)| {
        let members = known.as_object_mut().expect("an object");
        members.extend(news);
        known
    })
}

fn tool() -> impl Strategy<Value = Value> {
    let described = ("[A-Za-z][A-Za-z0-9_]{0,20}", any::<String>()).prop_map(
        |(name, description)| json!({ "name": name, "description": description, "inputSchema": { "type": "object" } }),
    );
    let declared = (with_news(described), any::<bool>(), any::<Option<u64>>()).prop_map(
        |(tool, strict, timeout)| {
            let mut declared = json!({ "tool": tool, "function": "f", "strict": strict });
            if let Some(timeout) = timeout {
                declared["timeoutMs"] = timeout.into();
            }
            declared
        },
    );
    with_news(declared)
}

fn declaration() -> impl Strategy<Value = Value> {
    let declaration = vec(tool(), 0..4).prop_map(|tools| {
        json!({
            "payload": 1, "crate": { "name": "c", "version": "0.1.0" }, "sdk": "0.1.0", "panic": "unwind",
            "tools": tools,
        })
    });
    with_news(declaration)
}

fn entry() -> impl Strategy<Value = Value> {
    let file = "lib[^/\u{0}]{0,20}\\.so";
    let entry = (file, any::<u64>(), declaration()).prop_map(|(file, size, declaration)| {
        json!({
            "file": file, "size": size, "sha256": "", "crate": { "name": "c", "version": "0.1.0" },
            "sdk": "0.1.0", "payload": 1, "abi": "1.0.0", "panic": "unwind", "digest": "",
            "declaration": declaration,
        })
    });
    with_news(entry)
}

fn manifest() -> impl Strategy<Value = Value> {
    let layer = (any::<String>(), any::<Option<String>>()).prop_map(|(name, instructions)| {
        let mut layer =
            Map::from_iter([("name".into(), name.into()), ("version".into(), "1".into())]);
        layer.extend(instructions.map(|words| ("instructions".to_owned(), words.into())));
        Value::Object(layer)
    });
    let manifest = (with_news(layer), vec(entry(), 0..4)).prop_map(
        |(layer, plugins)| json!({ "format": 1, "layer": layer, "cpu": "x86_64", "plugins": plugins }),
    );
    with_news(manifest)
}

/// Reads a manifest and the declarations of its plugins. A refusal must name the file.
fn is_read(text: &[u8]) -> Result<(), TestCaseError> {
    match Manifest::parse(Path::new("x.layer.json"), text) {
        Ok(manifest) => {
            let declarations = manifest.plugins.iter().map(|entry| entry.declaration());
            for declaration in declarations.flatten() {
                let _ = declaration_problems(&declaration);
            }
        }
        Err(error) => {
            let told = error.to_string();
            prop_assert!(told.starts_with("x.layer.json: "), "{}", told);
            prop_assert!(error.code().as_str().starts_with("MANIFEST_"));
        }
    }
    Ok(())
}

#[test]
fn a_good_manifest_is_read_whatever_is_new_in_it() {
    holds(&manifest(), |value| {
        let text = value.to_string();
        let manifest = Manifest::parse(Path::new("x.layer.json"), text.as_bytes());
        let manifest = manifest.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&value["layer"]["name"], &json!(manifest.layer.name));
        let plugins = value["plugins"].as_array().expect("a list");
        prop_assert_eq!(plugins.len(), manifest.plugins.len());
        for (plugin, entry) in plugins.iter().zip(&manifest.plugins) {
            prop_assert_eq!(&plugin["file"], &json!(entry.file));
            // Not a byte of it may change: its digest is compared with the library's own.
            let declaration = plugin["declaration"].to_string();
            prop_assert_eq!(
                sha256(entry.declaration.get().as_bytes()),
                sha256(declaration.as_bytes())
            );
            let tools = plugin["declaration"]["tools"].as_array().map(Vec::len);
            let declared = entry.declaration();
            let declared = declared.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(tools, Some(declared.tools.len()));
        }
        Ok(())
    });
}

#[test]
fn any_bytes_and_any_json_are_read_as_a_manifest_or_refused_by_name() {
    holds(&vec(any::<u8>(), 0..500), |bytes| is_read(&bytes));
    holds(&value(), |value| is_read(value.to_string().as_bytes()));
}

#[test]
fn a_damaged_manifest_is_read_or_refused_by_name() {
    holds(&(manifest(), vec(harm(), 1..4)), |(manifest, harms)| {
        let text = manifest.to_string().into_bytes();
        is_read(&harms.iter().fold(text, harmed))
    });
}

#[test]
fn a_manifest_with_another_value_somewhere_is_read_or_refused_by_name() {
    holds(
        &(manifest(), any::<Index>(), value()),
        |(mut manifest, at, value)| {
            let mut places = Vec::new();
            pointers(&manifest, String::new(), &mut places);
            let place = at.get(&places);
            *manifest.pointer_mut(place).expect("a place in it") = value;
            is_read(manifest.to_string().as_bytes())
        },
    );
}

/// Returns JSON pointers to all parts of a value.
fn pointers(value: &Value, here: String, all: &mut Vec<String>) {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(members) => members
            .iter()
            .for_each(|(name, inner)| pointers(inner, format!("{here}/{}", escaped(name)), all)),
        Value::Array(items) => items
            .iter()
            .zip(0..)
            .for_each(|(inner, position)| pointers(inner, format!("{here}/{position}"), all)),
        _ => {}
    }
    all.push(here);
}
