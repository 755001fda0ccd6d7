//! The official conformance suite, through every front door.

use std::io::Write as _;

use tests::{FrontDoor, Host, Layer, conformance};

/// The scenarios of each revision's requirements: how many there are, and how many the tools pass.
const SCORES: [(&str, usize, usize); 2] = [("2026-07-28", 37, 25), ("2025-11-25", 30, 14)];

/// The scenarios that the suite calls pending or optional, and does not score.
const UNSCORED: [(&str, &str); 5] = [
    ("json-schema-2020-12", "2026-07-28"),
    ("http-header-validation", "2026-07-28"),
    ("http-custom-header-server-validation", "2026-07-28"),
    ("json-schema-2020-12", "2025-11-25"),
    ("server-session-lifecycle", "2025-11-25"),
];

/// Environments of a function share this key for the state that clients carry between rounds.
const KEY: (&str, &str) = ("MCP_STATE_KEY", "a key of tests and of nothing else at all");

#[test]
fn the_official_suite_passes_through_serve() {
    content("serve", Host::serve);
}

// A legacy client requests messages once, and the environment that gets the request keeps it in memory. With one environment,
// the client's calls reach the same one.

#[test]
fn the_official_suite_passes_through_a_rest_api() {
    content("REST API", |layer| {
        Host::lambda_with_one_environment(layer, FrontDoor::rest_api("prod"), &[KEY])
    });
}

#[test]
fn the_official_suite_passes_through_an_http_api() {
    content("HTTP API", |layer| {
        Host::lambda_with_one_environment(layer, FrontDoor::http_api("$default"), &[KEY])
    });
}

#[test]
fn the_official_suite_passes_through_a_function_url_that_streams() {
    content("Function URL that streams", |layer| {
        let variables = [KEY, ("MCP_RESPONSE_MODE", "stream")];
        Host::lambda_with_one_environment(layer, FrontDoor::streaming_function_url(), &variables)
    });
}

fn content(door: &str, host: impl FnOnce(&Layer) -> Host) {
    let host = host(&Layer::of(["conformance"]));
    for (revision, total, passed) in SCORES {
        let score = conformance::requirements(&host, revision);
        // Written past the test runner, which hides the output of passing tests.
        let _ = writeln!(
            std::io::stderr(),
            "conformance to {revision} through {door}: {score}"
        );
        assert_eq!((score.total, score.passed), (total, passed), "{revision}");
    }
    for (scenario, revision) in UNSCORED {
        let report = conformance::scenario(&host, scenario, revision);
        assert_eq!(report.complaints(), "", "{scenario}\n{}", host.log());
        assert_ne!(
            report.successes(),
            0,
            "{scenario} at {revision} checked nothing"
        );
    }
}
