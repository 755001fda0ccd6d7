//! The new environment variables of a function: the current ones with the requested changes.

use std::collections::BTreeMap;

use anyhow::Context;

use crate::{
    args::{self, values},
    aws::{error::DeployError, lambda::MAX_ENVIRONMENT},
    process::env_file,
};

/// The changes to a function's environment variables.
#[derive(Debug, Default)]
pub(crate) struct EnvironmentChanges {
    set: BTreeMap<String, String>,
    unset: Vec<String>,
}

impl EnvironmentChanges {
    /// Returns the changes that the command line requests. A variable that is set there has precedence over the file of
    /// `--env-file`.
    pub(crate) fn from_args(args: &args::deploy::Swap) -> anyhow::Result<Self> {
        let mut set = BTreeMap::new();
        if let Some(file) = &args.env_file {
            set.extend(env_file::read(file, true)?);
        }
        for text in &args.env {
            let (name, value) = assignment(text)?;
            set.insert(name, value);
        }
        let unset = args.unset.clone();
        Ok(Self { set, unset })
    }

    /// Returns the values that are set.
    pub(crate) fn set(&self) -> &BTreeMap<String, String> {
        &self.set
    }

    /// Returns all environment variables after the changes.
    pub(crate) fn apply(
        &self,
        before: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, DeployError> {
        let mut after = before.clone();
        for name in &self.unset {
            if after.remove(name).is_none() {
                return Err(DeployError::NotSet {
                    name: name.clone(),
                    known: before.keys().cloned().collect(),
                });
            }
        }
        after.extend(self.set.clone());
        let size = after
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if size > MAX_ENVIRONMENT {
            let max = MAX_ENVIRONMENT;
            return Err(DeployError::EnvironmentTooLarge { size, max });
        }
        Ok(after)
    }
}

/// Parses `NAME=VALUE`, or `NAME` for the value in the environment of this shell. A value may be a secret, so no
/// message contains it.
fn assignment(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let name = values::variable_name(name)
        .map_err(anyhow::Error::msg)
        .context("--env")?;
    let value = match value {
        Some(value) => value,
        None => std::env::var(&name).map_err(|_| DeployError::NoVariable(name.clone()))?,
    };
    Ok((name, value))
}

/// Returns a line for the user for each variable that changes.
pub(crate) fn describe_changes(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> String {
    let kept = after.iter().map(|(name, value)| match before.get(name) {
        None => format!("{name} (new)"),
        Some(old) if old != value => format!("{name} (changed)"),
        Some(_) => name.clone(),
    });
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let gone = gone.map(|name| format!("{name} (removed)"));
    let all: Vec<_> = kept.chain(gone).collect();
    match all.as_slice() {
        [] => "none".to_owned(),
        all => all.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn environment_changes_keep_other_variables() {
        let before = map(&[("A", "1"), ("B", "2"), ("C", "3")]);
        let changes = EnvironmentChanges {
            set: map(&[("B", "x"), ("D", "4")]),
            unset: vec!["C".to_owned()],
        };
        let after = changes.apply(&before).expect("it can be done");
        assert_eq!(after, map(&[("A", "1"), ("B", "x"), ("D", "4")]));
        assert_eq!(
            describe_changes(&before, &after),
            "A, B (changed), D (new), C (removed)"
        );
        assert_eq!(describe_changes(&map(&[]), &map(&[])), "none");
    }

    #[test]
    fn errors_of_environment_changes_show_no_values() {
        let changes = EnvironmentChanges {
            set: BTreeMap::new(),
            unset: vec!["X".to_owned()],
        };
        let error = changes.apply(&map(&[("A", "s3cret")])).expect_err("no X");
        assert_eq!(
            error.to_string(),
            "--unset X: the function has no such variable\n  help: it has A"
        );
        let changes = EnvironmentChanges {
            set: map(&[("A", &"s3cret".repeat(1000))]),
            unset: Vec::new(),
        };
        let error = changes.apply(&map(&[])).expect_err("too large").to_string();
        assert!(
            error.starts_with("the variables take 6001 bytes") && !error.contains("s3cret"),
            "{error}"
        );
    }

    #[test]
    fn an_assignment_names_a_variable_or_takes_that_of_the_shell() {
        assert_eq!(
            assignment("A=b=c").expect("one"),
            ("A".to_owned(), "b=c".to_owned())
        );
        let path = assignment("PATH").expect("every shell has it");
        assert_eq!(Some(path.1), std::env::var("PATH").ok());
        for text in ["NO_SUCH_VARIABLE_HERE", "a-b=s3cret", "=s3cret"] {
            let error = format!("{:#}", assignment(text).expect_err(text));
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
