//! When a call is given up, and what there is to say of that.

use std::time::{Duration, SystemTime};

/// When a call is given up, and by whose limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// When.
    pub(super) at: SystemTime,
    /// How long that was away when the call began.
    left: Duration,
    limit: Limit,
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    /// The tool's own.
    Tool,
    /// That of the function it runs in.
    Function,
}

impl Deadline {
    /// The earlier of the tool's own limit and the time by which the function must have answered.
    pub(super) fn of(tool: Option<Duration>, function: Option<SystemTime>) -> Option<Self> {
        let now = SystemTime::now();
        let function = function.map(|at| Self {
            at,
            left: at.duration_since(now).unwrap_or_default(),
            limit: Limit::Function,
        });
        // One that cannot be counted any more is none.
        let tool = tool.and_then(|left| {
            Some(Self {
                at: now.checked_add(left)?,
                left,
                limit: Limit::Tool,
            })
        });
        tool.into_iter()
            .chain(function)
            .min_by_key(|limit| limit.at)
    }

    /// How long it is still away.
    pub(super) fn left(&self) -> Duration {
        let now = SystemTime::now();
        self.at.duration_since(now).unwrap_or_default()
    }

    /// Why the call was given up, and the remedy.
    pub(super) fn words(&self) -> String {
        let left = words(self.left);
        match self.limit {
            Limit::Tool => format!(
                "its time limit is {left}; its author can raise it by #[tool(timeout = \"...\")]"
            ),
            Limit::Function => format!(
                "the function it runs in left it {left}; the operator can raise the function's timeout"
            ),
        }
    }
}

/// `2 s`, `2.5 s`, `250 ms`
fn words(time: Duration) -> String {
    let milliseconds = time.as_millis();
    if milliseconds < 1000 {
        return format!("{milliseconds} ms");
    }
    format!("{} s", milliseconds as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_limit_is_the_one_that_is_named() {
        let s = Duration::from_secs;
        for (tool, function, named) in [
            (Some(s(2)), None, Some("its time limit is 2 s;")),
            (Some(s(2)), Some(s(60)), Some("its time limit is 2 s;")),
            (Some(s(60)), Some(s(2)), Some("the function it runs in")),
            (None, Some(s(2)), Some("the function it runs in")),
            (
                Some(Duration::MAX),
                Some(s(2)),
                Some("the function it runs in"),
            ),
            (Some(Duration::MAX), None, None),
            (None, None, None),
        ] {
            let deadline = Deadline::of(tool, function.map(|left| SystemTime::now() + left));
            let words = deadline.map(|deadline| deadline.words());
            assert_eq!(words.is_some(), named.is_some(), "{tool:?} {function:?}");
            if let (Some(words), Some(named)) = (words, named) {
                assert!(words.starts_with(named), "{tool:?} {function:?}: {words}");
            }
        }
    }

    #[test]
    fn times_are_written_as_people_say_them() {
        for (milliseconds, expected) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1000, "1 s"),
            (2500, "2.5 s"),
            (28_500, "28.5 s"),
            (3_600_000, "3600 s"),
        ] {
            assert_eq!(words(Duration::from_millis(milliseconds)), expected);
        }
    }
}
