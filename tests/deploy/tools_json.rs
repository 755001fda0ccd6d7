//! The three implementations that derive `ENTRY_FILE` and `TOOLS_LIST` from tools.json agree with the host.

use std::process::Command;

use serde_json::{Map, Value, json};
use tests::{
    Host, Layer, deploy::cdk, manifest, output_of, repository, run_captured, script, scripted,
};

use crate::{
    archives::{Folder, architectures},
    terraform::{self, Root},
    variants::Variant,
};

/// Returns a plugin that declares tools with these names and functions.
fn declaration(tools: &[(&str, &str)]) -> Value {
    let tools: Vec<_> = tools
        .iter()
        .map(|(name, function)| {
            let mut tool = tests::tool(name);
            tool["function"] = json!(function);
            tool
        })
        .collect();
    tests::declaration(&tools)
}

/// Returns two plugins of one layer; `hidden` is not served by default.
fn plugins() -> [(&'static str, Value); 2] {
    [
        (
            "libitems.so",
            declaration(&[
                ("getItem", "get_item"),
                ("listItems", "list_items"),
                ("dropItem", "drop_item"),
                ("hidden", "hidden"),
            ]),
        ),
        (
            "libother_things.so",
            declaration(&[("getThing", "get_thing"), ("one", "same"), ("two", "same")]),
        ),
    ]
}

/// The files and the tools, or a part of the error message.
type Meaning = Result<(&'static str, &'static str), &'static str>;

/// Returns the cases: each tools.json with the expected selection.
fn cases() -> Vec<(&'static str, Value, Meaning)> {
    let of = |entries: &[(&str, Value)]| {
        let entries: Vec<_> = entries
            .iter()
            .map(|(file, tools)| {
                let mut entry = json!({ "entry_file": file });
                if !tools.is_null() {
                    entry["tool_list"] = tools.clone();
                }
                json!({ "custom_tool": entry })
            })
            .collect();
        json!({ "tool_list": entries })
    };
    vec![
        (
            "names",
            of(&[("libitems.so", json!(["listItems", "getItem"]))]),
            Ok(("libitems.so", "getItem,listItems")),
        ),
        (
            "functions",
            of(&[("items", json!(["get_item", "drop_*"]))]),
            Ok(("libitems.so", "getItem,dropItem")),
        ),
        (
            "file-names",
            of(&[
                ("other-things", json!(["getThing"])),
                ("items", json!(["getItem"])),
            ]),
            Ok(("libother_things.so,libitems.so", "getThing,getItem")),
        ),
        // Applied to all plugins, `get*` would match two tools.
        (
            "own-patterns",
            of(&[("items", json!(["get*"])), ("other_things", json!(["one"]))]),
            Ok(("libitems.so,libother_things.so", "getItem,one")),
        ),
        (
            "all-but",
            of(&[("items", json!(["*", "!drop*"]))]),
            Ok(("libitems.so", "getItem,listItems,hidden")),
        ),
        (
            "only-but",
            of(&[("items", json!(["!getItem", "!hidden"]))]),
            Ok(("libitems.so", "listItems,dropItem")),
        ),
        (
            "defaults",
            of(&[("items", Value::Null)]),
            Ok(("libitems.so", "getItem,listItems,dropItem")),
        ),
        (
            "unknown-tool",
            of(&[("items", json!(["getItems"]))]),
            Err("libitems.so has no tool getItems; it has getItem, listItems, dropItem, hidden"),
        ),
        (
            "unknown-but",
            of(&[("items", json!(["!getItems"]))]),
            Err("libitems.so has no tool !getItems; it has getItem"),
        ),
        (
            "of-another",
            of(&[("items", json!(["getThing"]))]),
            Err("libitems.so has no tool getThing"),
        ),
        (
            "no-regex",
            of(&[("items", json!(["get.tem"]))]),
            Err("libitems.so has no tool get.tem"),
        ),
        (
            "ambiguous",
            of(&[("other_things", json!(["same"]))]),
            Err(
                "same is the function of several tools of libother_things.so: one, two; write the tool's name",
            ),
        ),
        (
            "nothing-left",
            of(&[("items", json!(["getItem", "!get*"]))]),
            Err("no tool of libitems.so is left to serve"),
        ),
        (
            "no-tools",
            of(&[("items", json!([]))]),
            Err("no tool of libitems.so is left to serve"),
        ),
        (
            "unknown-file",
            of(&[("items.py", json!(["getItem"]))]),
            Err("no layer has libitems.py.so; the plugins are libitems.so, libother_things.so"),
        ),
        (
            "twice",
            of(&[
                ("items", json!(["getItem"])),
                ("libitems.so", json!(["hidden"])),
            ]),
            Err("names libitems.so twice; put its tools into one entry"),
        ),
        (
            "no-list",
            json!({ "tools": [] }),
            Err("not of the form {\"tool_list\""),
        ),
        (
            "nothing",
            json!({ "tool_list": [] }),
            Err("not of the form {\"tool_list\""),
        ),
        (
            "no-file",
            json!({ "tool_list": [{ "custom_tool": {} }] }),
            Err("not of the form {\"tool_list\""),
        ),
    ]
}

/// Returns the layer of both plugins: as an archive in a folder, and unpacked as on Lambda.
pub(crate) fn things(folder: &Folder, name: &str) -> Layer {
    let layer = Layer::empty();
    let mut files = Vec::new();
    let mut merged = Value::Null;
    for (file, declaration) in plugins() {
        let library = scripted(&script(&declaration));
        let mut output = manifest("things", file, &library, &declaration);
        output["layer"]["tools"] = json!(["!hidden"]);
        if merged.is_null() {
            merged = output;
        } else {
            let plugin = output["plugins"][0].take();
            let plugins = merged["plugins"].as_array_mut().expect("plugins");
            plugins.push(plugin);
        }
        layer.put(file, &library);
        files.push((format!("lib/{file}"), library));
    }
    layer.put("things.layer.json", merged.to_string());
    let merged = merged.to_string().into_bytes();
    files.push(("lib/things.layer.json".to_owned(), merged));
    let files = files
        .iter()
        .map(|(path, content)| (path.as_str(), content.as_slice()));
    folder.pack(name, &files.collect::<Vec<_>>());
    layer
}

/// Returns a selection from two layers: the example's, and this one.
pub(crate) fn of_two_layers() -> Value {
    json!({ "tool_list": [
        { "custom_tool": { "entry_file": "items", "tool_list": ["getItem"] } },
        { "custom_tool": { "entry_file": "custom_tools", "tool_list": ["greet"] } },
    ] })
}

/// Returns a folder with that layer alone, and all cases.
fn prepared() -> (Folder, Layer) {
    let folder = Folder::new();
    fs_err::copy(folder.file("layer.zip"), folder.file("example.zip")).expect("a copy");
    fs_err::copy(folder.file("layer.json"), folder.file("example.json")).expect("a copy");
    let layer = things(&folder, "layer.zip");
    for (name, tools, _) in cases() {
        folder.write(&format!("{name}.json"), &tools.to_string());
    }
    folder.write("two-layers.json", &of_two_layers().to_string());
    (folder, layer)
}

/// A derived pair, or the error message.
type Derived = Result<(String, String), String>;

fn agrees(who: &str, name: &str, derived: &Derived, expected: Result<(&str, &str), &str>) {
    match (derived, expected) {
        (Ok((files, tools)), Ok(expected)) => {
            assert_eq!((files.as_str(), tools.as_str()), expected, "{who}: {name}");
        }
        (Err(output), Err(expected)) => assert!(
            output.contains(&format!("{name}.json: {expected}")),
            "{who}: {name}: {output}"
        ),
        _ => panic!("{who}: {name}: {derived:?}, not {expected:?}"),
    }
}

#[test]
fn sam_derives_the_selection() {
    let (folder, _layer) = prepared();
    for (name, _, expected) in cases() {
        let mut configure = Command::new("python3");
        configure
            .arg(repository().join("deploy/sam/configure"))
            .args(["--tools", &format!("{name}.json")]);
        configure.arg(format!("Architecture={}", architectures()[0]));
        let (stdout, stderr, code) = run_captured(configure.current_dir(folder.path()));
        let derived = if code == Some(0) {
            let value = |variable: &str| {
                let mut lines = stdout
                    .lines()
                    .filter_map(|line| line.strip_prefix(variable));
                lines.next().expect("a value").to_owned()
            };
            Ok((value("EntryFile="), value("ToolsList=")))
        } else {
            Err(stderr)
        };
        agrees("sam", name, &derived, expected);
    }
}

#[test]
fn cdk_derives_the_selection() {
    let (folder, _layer) = prepared();
    let names: Vec<_> = cases().iter().map(|(name, ..)| *name).collect();
    let program = "const { plugins } = require('./lib/archive'); const { select } = require('./lib/selection'); \
        const [folder, ...names] = process.argv.slice(1); process.chdir(folder); \
        console.log(JSON.stringify(names.map((name) => { const problems = []; \
        const { entryFile, tools } = select(`${name}.json`, plugins('layer.zip', problems), problems); \
        return { problems: problems.join('\\n'), files: entryFile.join(), tools: tools.join() }; })));";
    let mut node = cdk();
    node.args(["-e", program]).arg(folder.path()).args(&names);
    let output: Value = serde_json::from_str(&output_of(&mut node)).expect("JSON");
    for ((name, _, expected), output) in
        cases().into_iter().zip(output.as_array().expect("answers"))
    {
        let text = |member: &str| output[member].as_str().expect("a text").to_owned();
        let derived = match text("problems") {
            none if none.is_empty() => Ok((text("files"), text("tools"))),
            problems => Err(problems),
        };
        agrees("cdk", name, &derived, expected);
    }
}

#[test]
fn terraform_derives_the_selection() {
    let Some(terraform) = terraform::terraform() else {
        return;
    };
    let plain = Variant {
        name: "case",
        settings: json!({}),
    };
    let modules = |right: bool| -> Map<String, Value> {
        let chosen = cases()
            .into_iter()
            .filter(|(_, _, expected)| expected.is_ok() == right);
        chosen
            .map(|(name, ..)| {
                let mut arguments = plain.of_terraform();
                arguments["tools"] = json!(format!("{name}.json"));
                (name.to_owned(), arguments)
            })
            .collect()
    };
    let mut right = modules(true);
    let mut two = plain.of_terraform();
    two["tools"] = json!("two-layers.json");
    two["layers"] = json!(["layer", "example"].map(|name| {
        json!({ "zip": format!("{name}.zip"), "description": format!("{name}.json") })
    }));
    right.insert("two-layers".to_owned(), two);
    let right = Root::new(terraform.clone(), prepared().0, &right).planned_outputs();
    let two = &right["two-layers"]["after"];
    let output = [&two["entry_file"], &two["tools"]];
    assert_eq!(
        output,
        [
            &json!("libitems.so,libcustom_tools.so"),
            &json!(["getItem", "greet"])
        ]
    );
    let wrong = Root::new(terraform, prepared().0, &modules(false)).refusals();
    for (name, _, expected) in cases() {
        let file = format!("{name}.json: ");
        let derived = match wrong.iter().find(|output| output.contains(&file)) {
            Some(output) => Err(output.clone()),
            None => {
                let outputs = &right[name]["after"];
                let tools = outputs["tools"]
                    .as_array()
                    .unwrap_or_else(|| panic!("{name}: {right:#}"));
                let tools: Vec<_> = tools.iter().filter_map(Value::as_str).collect();
                Ok((
                    outputs["entry_file"].as_str().expect("a text").to_owned(),
                    tools.join(","),
                ))
            }
        };
        agrees("terraform", name, &derived, expected);
    }
}

#[test]
fn the_host_serves_the_derived_selection() {
    let (_folder, layer) = prepared();
    for (name, _, expected) in cases() {
        let Ok((files, tools)) = expected else {
            continue;
        };
        let host = Host::serve_with(&layer, &[("ENTRY_FILE", files), ("TOOLS_LIST", tools)]);
        assert_eq!(host.connect().list().join(","), tools, "{name}");
    }
}
