//! Samples, and their statistics.

use std::time::Duration;

use serde::Serialize;

/// Durations, in the order in which they were measured.
#[derive(Clone, Default)]
pub(crate) struct Samples(Vec<Duration>);

impl Samples {
    pub(crate) fn add(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// Returns the duration that this share of the samples does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
        sorted.get(index).copied().unwrap_or_default()
    }

    /// Returns median, minimum and maximum. Unit: microseconds.
    pub(crate) fn microseconds(&self) -> Spread {
        Spread::from_numbers(
            self.0
                .iter()
                .map(|sample| sample.as_secs_f64() * 1e6)
                .collect(),
        )
    }

    /// Returns the ratios to other samples, round by round.
    pub(crate) fn times(&self, others: &Self) -> Spread {
        let pairs = self.0.iter().zip(&others.0);
        Spread::from_numbers(
            pairs
                .map(|(one, other)| one.as_secs_f64() / other.as_secs_f64())
                .collect(),
        )
    }
}

/// The spread of some numbers.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    fn from_numbers(mut numbers: Vec<f64>) -> Self {
        numbers.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| numbers.get(index).copied().unwrap_or(f64::NAN);
        Self {
            median: at(numbers.len() / 2),
            min: at(0),
            max: at(numbers.len().saturating_sub(1)),
        }
    }
}
