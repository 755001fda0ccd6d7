//! Tools that compute with dates, times and time zones, because models often make mistakes in that.
//!
//! Times are written as in RFC 3339, with a time zone if it is known, such as
//! `2026-11-23T09:30:00+01:00[Europe/Berlin]`. The time zone database is compiled in, because Lambda has none.

use jiff::{
    Span, Timestamp, ToSpan, Unit, Zoned, civil,
    fmt::friendly::{Designator, Spacing, SpanPrinter},
    tz::TimeZone,
};
use plugin_sdk::prelude::*;

/// A moment as people in one place see it.
#[data]
pub struct LocalTime {
    /// Date and time, with offset and time zone.
    time: String,
    /// The day of the week.
    weekday: String,
    /// Seconds since 1970-01-01 UTC.
    unix_seconds: i64,
    /// Is daylight saving time in force?
    daylight_saving: bool,
}

impl LocalTime {
    fn new(zoned: &Zoned) -> Self {
        Self {
            time: zoned.to_string(),
            weekday: weekday(zoned.date()),
            unix_seconds: zoned.timestamp().as_second(),
            daylight_saving: zoned
                .time_zone()
                .to_offset_info(zoned.timestamp())
                .dst()
                .is_dst(),
        }
    }
}

/// One moment in several places.
#[data]
pub struct Converted {
    /// The moment, in the order of the time zones asked for.
    times: Vec<LocalTime>,
}

/// The time between two dates.
#[data]
pub struct Between {
    /// Days from the first date to the second; negative when the second is earlier.
    days: i32,
    /// Mondays to Fridays among these days, with the first date and without the second.
    weekdays: i32,
    /// The same in years, months and days.
    in_words: String,
}

/// The current date and time in a time zone.
///
/// # Arguments
/// * `time_zone` - IANA name such as `Europe/Berlin`.
#[tool(title = "Current time", read_only, open_world = false)]
pub fn current_time(
    #[arg(default = "UTC")] time_zone: String,
) -> Result<Json<LocalTime>, ToolError> {
    let zone = zone(&time_zone)?;
    Ok(Json(LocalTime::new(&Timestamp::now().to_zoned(zone))))
}

/// The local times in other time zones at a given moment.
///
/// # Arguments
/// * `time` - The moment: RFC 3339 (`2026-11-23T09:30:00Z`), or a local time (`2026-11-23T09:30`) together with `from`.
/// * `to` - IANA names of the time zones wanted, such as `["Asia/Tokyo", "America/New_York"]`.
/// * `from` - The time zone of a local time.
#[tool(title = "Convert time", read_only, idempotent, open_world = false)]
pub fn convert_time(
    time: String,
    to: Vec<String>,
    from: Option<String>,
) -> Result<Json<Converted>, ToolError> {
    let moment = moment(&time, from.as_deref())?;
    let converted = to
        .iter()
        .map(|name| Ok(LocalTime::new(&moment.with_time_zone(zone(name)?))));
    Ok(Json(Converted {
        times: converted.collect::<Result<_, ToolError>>()?,
    }))
}

/// Add a span to a date or a time, or take it away, by the calendar: months and days keep the time of day, also when
/// the clocks change.
///
/// # Arguments
/// * `to` - A date (`2026-01-31`) or a time with offset or time zone.
/// * `span` - Such as `1 month 3 days`, `2 weeks`, `-36 hours`, or ISO 8601 (`P1M3DT12H`).
#[tool(title = "Add to a date", read_only, idempotent, open_world = false)]
pub fn add_to_date(to: String, span: String) -> Result<String, ToolError> {
    let span: Span = span.trim().parse().map_err(|error| {
        ToolError::new(format!(
            "{span:?} is not a span of time ({error}); write for example `1 month 3 days` or `P1M3D`"
        ))
    })?;
    match to.parse::<civil::Date>() {
        Ok(date) if is_date(&to) => {
            if span.get_hours() != 0 || span.get_minutes() != 0 || span.get_seconds() != 0 {
                return Err(ToolError::new(
                    "hours and smaller units can be added only to a time, not to a date; add `T00:00Z` to it",
                ));
            }
            let sum = date.checked_add(span)?;
            Ok(format!("{sum} ({})", weekday(sum)))
        }
        _ => {
            let sum = moment(&to, None)?.checked_add(span)?;
            Ok(format!("{sum} ({})", weekday(sum.date())))
        }
    }
}

/// The number of days, weekdays, months and years between two dates.
///
/// # Arguments
/// * `from` - The first date, such as `2026-01-31`.
/// * `until` - The second date.
#[tool(
    title = "Days between dates",
    read_only,
    idempotent,
    open_world = false
)]
pub fn days_between(from: String, until: String) -> Result<Json<Between>, ToolError> {
    let (first, second) = (date(&from)?, date(&until)?);
    let days = first.until((Unit::Day, second))?.get_days();
    let parts = first.until((Unit::Year, second))?;
    let printer = SpanPrinter::new()
        .designator(Designator::Verbose)
        .spacing(Spacing::BetweenUnitsAndDesignators);
    Ok(Json(Between {
        days,
        weekdays: weekdays(first, days),
        in_words: printer.span_to_string(&parts),
    }))
}

