//! The deadline of a call, and the message of a call that timed out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The deadline of a call, and the limit from which it follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// The time at which the call times out.
    pub(crate) at: SystemTime,
    /// The time that was left when the call started.
    remaining: Duration,
    limit: LimitSource,
}

#[derive(Clone, Copy, Debug)]
enum LimitSource {
    /// The tool's own time limit.
    Tool,
    /// The operator's setting `MCP_CALL_TIMEOUT_MS`.
    Setting,
    /// The front door's time limit.
    FrontDoor(GatewayTimeout),
    /// The timeout of the Lambda function in which the host runs.
    Function,
}

/// The time limit of a front door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayTimeout {
    /// The kind of front door, with its article: `a REST API`.
    pub front_door: &'static str,
    /// How long the front door waits for a response.
    pub limit: Duration,
}

/// The operator's settings for time limits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallLimits {
    /// The time limit of a call. It replaces the front door's limit.
    pub(crate) setting: Option<Duration>,
    /// How long before the end of the front door's or the function's limit a call must end.
    pub(crate) reserve: Duration,
}

impl CallLimits {
    /// Returns the earliest of three deadlines: the tool's own, the operator's (without one, the front door's), and the
    /// function's.
    pub(crate) fn deadline(
        &self,
        tool: Option<Duration>,
        gateway_timeout: Option<GatewayTimeout>,
        function: Option<SystemTime>,
    ) -> Option<Deadline> {
        let now = SystemTime::now();
        // A limit that is too long for a `SystemTime` is the same as no limit.
        let after = |remaining: Duration, limit| {
            let at = now.checked_add(remaining)?;
            Some(Deadline {
                at,
                remaining,
                limit,
            })
        };
        let tool = tool.and_then(|remaining| after(remaining, LimitSource::Tool));
        let door = match (self.setting, gateway_timeout) {
            (Some(remaining), _) => after(remaining, LimitSource::Setting),
            (None, Some(gateway_timeout)) => after(
                gateway_timeout.limit.saturating_sub(self.reserve),
                LimitSource::FrontDoor(gateway_timeout),
            ),
            (None, None) => None,
        };
        let function = function.map(|end| {
            let at = end.checked_sub(self.reserve).unwrap_or(UNIX_EPOCH);
            let remaining = at.duration_since(now).unwrap_or_default();
            let limit = LimitSource::Function;
            Deadline {
                at,
                remaining,
                limit,
            }
        });
        [tool, door, function]
            .into_iter()
            .flatten()
            .min_by_key(|limit| limit.at)
    }
}

impl Deadline {
    /// Returns the time that is left until the deadline.
    pub(crate) fn remaining(&self) -> Duration {
        let now = SystemTime::now();
        self.at.duration_since(now).unwrap_or_default()
    }

    /// Returns the reason why the call timed out, and the remedy.
    pub(crate) fn message(&self) -> String {
        let remaining = format_duration(self.remaining);
        match self.limit {
            LimitSource::Tool => format!(
                "its time limit is {remaining}; its author can raise it with #[tool(timeout = \"...\")]"
            ),
            LimitSource::Setting => {
                format!(
                    "the server allows {remaining} per call; the operator can raise MCP_CALL_TIMEOUT_MS"
                )
            }
            LimitSource::FrontDoor(GatewayTimeout {
                front_door: door,
                limit,
            }) => format!(
                "{door} waits {} for a response, which left {remaining} for the call; the operator can raise the gateway's limit, if it has a higher one, and set MCP_CALL_TIMEOUT_MS to it",
                format_duration(limit)
            ),
            LimitSource::Function => format!(
                "the function's timeout left {remaining} for the call; the operator can raise the function's timeout"
            ),
        }
    }
}

/// Formats a duration: `2 s`, `2.5 s`, `250 ms`.
fn format_duration(time: Duration) -> String {
    let milliseconds = time.as_millis();
    if milliseconds < 1000 {
        return format!("{milliseconds} ms");
    }
    format!("{} s", milliseconds as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST_API: GatewayTimeout = GatewayTimeout {
        front_door: "a REST API",
        limit: Duration::from_secs(29),
    };

    #[test]
    fn the_earliest_limit_is_the_one_that_is_named() {
        let s = Duration::from_secs;
        let limits = |setting| CallLimits {
            setting,
            reserve: Duration::from_millis(500),
        };
        for (tool, setting, gateway_timeout, function, named) in [
            (Some(s(2)), None, None, None, "its time limit is 2 s;"),
            (
                Some(s(2)),
                Some(s(9)),
                Some(REST_API),
                Some(s(60)),
                "its time limit is 2 s;",
            ),
            (
                Some(s(60)),
                None,
                None,
                Some(s(2)),
                "the function's timeout left 1.",
            ),
            (
                Some(Duration::MAX),
                None,
                None,
                Some(s(2)),
                "the function's timeout left",
            ),
            (
                Some(s(40)),
                None,
                Some(REST_API),
                Some(s(300)),
                "a REST API waits 29 s for a response, which left 28.5 s for the call; ",
            ),
            (
                None,
                Some(s(9)),
                Some(REST_API),
                Some(s(300)),
                "the server allows 9 s per call; the operator can raise MCP_CALL_TIMEOUT_MS",
            ),
            // A gateway with a raised limit of its own.
            (
                None,
                Some(s(120)),
                Some(REST_API),
                Some(s(300)),
                "the server allows 120 s per call;",
            ),
            (
                None,
                None,
                Some(REST_API),
                Some(s(2)),
                "the function's timeout left",
            ),
        ] {
            let function = function.map(|remaining| SystemTime::now() + remaining);
            let deadline = limits(setting).deadline(tool, gateway_timeout, function);
            let words = deadline.expect("a limit").message();
            assert!(words.starts_with(named), "{named}: {words}");
        }
        for tool in [None, Some(Duration::MAX)] {
            assert!(
                limits(None).deadline(tool, None, None).is_none(),
                "{tool:?}"
            );
        }
    }

    #[test]
    fn durations_are_written_in_seconds_or_milliseconds() {
        for (milliseconds, expected) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1000, "1 s"),
            (2500, "2.5 s"),
            (28_500, "28.5 s"),
            (3_600_000, "3600 s"),
        ] {
            assert_eq!(
                format_duration(Duration::from_millis(milliseconds)),
                expected
            );
        }
    }
}
