//! Dates as pydantic (crate speedate) reads them, written in ISO form.
//!
//! A moment counts as a date when it is a UTC midnight to the microsecond.

use super::flaw::Flaw;
use super::json::{Value, float_value};
use super::numbers::shown;

const DAY: i128 = 86_400_000_000;
/// Numbers beyond this many seconds are milliseconds.
const MILLISECONDS_FROM: i128 = 20_000_000_000;
/// 0001-01-01 and 9999-12-31, in days since 1970.
const DAYS: std::ops::RangeInclusive<i128> = -719_162..=2_932_896;

/// A date from a JSON value.
pub(crate) fn date(value: &Value<'_>) -> Result<String, Flaw> {
    let date = match value {
        Value::Int(literal) => literal.parse().ok().and_then(from_integer),
        Value::Float(literal) => from_float(float_value(literal)),
        Value::String(text) => from_text(text),
        _ => return Err(Flaw::expected("a date", value)),
    };
    date.ok_or_else(|| {
        Flaw::new(format!(
            "must be a date such as 2024-01-31, found {}",
            shown(value)
        ))
    })
}

fn from_text(text: &str) -> Option<String> {
    let (date, time) = text.split_at_checked(10).unwrap_or((text, ""));
    if is_calendar_date(date) && (time.is_empty() || is_midnight(time)) {
        return (!date.starts_with("0000")).then(|| date.to_owned());
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let after_digits = unsigned.trim_start_matches(|c: char| c.is_ascii_digit());
    if after_digits.is_empty() {
        return text
            .parse::<i64>()
            .ok()
            .and_then(|number| from_integer(number.into()));
    }
    after_digits
        .starts_with('.')
        .then(|| text.parse().ok())
        .flatten()
        .and_then(from_float)
}

fn is_calendar_date(text: &str) -> bool {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else {
        return false;
    };
    if ![y1, y2, y3, y4, m1, m2, d1, d2]
        .iter()
        .all(u8::is_ascii_digit)
    {
        return false;
    }
    let two = |tens: u8, ones: u8| u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    let year = two(y1, y2) * 100 + two(y3, y4);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match two(m1, m2) {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=last).contains(&two(d1, d2))
}

/// A separator, a time of zero and perhaps a zone, which changes nothing.
fn is_midnight(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix(['T', 't', '_', ' '])
        .and_then(|rest| rest.strip_prefix("00:00"))
    else {
        return false;
    };
    let Some(seconds) = rest.strip_prefix(':') else {
        return is_zone(rest);
    };
    let Some(rest) = seconds.strip_prefix("00") else {
        return false;
    };
    let Some(fraction) = rest.strip_prefix(['.', ',']) else {
        return is_zone(rest);
    };
    let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = fraction.len() - zone.len();
    digits > 0
        && fraction
            .bytes()
            .take(digits.min(6))
            .all(|byte| byte == b'0')
        && is_zone(zone)
}

fn is_zone(text: &str) -> bool {
    if matches!(text, "" | "Z" | "z") {
        return true;
    }
    let Some(offset) = text.strip_prefix(['+', '-', '\u{2212}']) else {
        return false;
    };
    let (&[h1, h2, m1, m2] | &[h1, h2, b':', m1, m2]) = offset.as_bytes() else {
        return false;
    };
    [h1, h2, m1, m2].iter().all(u8::is_ascii_digit) && m1 <= b'5' && (h1, h2) < (b'2', b'4')
}

fn from_integer(number: i128) -> Option<String> {
    let unit = if number.unsigned_abs() > MILLISECONDS_FROM.unsigned_abs() {
        1_000
    } else {
        1_000_000
    };
    from_microseconds(number.checked_mul(unit)?)
}

fn from_float(mut number: f64) -> Option<String> {
    if number.is_nan() || number.abs() > 1e18 {
        return None;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "the limit is a small whole number"
    )]
    if number.abs() > MILLISECONDS_FROM as f64 {
        number /= 1000.0;
    }
    let whole = number.floor();
    let fraction = ((number - whole) * 1e6 + 0.5).floor();
    #[expect(clippy::cast_possible_truncation, reason = "whole numbers below 1e18")]
    let (whole, fraction) = (whole as i128, fraction as i128);
    from_microseconds(whole * 1_000_000 + fraction)
}

fn from_microseconds(microseconds: i128) -> Option<String> {
    let days = microseconds / DAY;
    (microseconds % DAY == 0 && DAYS.contains(&days)).then(|| civil(days))
}

/// The Gregorian date of a day, counted from 1970 (the algorithm of Howard Hinnant's `civil_from_days`).
fn civil(days: i128) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, expected) in [
            ("2024-02-29", Some("2024-02-29")),
            ("2023-02-29", None),
            ("0000-01-01", None),
            ("2024-01-02T00:00", Some("2024-01-02")),
            ("2024-01-02_00:00:00,0000009-2359", Some("2024-01-02")),
            ("2024-01-02 00:00:01", None),
            ("2024-01-02T00:00+24:00", None),
            ("1704153600", Some("2024-01-02")),
            ("86400.", Some("1970-01-02")),
            (".0", Some("1970-01-01")),
            ("1e5", None),
            (" 2024-01-02", None),
            ("-86400", Some("1969-12-31")),
            ("-62135596800000", Some("0001-01-01")),
            ("-62135683200000", None),
        ] {
            assert_eq!(from_text(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(
            from_float(1_704_153_600_000.0).as_deref(),
            Some("2024-01-02")
        );
        assert_eq!(from_integer(1), None);
        assert_eq!(from_integer(253_402_300_800_000), None);
        assert_eq!(from_float(f64::NAN), None);
    }
}
