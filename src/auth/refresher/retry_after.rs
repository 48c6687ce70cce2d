//! Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, header};

use crate::Response;

/// Nobody is made to wait longer on the word of a server.
const MAX: Duration = Duration::from_secs(3600);

/// Returns how long an answer asks to wait, at most an hour.
///
/// A date is compared with the server's own `Date`, else with our wall clock.
pub(super) fn of(response: &Response) -> Option<Duration> {
    let headers = response.headers();
    let text = text(headers, &header::RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits are a long time.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(MAX));
    }
    let at = date(text)?;
    let now = self::text(headers, &header::DATE).and_then(date);
    let now = now.or_else(|| since_1970(response.client()?.runtime().wall()))?;
    Some(at.saturating_sub(now).min(MAX))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim())
}

fn since_1970(time: SystemTime) -> Option<Duration> {
    time.duration_since(SystemTime::UNIX_EPOCH).ok()
}

/// Reads an `IMF-fixdate`, the one form that is generated today:
/// `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(text: &str) -> Option<Duration> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, date) = text.split_once(", ")?;
    let mut parts = date.split(' ');
    let day = number(parts.next()?, 2)?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|known| *known == month)? as u64 + 1;
    let year = number(parts.next()?, 4)?;
    let mut clock = parts.next()?.split(':');
    let [hour, minute, second] = [(); 3].map(|()| clock.next().and_then(|it| number(it, 2)));
    let (hour, minute, second) = (hour?, minute?, second?);
    let ends = parts.next() == Some("GMT") && parts.next().is_none() && clock.next().is_none();
    let valid = (1970..=9999).contains(&year)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !ends || !valid {
        return None;
    }
    let days = days_before(year, month) + day - 1;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some(Duration::from_secs(seconds))
}

fn number(text: &str, digits: usize) -> Option<u64> {
    let fits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok())?
}

/// Returns the days from 1970 to the first of a month.
///
/// A year is counted from March, so that the leap day is its last.
fn days_before(year: u64, month: u64) -> u64 {
    const FROM_YEAR_0: u64 = 719_468;
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 - FROM_YEAR_0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(value: &str, date: Option<&str>) -> Option<u64> {
        let mut response = http::Response::builder().header(header::RETRY_AFTER, value);
        if let Some(date) = date {
            response = response.header(header::DATE, date);
        }
        of(&response.body("").unwrap().into()).map(|wait| wait.as_secs())
    }

    #[test]
    fn dates_are_read() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Fri, 31 Dec 2100 00:00:00 GMT", 4_133_894_400),
        ] {
            assert_eq!(date(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn seconds_and_dates_are_waited_for_an_hour_at_most() {
        let now = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        for (value, date, expected) in [
            ("7", None, Some(7)),
            (" 7 ", None, Some(7)),
            ("99999", None, Some(3600)),
            ("99999999999999999999999", None, Some(3600)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", now, Some(60)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", now, Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", now, Some(3600)),
            // Nobody knows the time.
            ("Sun, 06 Nov 1994 08:50:37 GMT", None, None),
        ] {
            assert_eq!(wait(value, date), expected, "{value}");
        }
    }

    #[test]
    fn what_is_neither_is_ignored() {
        for value in [
            "",
            "-1",
            "+1",
            "1.5",
            "soon",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1969 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
        ] {
            let now = Some("Sun, 06 Nov 1994 08:49:37 GMT");
            assert_eq!(wait(value, now), None, "{value}");
        }
    }
}
