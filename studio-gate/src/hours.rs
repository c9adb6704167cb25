//! When changes are made: days of the week and hours, as an operator writes them.

use jiff::civil::{DateTime, Time, Weekday};
use serde::Deserialize;
use std::fmt;
use studio_core::limits::LIST_MAX;

/// The times in which changes are made; always, where none are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Hours(Vec<Window>);

/// Days and hours of one entry: `Mon-Fri 09:00-17:00`, `Sat 22:00-02:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    text: String,
    days: (Weekday, Weekday),
    hours: (Time, Time),
}

impl Hours {
    /// Says whether changes are made at that time, on the clock of the machine.
    pub fn is_open(&self, now: DateTime) -> bool {
        self.0.is_empty() || self.0.iter().any(|window| window.holds(now))
    }
}

impl Window {
    fn parse(text: &str) -> Result<Window, BadHours> {
        let bad = || BadHours(text.chars().take(60).collect());
        let (days, hours) = text.trim().split_once(' ').ok_or_else(bad)?;
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let (from, to) = hours.trim().split_once('-').ok_or_else(bad)?;
        let days = (day(first).ok_or_else(bad)?, day(last).ok_or_else(bad)?);
        let hours = (time(from).ok_or_else(bad)?, time(to).ok_or_else(bad)?);
        if hours.0 == hours.1 { Err(bad()) } else { Ok(Window { text: text.trim().into(), days, hours }) }
    }

    /// The hours after midnight of a window that passes it are those of the day before.
    fn holds(&self, now: DateTime) -> bool {
        let ((from, to), time) = (self.hours, now.time());
        let today = self.has(now.weekday());
        if from < to { today && time >= from && time < to } else { (today && time >= from) || (self.has(now.weekday().previous()) && time < to) }
    }

    fn has(&self, day: Weekday) -> bool {
        let (first, last) = self.days;
        day.since(first) <= last.since(first)
    }
}

fn day(text: &str) -> Option<Weekday> {
    Some(match text {
        "Mon" => Weekday::Monday,
        "Tue" => Weekday::Tuesday,
        "Wed" => Weekday::Wednesday,
        "Thu" => Weekday::Thursday,
        "Fri" => Weekday::Friday,
        "Sat" => Weekday::Saturday,
        "Sun" => Weekday::Sunday,
        _ => return None,
    })
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(hour) && digits(minute) { Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok() } else { None }
}

impl TryFrom<Vec<String>> for Hours {
    type Error = BadHours;

    fn try_from(texts: Vec<String>) -> Result<Self, BadHours> {
        if texts.len() > LIST_MAX {
            return Err(BadHours(format!("{} entries; at most {LIST_MAX} are read", texts.len())));
        }
        texts.iter().map(|text| Window::parse(text)).collect::<Result<_, _>>().map(Hours)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows: Vec<_> = self.0.iter().map(|window| window.text.as_str()).collect();
        f.write_str(if windows.is_empty() { "at any time".into() } else { windows.join(", ") }.as_str())
    }
}

/// Text that names no days and hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no days and hours: write `Mon-Fri 09:00-17:00`, in the time of this machine")]
pub struct BadHours(String);

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(texts: &[&str]) -> Result<Hours, BadHours> {
        Hours::try_from(texts.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_window_holds_from_its_first_minute_to_its_last() {
        let office = hours(&["Mon-Fri 09:00-17:00"]).unwrap();
        // 2026-11-23 is a Monday.
        for (open, at) in [
            (false, "2026-11-23T08:59:59"),
            (true, "2026-11-23T09:00:00"),
            (true, "2026-11-27T16:59:59"),
            (false, "2026-11-27T17:00:00"),
            (false, "2026-11-28T10:00:00"),
        ] {
            assert_eq!(office.is_open(at.parse().unwrap()), open, "{at}");
        }
    }

    #[test]
    fn a_window_may_pass_midnight_and_the_end_of_the_week() {
        let nights = hours(&["Sat-Mon 22:00-02:00"]).unwrap();
        for (open, at) in [
            (true, "2026-11-28T23:00:00"),
            (true, "2026-11-29T01:59:00"),
            (true, "2026-11-24T01:00:00"),
            (false, "2026-11-24T22:00:00"),
            (false, "2026-11-28T01:00:00"),
        ] {
            assert_eq!(nights.is_open(at.parse().unwrap()), open, "{at}");
        }
        assert!(Hours::default().is_open("2026-11-28T01:00:00".parse().unwrap()));
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for bad in
            ["", "Mon", "Mon 9-17", "Mon 09:00", "Mon 24:00-25:00", "mon 09:00-10:00", "Mon-Xyz 09:00-10:00", "Mon 09:00-09:00", "Mon 9:00-10:00"]
        {
            assert!(hours(&[bad]).is_err(), "{bad}");
        }
        assert!(hours(&["Mon 09:00-10:00"; LIST_MAX + 1]).is_err());
    }
}
