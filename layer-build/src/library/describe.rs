//! What a library declares, read by opening it in a child process: its code runs when it is opened.

use std::{path::Path, process::Command, time::Duration};

use anyhow::Context;
use layer_format::{Declaration, declaration_problems};
use serde_json::value::RawValue;

use crate::{
    error::Failure,
    finding::Check,
    process::{child, temp_dir},
    terminal::progress::doing,
};

/// A declaration, as text and parsed.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) text: Box<RawValue>,
    pub(crate) declaration: Declaration,
}

/// Open `library` in a child, and return what it declares, checked. With the folder that is `/opt/lib` on Lambda it is
/// opened as there, else in the environment of this program.
pub(crate) fn describe(
    library: &Path,
    lambda: Option<&Path>,
    patience: Duration,
) -> anyhow::Result<Described> {
    let folder = temp_dir::folder().context("no temporary folder can be made")?;
    let answer = folder.path().join("declaration.json");
    let this = std::env::current_exe().context("this program's own path is not known")?;
    let mut command = match lambda {
        Some(lib) => child::as_on_lambda(this, lib),
        None => Command::new(this),
    };
    command.arg("__describe").arg(library).arg(&answer);
    let name = library.file_name().unwrap_or_default().display();
    let doing = doing(format!("opening {name}"));
    let ended = child::run(&mut command, patience)?;
    drop(doing);
    let described = |code: &str, message: String| Failure::Described {
        code: code.to_owned(),
        message,
    };
    let path = library.display();
    let Some(status) = ended.status else {
        let message = format!(
            "{path}: has not come back from being opened after {} seconds",
            patience.as_secs()
        );
        return Err(described(Check::PluginHangs.as_str(), message).into());
    };
    if !status.success() {
        // The last line is ours, whatever the plugin printed before.
        let last = ended.stderr.lines().last().unwrap_or_default();
        let said = last
            .strip_prefix("error[")
            .and_then(|rest| rest.split_once("]: "));
        return Err(match said {
            Some((code, message)) => described(code, message.to_owned()),
            None => {
                let words = ended.stderr.trim();
                let end = if words.is_empty() { "" } else { ": " };
                described(
                    Check::PluginCrashed.as_str(),
                    format!("{path}: opening it ended with {status}{end}{words}"),
                )
            }
        }
        .into());
    }
    if !answer.exists() {
        let message = format!("{path}: ended the process while it was opened");
        return Err(described(Check::PluginCrashed.as_str(), message).into());
    }
    let text = fs_err::read_to_string(&answer)?;
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
