//! `cargo layer dev`, as a user meets it.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use serde_json::Value;
use tests::{cargo_layer, output_of, repository, target};

#[test]
fn dev_serves_the_examples_its_curl_line_works_as_pasted_and_ctrl_c_is_clean() {
    let mut dev = Command::new(cargo_layer())
        .args(["layer", "dev", "--listen", "127.0.0.1:0"])
        .current_dir(repository())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("cargo-layer can be run");
    let lines = BufReader::new(dev.stdout.take().expect("stdout is piped"))
        .lines()
        .map_while(Result::ok);
    let told: Vec<_> = lines
        .take_while(|line| !line.starts_with("Ctrl-C"))
        .collect();
    let told = told.join("\n");

    let curl = told
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("curl "))
        .unwrap_or_else(|| panic!("no curl line in {told}"));
    let answer: Value =
        serde_json::from_str(&output_of(Command::new("sh").args(["-c", curl]))).expect("JSON");
    let tools = answer["result"]["tools"]
        .as_array()
        .unwrap_or_else(|| panic!("no tools in {answer}"));
    let names: Vec<_> = tools
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        names,
        [
            "greet",
            "multiply",
            "add",
            "fetch",
            "fetchJson",
            "currentTime",
            "convertTime",
            "addToDate",
            "daysBetween"
        ]
    );

    let config = told
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with('{'))
        .expect("a client configuration");
    let config: Value = serde_json::from_str(config).expect("JSON");
    let url = config["mcpServers"]["layer"]["url"]
        .as_str()
        .expect("a URL");
    assert!(curl.contains(url), "{curl} and {url}");

    output_of(Command::new("kill").args(["-INT", &dev.id().to_string()]));
    assert_eq!(
        dev.wait().expect("dev ends").code(),
        Some(0),
        "Ctrl-C is a clean end"
    );
    let leftovers =
        fs_err::read_dir(target().with_file_name("layer-dev")).expect("the folder of dev");
    let opts: Vec<_> = leftovers
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("opt-"))
        .collect();
    assert!(
        opts.is_empty(),
        "dev leaves nothing unpacked behind: {opts:?}"
    );
}
