//! Reads the declaration of a library. The library is opened in a child process, because opening it runs its code.

use std::{path::Path, process::Command, time::Duration};

use anyhow::Context;
use layer_format::{Declaration, declaration_problems};
use serde_json::value::RawValue;

use crate::{
    error::CliError,
    finding::FindingCode,
    process::{child, temp_dir},
    terminal::progress::spinner,
};

/// A declaration, as text and parsed.
#[derive(Clone, Debug)]
pub(crate) struct LibraryDeclaration {
    pub(crate) text: Box<RawValue>,
    pub(crate) declaration: Declaration,
}

/// Opens `library` in a child process, checks its declaration and returns it. If `lambda_lib` is given, the child has
/// the environment of a function whose `/opt/lib` is this folder, without that of this program. Otherwise, which is
/// only for the user's own plugins, the child has the environment of this program.
pub(crate) fn describe(
    library: &Path,
    lambda_lib: Option<&Path>,
    timeout: Duration,
) -> anyhow::Result<LibraryDeclaration> {
    let folder = temp_dir::create().context("a temporary folder cannot be created")?;
    let out = folder.path().join("declaration.json");
    let program = std::env::current_exe().context("the path of this program is unknown")?;
    let mut command = match lambda_lib {
        Some(lib) => child::lambda_command(program, lib),
        None => Command::new(program),
    };
    command.arg("__describe").arg(library).arg(&out);
    let name = library.file_name().unwrap_or_default().display();
    let spinner = spinner(format!("opening {name}"));
    let outcome = child::run(&mut command, timeout)?;
    drop(spinner);
    let failed = |code: &str, message: String| CliError::Reported {
        code: code.to_owned(),
        message,
    };
    let path = library.display();
    let Some(status) = outcome.status else {
        let message = format!(
            "{path}: opening it did not finish within {} seconds",
            timeout.as_secs()
        );
        return Err(failed(FindingCode::PluginHangs.as_str(), message).into());
    };
    if !status.success() {
        // The child prints the error as the last line, after any output of the plugin.
        let last = outcome.stderr.lines().last().unwrap_or_default();
        let reported = last
            .strip_prefix("error[")
            .and_then(|rest| rest.split_once("]: "));
        return Err(match reported {
            Some((code, message)) => failed(code, message.to_owned()),
            None => {
                let stderr = outcome.stderr.trim();
                let end = if stderr.is_empty() { "" } else { ": " };
                failed(
                    FindingCode::PluginCrashed.as_str(),
                    format!("{path}: opening it ended with {status}{end}{stderr}"),
                )
            }
        }
        .into());
    }
    if !out.exists() {
        let message = format!("{path}: it ended the process while it was opened");
        return Err(failed(FindingCode::PluginCrashed.as_str(), message).into());
    }
    let text = fs_err::read_to_string(&out)?;
    let problem = |problem: String| CliError::Library {
        path: library.to_owned(),
        problem,
    };
    let declaration: Declaration =
        serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?;
    let problems = declaration_problems(&declaration);
    if !problems.is_empty() {
        let path = library.to_owned();
        return Err(CliError::Declaration { path, problems }.into());
    }
    let text = RawValue::from_string(text).map_err(|error| problem(error.to_string()))?;
    Ok(LibraryDeclaration { text, declaration })
}
