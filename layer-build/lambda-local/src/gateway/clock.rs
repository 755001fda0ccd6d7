//! The time of a request, in the two formats that events contain.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A point in time, as the duration since 1970.
#[derive(Clone, Copy)]
pub(super) struct Timestamp(Duration);

impl Timestamp {
    /// Returns the current time.
    pub(super) fn now() -> Self {
        Self(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        )
    }

    /// Returns the time for `requestTimeEpoch` and `timeEpoch`. Unit: milliseconds since 1970.
    pub(super) fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns the time for `requestTime` and `time`, in the common log format: `12/Mar/2020:19:03:58 +0000`.
    pub(super) fn common_log(self) -> String {
        let seconds = self.0.as_secs();
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Count years from 1 March, so that the leap day is the last day of the year. Every 400 of these years have the
        // same number of days.
        let days = days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12;
        let year = era * 400 + year_of_era + u64::from(month < 2);
        let name = MONTHS[usize::try_from(month).unwrap_or_default()];
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("{day:02}/{name}/{year}:{hour:02}:{minute:02}:{second:02} +0000")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_read_as_in_the_common_log_format() {
        for (seconds, text) in [
            (0, "01/Jan/1970:00:00:00 +0000"),
            (951_782_399, "28/Feb/2000:23:59:59 +0000"),
            (951_782_400, "29/Feb/2000:00:00:00 +0000"),
            (951_868_800, "01/Mar/2000:00:00:00 +0000"),
            (1_583_348_638, "04/Mar/2020:19:03:58 +0000"),
            (1_798_761_599, "31/Dec/2026:23:59:59 +0000"),
            (1_798_761_600, "01/Jan/2027:00:00:00 +0000"),
        ] {
            assert_eq!(
                Timestamp(Duration::from_secs(seconds)).common_log(),
                text,
                "seconds: {seconds}"
            );
        }
    }
}
