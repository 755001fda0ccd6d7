//! `cargo layer bench`: the phases of a cold start, and a baseline that is kept or missed. (No test asserts a
//! duration.)

use std::process::Command;

use serde_json::{Value, json};
use tests::{cargo_layer, output_of, repository, run_captured, target};

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(cargo_layer());
    command.args(["bench", "--rounds", "3"]).args(arguments);
    command
}

#[test]
fn the_phases_of_a_cold_start_are_measured_and_compared_to_a_baseline() {
    let zip = target().join("benched.zip").display().to_string();
    output_of(
        Command::new(cargo_layer())
            .args(["build", "--package", "custom-tools", "--package", "sleeps"])
            .args(["--out", &zip])
            .current_dir(repository()),
    );
    let report: Value =
        serde_json::from_str(&output_of(&mut bench(&[&zip, "--json"]))).expect("JSON");
    let phases = report["phases"].as_array().expect("phases");
    let names: Vec<_> = phases.iter().map(|phase| phase["name"].clone()).collect();
    assert_eq!(
        json!(names),
        json!([
            "the host alone",
            "start, plugins unopened",
            "first tools/list",
            "start, all plugins opened (MCP_PRELOAD=all)",
            "start with libcustom_tools.so alone, opened",
            "start with libsleeps.so alone, opened",
        ])
    );
    assert_eq!(phases[0]["ratio"], 1.0);
    for phase in phases {
        let [min, median, max] = ["min", "median", "max"].map(|it| phase[it].as_f64());
        assert!(Some(0.0) < min && min <= median && median <= max, "{phase}");
    }
    // A baseline that no measurement can meet, and one that every measurement meets.
    let baseline = target().join("baseline.json").display().to_string();
    for (ratio, code) in [(1e-9, 1), (1e9, 0)] {
        let mut report = report.clone();
        for phase in report["phases"].as_array_mut().expect("phases") {
            phase["ratio"] = json!(ratio);
        }
        fs_err::write(&baseline, report.to_string()).expect("a file");
        let (table, output, exit) = run_captured(&mut bench(&[&zip, "--baseline", &baseline]));
        assert_eq!(exit, Some(code), "{output}");
        assert!(table.contains("first tools/list"), "{table}");
        let slower = "slower: start, plugins unopened: ";
        assert_eq!(output.contains(slower), code == 1, "{output}");
    }
    fs_err::write(&baseline, "[]").expect("a file");
    let (_, output, exit) = run_captured(&mut bench(&[&zip, "--baseline", &baseline]));
    assert_eq!(exit, Some(1));
    assert!(output.contains("error[BASELINE_INVALID]"), "{output}");
}

#[test]
fn a_layer_that_cannot_start_is_reported_and_not_measured() {
    let zip = target().join("benched-none.zip").display().to_string();
    output_of(
        Command::new(cargo_layer())
            .args(["build", "--package", "custom-tools", "--out", &zip])
            .current_dir(repository()),
    );
    let (_, output, exit) = run_captured(&mut bench(&[&zip, "--tools-list", "divide"]));
    assert_eq!(exit, Some(1));
    assert!(output.contains("divide"), "{output}");
}
