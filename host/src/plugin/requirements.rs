//! The host's requirements for every plugin: the ABI version, the panic strategy, and a host release that is new enough
//! for the plugin.

use semver::Version;

/// The version of plugin-abi that this host uses.
pub const ABI_VERSION: &str = "1.0.0";

/// The panic strategy with which a plugin must be built (ABI rule 3).
pub(crate) const PANIC_STRATEGY: &str = "unwind";

/// Checks that this host's release is at least the one that a plugin needs. The error describes the problem and its
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
