//! Environment variables that were renamed when the prefix `MCP_` was introduced. A variable under its old name has no
//! effect, so the operator must be told.

use super::values::Values;

/// The old and the new name of a variable.
struct Renamed {
    old: &'static str,
    new: &'static str,
    /// Whether ignoring the old name would admit callers who should be rejected, or would lose the state of sessions.
    is_guard: bool,
}

const fn setting(old: &'static str, new: &'static str) -> Renamed {
    let is_guard = false;
    Renamed { old, new, is_guard }
}

const fn guard(old: &'static str, new: &'static str) -> Renamed {
    let is_guard = true;
    Renamed { old, new, is_guard }
}

const RENAMED: [Renamed; 19] = [
    guard("ALLOWED_HOSTS", "MCP_ALLOWED_HOSTS"),
    guard("ALLOWED_ORIGINS", "MCP_ALLOWED_ORIGINS"),
    guard("BEARER_TOKENS", "MCP_BEARER_TOKENS"),
    guard("SESSION_TABLE", "MCP_SESSION_TABLE"),
    guard("STATE_KEY", "MCP_STATE_KEY"),
    setting("CALLS_AT_ONCE", "MCP_MAX_CONCURRENT_CALLS"),
    setting("CALL_RESERVE_MS", "MCP_CALL_RESERVE_MS"),
    setting("CALL_TIMEOUT_MS", "MCP_CALL_TIMEOUT_MS"),
    setting("CONTEXT_HEADERS", "MCP_CONTEXT_HEADERS"),
    setting("LIST_PAGE_SIZE", "MCP_LIST_PAGE_SIZE"),
    setting("LIST_TTL_MS", "MCP_LIST_TTL_MS"),
    setting("METRICS", "MCP_METRICS"),
    setting("ON_BAD_PLUGIN", "MCP_ON_BAD_PLUGIN"),
    setting("PLUGIN_DIR", "MCP_PLUGIN_DIR"),
    setting("PRELOAD", "MCP_PRELOAD"),
    setting("RESPONSE_MODE", "MCP_RESPONSE_MODE"),
    setting("SESSION_MODE", "MCP_SESSION_MODE"),
    setting("SESSION_TTL_SECONDS", "MCP_SESSION_TTL_SECONDS"),
    setting("STATE_TTL_SECONDS", "MCP_STATE_TTL_SECONDS"),
];

/// Checks which variables are set under their old names. Adds a problem for each that is a guard, and returns a warning
/// for each of the others. If the new name is set as well, the old one is assumed to belong to a plugin, because
/// plugins read the same environment variables.
pub(super) fn check_renamed(values: &mut Values<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    for Renamed { old, new, is_guard } in RENAMED {
        if values.is_unset(old) || !values.is_unset(new) {
            continue;
        }
        if is_guard {
            values.problems.push(format!(
                "{old} is set, but the host reads {new}; rename it, and if a plugin needs {old}, set both"
            ));
        } else {
            warnings.push(format!(
                "{old} is ignored; if it is meant for the host, rename it to {new}"
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    fn config(variables: &[&str]) -> Config {
        // A key and an entry that are valid in both.
        let value = |name: &str| match name.trim_start_matches("MCP_") {
            "STATE_KEY" => "0123456789abcdef0123456789abcdef".to_owned(),
            "BEARER_TOKENS" => format!("ada:{}", "0".repeat(64)),
            "ALLOWED_ORIGINS" => "https://app.example.com".to_owned(),
            _ => "1".to_owned(),
        };
        Config::from_env(|name| variables.contains(&name).then(|| value(name)))
    }

    #[test]
    fn an_old_name_of_a_guard_stops_the_start_and_another_old_name_is_a_warning() {
        for Renamed { old, new, is_guard } in RENAMED {
            let Config {
                problems, warnings, ..
            } = config(&[old]);
            let (named, none) = if is_guard {
                (problems, warnings)
            } else {
                (warnings, problems)
            };
            assert_eq!(none, [""; 0], "{old}");
            assert_eq!(named.len(), 1, "{old}");
            assert!(
                named[0].starts_with(old) && named[0].contains(new),
                "{named:?}"
            );
            assert!(!named[0].contains("0123"), "a secret is shown: {named:?}");
        }
    }

    #[test]
    fn an_old_name_beside_its_new_one_belongs_to_a_plugin() {
        for Renamed { old, new, .. } in RENAMED {
            assert_eq!(config(&[old, new]).warnings, [""; 0], "{old}");
            assert_eq!(
                config(&[old, new]).problems,
                config(&[new]).problems,
                "{old}"
            );
        }
    }

    #[test]
    fn a_blank_old_name_is_no_problem() {
        let config = Config::from_env(|name| (name == "BEARER_TOKENS").then(|| " ".to_owned()));
        assert_eq!((config.problems, config.warnings), (vec![], vec![]));
    }
}
