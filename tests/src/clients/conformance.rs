//! The official conformance suite, run against a host, and its results.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::{
    Host,
    folders::{repository, target},
    packages::{node_modules, node_program},
};

const PACKAGE: &str = "@modelcontextprotocol/conformance";

/// The results of the suite.
pub struct Report {
    /// The checks of each scenario.
    scenarios: BTreeMap<String, Vec<Check>>,
    /// Whether the suite passed, except for the expected failures.
    passed_as_expected: bool,
    /// The output of the suite, and its exit status.
    output: String,
}

/// One check.
struct Check {
    id: String,
    status: String,
    message: String,
}

/// The results of the scenarios that count for a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    /// Scenarios without a failure.
    pub passed: usize,
    /// Scenarios in all.
    pub total: usize,
    /// Checks that succeeded.
    pub checks_passed: usize,
    /// Checks that failed.
    pub checks_failed: usize,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            total,
            checks_passed,
            checks_failed,
        } = self;
        write!(
            f,
            "{passed} of {total} scenarios; {checks_passed} checks passed, {checks_failed} failed"
        )
    }
}

/// Runs the scenarios of a revision; `tests/conformance` lists the expected failures.
///
/// # Panics
/// When another scenario fails, or an expected failure passes: the suite checks both.
pub fn requirements(host: &Host, revision: &str) -> Score {
    let expected = repository().join(format!("tests/conformance/{revision}.yaml"));
    let report = run(host, |suite| {
        suite
            .args(["--requirements", revision, "--expected-failures"])
            .arg(&expected)
    });
    assert!(
        report.passed_as_expected,
        "{} is not what is missing\n{}\n{}\n{}",
        expected.display(),
        report.complaints(),
        report.output,
        host.failure_report()
    );
    report.score(&counted(revision))
}

/// Runs one scenario as a client of a revision.
pub fn scenario(host: &Host, scenario: &str, revision: &str) -> Report {
    run(host, |suite| {
        suite.args(["--scenario", scenario, "--spec-version", revision])
    })
}

/// Runs the suite; `what` adds the arguments that select scenarios.
fn run(host: &Host, what: impl FnOnce(&mut Command) -> &mut Command) -> Report {
    let results = tempfile::tempdir_in(target()).expect("a temporary folder");
    let mut suite = node_program(PACKAGE, "dist/index.js");
    suite.args(["server", "--url", host.url(), "--output-dir"]);
    what(suite.arg(results.path()));
    let result = suite.output().expect("the suite can be run");
    let mut output = format!("{suite:?} ended with {}\n", result.status);
    output.push_str(&String::from_utf8_lossy(&result.stdout));
    output.push_str(&String::from_utf8_lossy(&result.stderr));
    let report = Report {
        scenarios: scenarios(results.path()),
        passed_as_expected: result.status.success(),
        output,
    };
    assert!(!report.scenarios.is_empty(), "{}", report.output);
    report
}

/// Returns the checks of each scenario, from the folders `server-SCENARIO-TIME` of a run.
fn scenarios(results: &Path) -> BTreeMap<String, Vec<Check>> {
    let folders = fs_err::read_dir(results).expect("the suite wrote results");
    let scenario = |folder: fs_err::DirEntry| {
        let name = folder.file_name().to_string_lossy().into_owned();
        // Such as server-ping-2026-11-25T07-17-16-212Z.
        let time = name.len().checked_sub("-2026-11-25T07-17-16-212Z".len());
        let name = name.get("server-".len()..time?)?.to_owned();
        let checks = fs_err::read_to_string(folder.path().join("checks.json"));
        let checks: Vec<Value> =
            serde_json::from_str(&checks.expect("the suite wrote checks")).expect("checks in JSON");
        Some((name, checks.iter().map(Check::read).collect()))
    };
    folders
        .filter_map(|folder| scenario(folder.expect("a readable folder")))
        .collect()
}

/// Returns the scenarios that count for a revision, by the suite's own list: a file of YAML that uses no more of it
/// than this.
fn counted(revision: &str) -> Vec<String> {
    let file = node_modules().join(format!("{PACKAGE}/requirements/{revision}.yaml"));
    let text = fs_err::read_to_string(file).expect("a list for the revision");
    let servers = text
        .lines()
        .skip_while(|line| *line != "server:")
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    servers
        .filter_map(|line| line.trim().strip_prefix("- "))
        .map(str::to_owned)
        .collect()
}

impl Check {
    fn read(check: &Value) -> Self {
        let member = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: member("id"),
            status: member("status"),
            message: member("errorMessage"),
        }
    }

    fn is_failure(&self) -> bool {
        self.status == "FAILURE"
    }

    fn is_complaint(&self) -> bool {
        self.is_failure() || self.status == "WARNING"
    }
}

impl Report {
    /// Returns the number of checks that succeeded.
    pub fn successes(&self) -> usize {
        let checks = self.scenarios.values().flatten();
        checks.filter(|check| check.status == "SUCCESS").count()
    }

    /// Returns every check that failed or warned, as text.
    pub fn complaints(&self) -> String {
        let mut complaints = String::new();
        for (scenario, checks) in &self.scenarios {
            for check in checks {
                if check.is_complaint() {
                    let Check {
                        id,
                        status,
                        message,
                    } = check;
                    let _ = writeln!(complaints, "{scenario}: {id}: {status}: {message}");
                }
            }
        }
        complaints
    }

    fn checks(&self, scenario: &str) -> &[Check] {
        self.scenarios
            .get(scenario)
            .unwrap_or_else(|| panic!("{scenario} did not run\n{}", self.output))
    }

    fn score(&self, counted: &[String]) -> Score {
        let ran: Vec<_> = counted.iter().map(|name| self.checks(name)).collect();
        let passes = |checks: &&&[Check]| !checks.iter().any(Check::is_failure);
        let count = |status: &str| {
            let checks = ran.iter().copied().flatten();
            checks.filter(|check| check.status == status).count()
        };
        Score {
            passed: ran.iter().filter(passes).count(),
            total: ran.len(),
            checks_passed: count("SUCCESS"),
            checks_failed: count("FAILURE"),
        }
    }
}
