//! `deploy/cdk`: every variant synthesises the expected template offline; problems stop the synthesis.

use std::{collections::BTreeMap, process::Command};

use serde_json::{Value, json};
use tests::{
    deploy::{cdk, template_tool},
    output_of, run_captured,
};

use crate::{
    archives::{Folder, architectures},
    stack::Stack,
    tools_json,
    variants::{self, Variant},
};

/// Returns `node app.js` for a configuration in a folder.
fn synth(folder: &Folder, name: &str, config: &Value) -> Command {
    let file = format!("{name}.config.json");
    folder.write(&file, &config.to_string());
    let mut node = cdk();
    node.arg("app.js")
        .env("MCP_CONFIG", folder.file(&file))
        .env("CDK_OUTDIR", folder.file(name));
    node
}

#[test]
fn every_variant_synthesises_the_expected_template() {
    let folder = Folder::new();
    let mut lint = template_tool("cfn-lint");
    for variant in variants::all() {
        output_of(&mut synth(&folder, variant.name, &variant.of_cdk()));
        let name = variant.name;
        let template = format!("{name}/mcp-{name}.template.json");
        Stack::new(&folder.read(&template), &variant).check();
        lint.arg(folder.file(&template));
    }
    assert_eq!(output_of(&mut lint), "");
}

#[test]
fn several_layers_are_versions_of_one_function() {
    let folder = Folder::new();
    tools_json::things(&folder, "more.zip");
    folder.has_tools(&tools_json::of_two_layers());
    let mut config = Variant {
        name: "two",
        settings: json!({}),
    }
    .of_cdk();
    config["layers"] = json!(["layer.zip", "more.zip"]);
    output_of(&mut synth(&folder, "two", &config));
    let template: Value =
        serde_json::from_str(&folder.read("two/mcp-two.template.json")).expect("JSON");
    let resources = template["Resources"].as_object().expect("resources");
    let layers = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::Lambda::LayerVersion");
    let layers: BTreeMap<_, _> = layers
        .map(|(id, layer)| {
            (
                layer["Properties"]["LayerName"].to_string(),
                json!({ "Ref": id }),
            )
        })
        .collect();
    let function = resources
        .values()
        .find(|resource| resource["Type"] == "AWS::Lambda::Function");
    let function = &function.expect("a function")["Properties"];
    // The order matters: later ones are unpacked over earlier ones.
    assert_eq!(
        function["Layers"],
        json!(layers.values().collect::<Vec<_>>())
    );
    assert_eq!(layers.len(), 2);
    let variables = &function["Environment"]["Variables"];
    let output = [&variables["ENTRY_FILE"], &variables["TOOLS_LIST"]];
    assert_eq!(output, ["libitems.so,libcustom_tools.so", "getItem,greet"]);
}

#[test]
fn configuration_problems_stop_the_synthesis_and_are_named() {
    let folder = Folder::new();
    let [here, other] = architectures();
    folder.has_what_is_wrong();
    let plain = Variant {
        name: "wrong",
        settings: json!({}),
    };
    let cases = [
        (
            json!({ "tools": "wrong.json" }),
            vec![
                "wrong.json: libcustom_tools.so has no tool divide; it has greet, multiply, add"
                    .to_owned(),
                "wrong.json: no layer has libweather.so; the plugins are libcustom_tools.so"
                    .to_owned(),
            ],
        ),
        (
            json!({ "layers": ["other-layer.zip"], "functionZip": "other-function.zip" }),
            vec![
                format!("`cargo layer build --arch {here}`, or set architecture"),
                format!("`cargo layer host --arch {here}`, or set architecture"),
            ],
        ),
        (
            json!({ "architecture": other, "layers": ["none.zip"], "functionZip": "layer.zip", "auth": "bearer" }),
            vec![
                "none.zip: there is no such file".to_owned(),
                "layer.zip: has no bootstrap".to_owned(),
                "bearerTokens: belong to auth bearer, which needs at least one".to_owned(),
            ],
        ),
        (
            json!({ "auth": "jwt", "frontDoor": "function_url", "bearerTokens": ["mcp_secret"],
                 "environment": { "TOOLS_LIST": "*" }, "autn": "none" }),
            vec![
                "auth: function_url cannot check a JWT".to_owned(),
                "bearerTokens: entry 1 is not NAME:HASH".to_owned(),
                "environment: TOOLS_LIST is set by this construct".to_owned(),
                "autn: no such key; the keys are name, tools, ".to_owned(),
            ],
        ),
    ];
    for (position, (wrong, problems)) in cases.into_iter().enumerate() {
        let mut config = plain.of_cdk();
        for (name, value) in wrong.as_object().expect("settings") {
            config[name] = value.clone();
        }
        let name = format!("wrong-{position}");
        let (_, stderr, code) = run_captured(&mut synth(&folder, &name, &config));
        assert_eq!(code, Some(1), "{config}: {stderr}");
        for problem in problems {
            assert!(stderr.contains(&problem), "{problem}: {stderr}");
        }
        assert!(!stderr.contains("mcp_secret"), "{stderr}");
        assert!(!folder.file(&name).join("mcp-wrong.template.json").exists());
    }
}
