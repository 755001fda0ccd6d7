//! Decides whether a plugin that cannot be served stops the startup or is skipped, according to `MCP_ON_BAD_PLUGIN`.

use layer_format::SkippedPlugin;

use crate::{config::OnBadPlugin, plugin::CatalogError};

/// Collects the errors of plugins, and decides which of them stop the startup.
#[derive(Debug)]
pub(crate) struct BadPluginPolicy {
    mode: OnBadPlugin,
    skipped: Vec<SkippedPlugin>,
    errors: Vec<CatalogError>,
}

impl BadPluginPolicy {
    pub(crate) fn new(mode: OnBadPlugin) -> Self {
        Self {
            mode,
            skipped: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Returns the value if there is no error. Otherwise returns `None`, and either records the error or skips the
    /// file. If the configuration names the plugin (`named`), an error always stops the startup.
    pub(crate) fn apply<T>(
        &mut self,
        file: &str,
        named: bool,
        outcome: Result<T, CatalogError>,
    ) -> Option<T> {
        match outcome {
            Ok(good) => return Some(good),
            Err(error) if named || self.mode == OnBadPlugin::Stop => self.errors.push(error),
            Err(error) => self.skip(file, &error),
        }
        None
    }

    /// Skips a file, which need not be a plugin at all.
    pub(crate) fn skip(&mut self, file: &str, error: &CatalogError) {
        let left = SkippedPlugin::new(file, error);
        tracing::warn!(file, code = %left.code, "plugin skipped: {}", left.problem);
        self.skipped.push(left);
    }

    /// Returns all errors that stop the startup, as a single error.
    pub(crate) fn check(&mut self) -> Result<(), CatalogError> {
        let mut errors = std::mem::take(&mut self.errors);
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(CatalogError::Several(errors)),
        }
    }

    pub(crate) fn skipped(&self) -> &[SkippedPlugin] {
        &self.skipped
    }

    pub(crate) fn into_skipped(self) -> Vec<SkippedPlugin> {
        self.skipped
    }
}
