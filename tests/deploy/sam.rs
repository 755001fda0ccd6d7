//! `deploy/sam`: the template is clean, can be built, and is as expected in every variant; `configure` reports
//! problems.

use std::process::Command;

use serde_json::{Value, json};
use tests::{deploy::template_tool, output_of, repository, run_captured};

use crate::{
    archives::{Folder, architectures},
    stack::Stack,
    tools_json, variants,
};

/// Returns a folder with the template and the files beside it.
fn folder() -> Folder {
    let folder = Folder::new();
    for file in ["template.yaml", "configure"] {
        let source = repository().join("deploy/sam").join(file);
        fs_err::copy(source, folder.file(file)).expect("a copy");
    }
    folder
}

fn configure(folder: &Folder, arguments: &[&str]) -> Command {
    let mut configure = Command::new("python3");
    configure
        .arg("configure")
        .args(arguments)
        .current_dir(folder.path());
    configure
}

/// Returns the template as SAM transforms it.
fn transformed(folder: &Folder, given: &[&str]) -> Command {
    let mut python = template_tool("python");
    python
        .arg(repository().join("tests/deploy/transform.py"))
        .arg("template.yaml")
        .args(given)
        .current_dir(folder.path());
    python
}

/// Returns the CPU of this machine.
fn here() -> String {
    format!("Architecture={}", architectures()[0])
}

#[test]
fn every_variant_has_the_expected_template() {
    let folder = folder();
    for variant in variants::all() {
        let given = variant.of_sam();
        let given: Vec<_> = given.iter().map(String::as_str).collect();
        let output = output_of(&mut configure(&folder, &given));
        let derived: Vec<_> = output.lines().skip(1).collect();
        let template = output_of(&mut transformed(&folder, &[given, derived].concat()));
        Stack::new(&template, &variant).check();
    }
}

#[test]
fn the_template_is_clean_and_can_be_built() {
    let folder = folder();
    output_of(&mut configure(&folder, &[&here()]));
    let run = |program: &str, arguments: &[&str]| {
        let mut command = template_tool(program);
        output_of(command.args(arguments).current_dir(folder.path()))
    };
    assert_eq!(run("cfn-lint", &["template.yaml"]), "");
    run("sam", &["validate", "--lint"]);
    run("sam", &["build"]);
    let built = folder.read(".aws-sam/build/template.yaml");
    assert!(
        built.contains("function.zip") && built.contains("layer.zip"),
        "{built}"
    );
}

#[test]
fn sam_reads_the_output_of_configure() {
    let folder = folder();
    let tokens = format!("BearerTokens={},bob:{}", variants::token(), "b".repeat(64));
    output_of(&mut configure(
        &folder,
        &["Auth=bearer", &tokens, "Name=mine", &here()],
    ));
    let mut python = template_tool("python");
    python.args([
        "-c",
        "import json; from samcli.lib.config.samconfig import SamConfig; \
        from samcli.cli.types import CfnParameterOverridesType; \
        told = SamConfig('.').get_all(['build'], 'parameters')['parameter_overrides']; \
        print(json.dumps(CfnParameterOverridesType().convert((told,), None, None)))",
    ]);
    let output = output_of(python.current_dir(folder.path()));
    let output: Value = serde_json::from_str(&output).expect("JSON");
    let expected = json!({
        "Auth": "bearer", "BearerTokens": tokens.trim_start_matches("BearerTokens="), "Name": "mine",
        "Architecture": architectures()[0],
        "EntryFile": "libcustom_tools.so", "ToolsList": "greet,multiply,add",
    });
    assert_eq!(output, expected);
}

#[test]
fn published_layers_follow_the_layer_of_the_template() {
    let folder = folder();
    tools_json::things(&folder, "more.zip");
    folder.has_tools(&tools_json::of_two_layers());
    let arn = "arn:aws:lambda:eu-west-1:111122223333:layer:more:3";
    let published = format!("{arn}=more.zip");
    let output = output_of(&mut configure(
        &folder,
        &["--published", &published, &here()],
    ));
    let derived: Vec<_> = output.lines().skip(1).collect();
    assert_eq!(
        derived,
        [
            "EntryFile=libitems.so,libcustom_tools.so",
            "ToolsList=getItem,greet"
        ]
    );
    assert!(
        folder
            .read("samconfig.toml")
            .contains(&format!("MoreLayers=\"{arn}\""))
    );
    let more = format!("MoreLayers={arn}");
    let mut template = transformed(&folder, &[&derived[..], &[more.as_str()]].concat());
    let template: Value = serde_json::from_str(&output_of(&mut template)).expect("JSON");
    let resources = template["Resources"].as_object().expect("resources");
    let layer = resources
        .iter()
        .find(|(_, resource)| resource["Type"] == "AWS::Lambda::LayerVersion");
    let (layer, _) = layer.expect("a layer");
    assert_eq!(
        resources["Function"]["Properties"]["Layers"],
        json!({ "Fn::Split": [",", { "Fn::Join": [",", [{ "Ref": layer }, arn]] }] })
    );
}

#[test]
fn configuration_problems_are_named_and_nothing_is_written() {
    let folder = folder();
    let [here, other] = architectures();
    folder.has_what_is_wrong();
    let cases: [(&[&str], Vec<String>); 4] = [
        (
            &["--tools", "wrong.json"],
            vec![
                "wrong.json: libcustom_tools.so has no tool divide; it has greet, multiply, add"
                    .to_owned(),
                "wrong.json: no layer has libweather.so; the plugins are libcustom_tools.so"
                    .to_owned(),
            ],
        ),
        (
            &[
                "--layer",
                "other-layer.zip",
                "--function",
                "other-function.zip",
            ],
            vec![
                format!("`cargo layer build --arch {here}`, or set Architecture"),
                format!("`cargo layer host --arch {here}`, or set Architecture"),
            ],
        ),
        (
            &[
                "--layer",
                "none.zip",
                "--function",
                "layer.zip",
                &format!("Architecture={other}"),
            ],
            vec![
                "none.zip: there is no such file".to_owned(),
                "layer.zip: has no bootstrap".to_owned(),
            ],
        ),
        (
            &["Autn=none"],
            vec!["Autn: not a parameter that can be set; the parameters are ".to_owned()],
        ),
    ];
    for (arguments, problems) in cases {
        let architecture = format!("Architecture={here}");
        let mut command = configure(&folder, arguments);
        if !arguments
            .iter()
            .any(|argument| argument.starts_with("Architecture"))
        {
            command.arg(&architecture);
        }
        let (_, stderr, code) = run_captured(&mut command);
        assert_eq!(code, Some(1), "{arguments:?}: {stderr}");
        for problem in problems {
            assert!(stderr.contains(&problem), "{problem}: {stderr}");
        }
        assert!(!folder.file("samconfig.toml").exists());
    }
}

#[test]
fn the_template_refuses_open_and_useless_configurations() {
    let folder = folder();
    for (given, refused) in [
        (
            &["Auth=bearer"][..],
            "BearerTokens: bearer needs at least one",
        ),
        (
            &["Auth=none", "BearerTokens=x:1"],
            "BearerTokens: belong to Auth bearer",
        ),
        (
            &["Auth=jwt", "FrontDoor=rest_api", "JwtIssuer=x"],
            "Auth: only http_api can check a JWT",
        ),
    ] {
        let given = [&["EntryFile=a.so", "ToolsList=a"], given].concat();
        let (_, stderr, code) = run_captured(&mut transformed(&folder, &given));
        assert_eq!((code, stderr.as_str()), (Some(1), refused));
    }
}
