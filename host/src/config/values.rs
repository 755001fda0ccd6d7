//! Reads environment variables as text, lists, numbers and named values, and collects the problems with them.

/// Reads environment variables. A blank value counts as unset.
pub(super) struct Values<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    /// The problems that were found.
    pub(super) problems: Vec<String>,
}

impl<'a> Values<'a> {
    pub(super) fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            get,
            problems: Vec::new(),
        }
    }

    /// Reports whether a variable is set, but empty or blank.
    pub(super) fn is_blank(&self, name: &str) -> bool {
        (self.get)(name).is_some_and(|value| value.trim().is_empty())
    }

    /// Reports whether a variable is unset or blank.
    pub(super) fn is_unset(&self, name: &str) -> bool {
        self.text(name).is_none()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.get)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// Returns the parts of a comma-separated list.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let value = self.text(name).unwrap_or_default();
        value
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn number(&mut self, name: &str, default: u64) -> u64 {
        match self.text(name).map(|value| (value.parse(), value)) {
            None => default,
            Some((Ok(number), _)) => number,
            Some((Err(_), value)) => {
                self.problems.push(format!(
                    "{name} is {value:?}; it must be a whole number from 0 to {}",
                    u64::MAX
                ));
                default
            }
        }
    }

    /// Returns a number from 1 to `max`; `None` if the variable is unset or invalid.
    pub(super) fn count(&mut self, name: &str, max: usize) -> Option<usize> {
        let value = self.text(name)?;
        let count = value.parse().ok();
        let count = count.filter(|count| (1..=max).contains(count));
        if count.is_none() {
            self.problems.push(format!(
                "{name} is {value:?}; it must be a whole number from 1 to {max}"
            ));
        }
        count
    }

    /// Returns one of the values in `known`, ignoring upper and lower case. The default is the first of them.
    pub(super) fn one_of(&mut self, name: &str, known: &[&str]) -> String {
        let value = self.text(name).unwrap_or_else(|| known[0].to_owned());
        if !known.iter().any(|known| known.eq_ignore_ascii_case(&value)) {
            self.problems.push(format!(
                "{name} is {value:?}; it must be one of {}",
                known.join(", ")
            ));
        }
        value
    }
}
