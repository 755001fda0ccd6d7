//! What a library declares, read by opening it in a child process: its code runs when it is opened.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context;
use host::plugin::{Code, Declaration, OpenError, declaration_problems};
use serde_json::value::RawValue;

use crate::{cli, error::Failure};

/// A declaration, as text and parsed.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) text: Box<RawValue>,
    pub(crate) declaration: Declaration,
}

/// The code of a plugin that ends the process.
const CRASHED: &str = "PLUGIN_CRASHED";

/// Open `library` in a child, and return what it declares, checked.
pub(crate) fn describe(library: &Path) -> anyhow::Result<Described> {
    let answer = tempfile::NamedTempFile::new().context("no temporary file can be made")?;
    let output =
        Command::new(std::env::current_exe().context("this program's own path is not known")?)
            .arg("__describe")
            .arg(library)
            .arg(answer.path())
            .stdin(Stdio::null())
            .output()
            .context("this program cannot run itself")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        // The last line is ours, whatever the plugin printed before.
        let last = stderr.lines().last().unwrap_or_default();
        let (code, message) = match last
            .strip_prefix("error[")
            .and_then(|rest| rest.split_once("]: "))
        {
            Some((code, message)) => (code.to_owned(), message.to_owned()),
            None => (
                CRASHED.to_owned(),
                format!(
                    "{}: opening it ended with {}: {stderr}",
                    library.display(),
                    output.status
                ),
            ),
        };
        return Err(Failure::Described { code, message }.into());
    }
    let text = fs_err::read_to_string(answer.path())?;
    if text.is_empty() {
        let message = format!(
            "{}: ended the process while it was opened",
            library.display()
        );
        return Err(Failure::Described {
            code: CRASHED.to_owned(),
            message,
        }
        .into());
    }
    let problem = |problem: String| Failure::Library {
        path: library.to_owned(),
        problem,
    };
    let declaration: Declaration =
        serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?;
    let problems = declaration_problems(&declaration);
    if !problems.is_empty() {
        let path = library.to_owned();
        return Err(Failure::Declaration { path, problems }.into());
    }
    let text = RawValue::from_string(text).map_err(|error| problem(error.to_string()))?;
    Ok(Described { text, declaration })
}

/// The child's side.
pub(crate) fn child(args: &cli::Describe) -> anyhow::Result<()> {
    let described = host::plugin::describe(&args.library);
    let declared = described.map_err(|error: OpenError| Failure::Described {
        code: error.code().as_str().to_owned(),
        message: error.to_string(),
    })?;
    fs_err::write(&args.out, declared.bytes)?;
    Ok(())
}
