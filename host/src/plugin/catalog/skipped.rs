//! What becomes of a plugin that cannot serve: it stops the start, or is left out. `ON_BAD_PLUGIN` decides.

use layer_format::SkippedPlugin;

use crate::{config::OnBadPlugin, plugin::CatalogError};

/// Sorts what can be served from what cannot.
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

    /// What can be served; else `None`, and its problem is remembered. What the configuration names always stops the start.
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

    /// Leave out a file that need not be a plugin at all.
    pub(crate) fn skip(&mut self, file: &str, error: &CatalogError) {
        let left = SkippedPlugin::new(file, error);
        tracing::warn!(file, code = %left.code, "left out: {}", left.problem);
        self.skipped.push(left);
    }

    /// Everything that stops the start, as one error.
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
