//! The treatment of plugins that cannot be served: they stop the start, or are skipped. `MCP_ON_BAD_PLUGIN` decides.

use layer_format::SkippedPlugin;

use crate::{config::OnBadPlugin, plugin::CatalogError};

/// Collects the errors of plugins, and decides which of them stop the start.
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

    /// Returns a good outcome. Records an error and returns `None`. An error of a plugin that the configuration names
    /// always stops the start.
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

    /// Skips a file. It need not be a plugin at all.
    pub(crate) fn skip(&mut self, file: &str, error: &CatalogError) {
        let left = SkippedPlugin::new(file, error);
        tracing::warn!(file, code = %left.code, "plugin skipped: {}", left.problem);
        self.skipped.push(left);
    }

    /// Returns all errors that stop the start as one error.
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
