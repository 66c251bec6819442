//! Dates as pydantic reads them, in ISO form (docs/conversion.md, section 6.7).
//!
//! pydantic reads them with the crate `speedate`, and so do we. A text or a number that is no date may be a moment,
//! which counts as a date when it is midnight to the microsecond, whatever its offset.

use speedate::{Date, DateTime, DateTimeConfig, MicrosecondsPrecisionOverflowBehavior, TimeConfig};

use super::flaw::Flaw;
use super::json::{Value, float_value};
use super::numbers::shown;

/// A date from a JSON value.
pub(crate) fn date(value: &Value<'_>) -> Result<String, Flaw> {
    let date = match value {
        Value::Int(literal) => from_integer(literal),
        Value::Float(literal) => from_float(float_value(literal)),
        Value::String(text) => from_text(text),
        _ => return Err(Flaw::expected("a date", value)),
    };
    // Python's dates begin with the year 1.
    let date = date.filter(|date| date.year > 0);
    date.map(|date| date.to_string()).ok_or_else(|| {
        let shown = shown(value);
        Flaw::new(format!("must be a date such as 2024-01-31, found {shown}"))
    })
}

fn from_integer(literal: &str) -> Option<Date> {
    let number = literal.parse().ok()?;
    midnight(DateTime::from_timestamp_with_config(number, 0, &configuration()).ok()?)
}

fn from_float(number: f64) -> Option<Date> {
    // `speedate` would take NaN for 0.
    let number = Some(number).filter(|number| !number.is_nan())?;
    midnight(DateTime::from_float_with_config(number, &configuration()).ok()?)
}

fn from_text(text: &str) -> Option<Date> {
    let moment = || midnight(DateTime::parse_str_with_config(text, &configuration()).ok()?);
    Date::parse_str(text).ok().or_else(moment)
}

/// pydantic's: what is smaller than a microsecond is cut off.
fn configuration() -> DateTimeConfig {
    let time = TimeConfig::builder()
        .microseconds_precision_overflow_behavior(MicrosecondsPrecisionOverflowBehavior::Truncate);
    DateTimeConfig::builder().time_config(time.build()).build()
}

fn midnight(moment: DateTime) -> Option<Date> {
    let time = moment.time;
    let is_midnight = (time.hour, time.minute, time.second, time.microsecond) == (0, 0, 0, 0);
    is_midnight.then_some(moment.date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &Value<'_>) -> Option<String> {
        date(value).ok()
    }

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
            assert_eq!(
                read(&Value::String(text.into())).as_deref(),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn numbers() {
        for (number, expected) in [
            ("1704153600000.0", Some("2024-01-02")),
            ("NaN", None),
            ("Infinity", None),
            ("-1e300", None),
            ("1.5", None),
        ] {
            assert_eq!(read(&Value::Float(number.into())).as_deref(), expected);
        }
        for (number, expected) in [
            ("1", None),
            ("-86400", Some("1969-12-31")),
            ("253402300800000", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(read(&Value::Int(number.into())).as_deref(), expected);
        }
    }
}
