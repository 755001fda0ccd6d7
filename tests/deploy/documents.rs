//! Checks facts in the documents about deployment.

use std::process::Command;

use tests::{documents, output_of, repository, run_captured};

fn file(path: &str) -> String {
    fs_err::read_to_string(repository().join("deploy").join(path)).expect("a file")
}

/// Returns the names between `before`, at the beginning of a line, and `after`.
fn names<'a>(text: &'a str, before: &str, after: char) -> Vec<&'a str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(before));
    let names = lines.filter_map(|line| Some(line.split_once(after)?.0));
    let plain = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    names.filter(plain).collect()
}

#[test]
fn every_key_is_documented_and_in_every_way_of_deployment() {
    let (variables, props, template) = (
        file("terraform/variables.tf"),
        file("cdk/lib/props.ts"),
        file("sam/template.yaml"),
    );
    let readme = file("README.md");
    let (_, parameters) = template.split_once("\nParameters:\n").expect("parameters");
    let (parameters, _) = parameters.split_once("\nRules:\n").expect("rules");
    let parameters = names(parameters, "  ", ':');
    let props = names(&props, "  readonly ", ':').into_iter().chain(
        props
            .lines()
            .filter_map(|line| Some(line.strip_prefix("  readonly ")?.split_once("?:")?.0)),
    );
    let mut props: Vec<_> = props.map(str::to_lowercase).collect();
    let mut parameters: Vec<_> = parameters.into_iter().map(str::to_lowercase).collect();
    for key in names(&variables, "variable \"", '"') {
        // Terraform cannot read archives, so it has an additional key.
        if key == "function_description" {
            continue;
        }
        assert!(readme.contains(&format!("`{key}`")), "README: {key}");
        let plain = key.replace('_', "");
        // A template must not contain a secret.
        if key != "state_key" {
            let position = props.iter().position(|prop| *prop == plain);
            props.remove(position.unwrap_or_else(|| panic!("CDK: {key}")));
        }
        let of_sam: &[&str] = match key {
            "tools" => &["entryfile", "toolslist"],
            "layers" => &["morelayers"],
            "function_zip" | "environment" | "state_key" => &[],
            "jwt" => &["jwtissuer", "jwtaudience"],
            "throttling" => &["throttlerate", "throttleburst"],
            "vpc" => &["subnetids", "securitygroupids"],
            "callers" => &["caller"],
            "alarm_topics" => &["alarmtopic"],
            _ => &[plain.as_str()],
        };
        for parameter in of_sam {
            let position = parameters.iter().position(|there| there == parameter);
            parameters.remove(position.unwrap_or_else(|| panic!("SAM: {key}")));
        }
    }
    assert_eq!((props, parameters), (Vec::new(), Vec::new()));
}

#[test]
fn the_documented_cost_is_the_output_of_the_script() {
    let sizing = documents::text("docs/operator/sizing.md");
    let (_, block) = sizing.split_once("```text\n").expect("a result");
    let (output, _) = block.split_once("```").expect("its end");
    let script = repository().join("deploy/cost");
    let run = |arguments: &[&str]| run_captured(Command::new(&script).args(arguments));
    let all = output_of(&mut Command::new(&script));
    assert!(all.ends_with(&format!("\n\n{output}")), "{all}");
    // Twice the requests double the cost per request, and no other cost.
    let (twice, _, _) = run(&["requests=2000000"]);
    assert!(
        twice.contains("Lambda: requests                                   0.40"),
        "{twice}"
    );
    assert!(
        twice.contains("CloudWatch: alarms                                 0.50"),
        "{twice}"
    );
    for wrong in ["requests=many", "request=1", "door=alb"] {
        let (_, stderr, code) = run(&[wrong]);
        assert_eq!(code, Some(2), "{wrong}: {stderr}");
    }
}
