//! The host's requirements on every plugin: its ABI, its panic strategy, and no newer release of the host.

use semver::Version;

/// The version of plugin-abi that this host speaks.
pub const ABI_VERSION: &str = "1.0.0";

/// The panic strategy that a plugin must be built with (ABI rule 3).
pub(crate) const PANIC_STRATEGY: &str = "unwind";

/// Checks that this host is of the release that a plugin needs, or of a later one. The error is the problem with its
/// remedy.
pub(crate) fn check_release(needed: &str) -> Result<(), String> {
    let release = env!("CARGO_PKG_VERSION");
    match (Version::parse(release), Version::parse(needed)) {
        (Ok(this), Ok(that)) if this >= that => Ok(()),
        _ => Err(format!(
            "needs release {needed} of the host, this is {release}; deploy that release, or rebuild the plugin with the plugin-sdk of this one"
        )),
    }
}

#[cfg(test)]
mod tests {
    use plugin_abi::{PluginRef, abi_stable::library::RootModule};

    use super::*;

    #[test]
    fn the_abi_version_is_that_of_plugin_abi() {
        assert_eq!(PluginRef::VERSION_STRINGS.version.as_str(), ABI_VERSION);
    }
}
