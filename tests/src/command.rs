//! Runs commands to their end.

use std::process::Command;

/// Runs a command, and returns its stdout and stderr, without line breaks at the end, and its exit code.
///
/// # Panics
/// When it cannot be run, or prints something else than text.
pub fn run_captured(command: &mut Command) -> (String, String, Option<i32>) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let text = |bytes| {
        String::from_utf8(bytes)
            .expect("text")
            .trim_end()
            .to_owned()
    };
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

/// Runs a command that must succeed, and returns its stdout.
///
/// # Panics
/// When it fails, with the command and its whole output.
pub fn output_of(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} ended with {}\nstdout:\n{stdout}\nstderr:\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}