export_tools!(current_time, convert_time, add_to_date, days_between);

fn zone(name: &str) -> Result<TimeZone, ToolError> {
    TimeZone::get(name.trim()).map_err(|_| {
        ToolError::new(format!(
            "{name:?} is not a time zone; write an IANA name such as `Europe/Berlin`"
        ))
    })
}

/// Parses a moment: a time with an offset or a time zone, or a local time in the time zone `from`.
fn moment(time: &str, from: Option<&str>) -> Result<Zoned, ToolError> {
    let time = time.trim();
    if let Ok(zoned) = time.parse::<Zoned>() {
        return Ok(zoned);
    }
    if let Ok(timestamp) = time.parse::<Timestamp>() {
        let from = from.map_or(Ok(TimeZone::UTC), zone)?;
        return Ok(timestamp.to_zoned(from));
    }
    let local: civil::DateTime = time.parse().map_err(|_| {
        ToolError::new(format!(
            "{time:?} is not a time; write for example `2026-11-23T09:30:00Z` or `2026-11-23T09:30`"
        ))
    })?;
    let Some(from) = from else {
        return Err(ToolError::new(format!(
            "{time:?} has no time zone; name one, or add an offset"
        )));
    };
    Ok(local.to_zoned(zone(from)?)?)
}

fn is_date(text: &str) -> bool {
    !text.contains(['T', 't', ' ', ':'])
}

fn date(text: &str) -> Result<civil::Date, ToolError> {
    text.trim().parse().map_err(|_| {
        ToolError::new(format!(
            "{text:?} is not a date; write for example `2026-11-23`"
        ))
    })
}

fn weekday(date: civil::Date) -> String {
    date.strftime("%A").to_string()
}

/// Returns the number of Mondays to Fridays in the `days` days that begin with `first`, without iterating over the
/// days.
fn weekdays(first: civil::Date, days: i32) -> i32 {
    let (start, count, sign) = if days < 0 {
        (first.saturating_add(days.days()), -days, -1)
    } else {
        (first, days, 1)
    };
    let offset = i32::from(start.weekday().to_monday_zero_offset());
    let rest = (offset..offset + count % 7)
        .filter(|day| day % 7 < 5)
        .count();
    sign * (count / 7 * 5 + i32::try_from(rest).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_after_the_last_day_of_january_is_the_last_of_february() {
        assert_eq!(
            add_to_date("2026-01-31".into(), "1 month".into()).unwrap(),
            "2026-02-28 (Saturday)"
        );
        assert_eq!(
            add_to_date("2028-03-01".into(), "-1 day".into()).unwrap(),
            "2028-02-29 (Tuesday)"
        );
    }

    #[test]
    fn a_day_keeps_the_time_of_day_when_the_clocks_change() {
        let sum = add_to_date(
            "2026-10-24T12:00:00+02:00[Europe/Berlin]".into(),
            "1 day".into(),
        )
        .unwrap();
        assert_eq!(sum, "2026-10-25T12:00:00+01:00[Europe/Berlin] (Sunday)");
    }

    #[test]
    fn an_instant_is_converted_to_other_time_zones() {
        let Json(Converted { times }) = convert_time(
            "2026-07-01T09:30".into(),
            vec!["Asia/Tokyo".into()],
            Some("Europe/Berlin".into()),
        )
        .unwrap();
        assert_eq!(times[0].time, "2026-07-01T16:30:00+09:00[Asia/Tokyo]");
        assert_eq!(times[0].weekday, "Wednesday");
        assert!(!times[0].daylight_saving);
    }

    #[test]
    fn weekdays_are_counted_as_a_calendar_would() {
        for (from, until, days, weekdays) in [
            ("2026-11-23", "2026-11-30", 7, 5),
            ("2026-11-27", "2026-11-30", 3, 1),
            ("2026-11-28", "2026-11-30", 2, 0),
            ("2026-11-30", "2026-11-27", -3, -1),
            ("2026-01-01", "2027-01-01", 365, 261),
            ("2026-11-23", "2026-11-23", 0, 0),
        ] {
            let Json(between) = days_between(from.into(), until.into()).unwrap();
            assert_eq!(
                (between.days, between.weekdays),
                (days, weekdays),
                "{from} until {until}"
            );
        }
    }

    #[test]
    fn an_invalid_time_is_refused_with_an_example() {
        for result in [
            convert_time("tomorrow".into(), vec![], None).map(drop),
            convert_time("2026-07-01T09:30".into(), vec![], None).map(drop),
            convert_time(
                "2026-07-01T09:30Z".into(),
                vec!["Mars/Olympus".into()],
                None,
            )
            .map(drop),
            add_to_date("2026-01-31".into(), "a while".into()).map(drop),
            add_to_date("2026-01-31".into(), "5 hours".into()).map(drop),
            days_between("2026-02-30".into(), "2026-03-01".into()).map(drop),
        ] {
            assert!(!result.unwrap_err().to_string().is_empty());
        }
    }
}
