//! The rules: each takes a [`Value`] and gives the checked value, or says what the value must be.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

use super::value::{NEVER, show_duration};
use super::{Cron, Level, Value};

/// A checked value, or the rule it breaks.
pub(super) type Checked<T> = Result<T, String>;

/// Reads a length of time with a unit: `50ms`, `2s`, `15m`, `1h 30m`, `7d`.
///
/// # Errors
/// The text has no unit, is negative, or is no length of time; the error is the rule.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const RULE: &str = "must be a duration with a unit, like \"50ms\", \"60s\" or \"1h 30m\"";
    let rule = |_| RULE.to_owned();
    let span = SpanParser::new().parse_span(text.trim()).map_err(rule)?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(format!("{RULE}; months and years have no fixed length"));
    }
    let signed = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(rule)?;
    if signed.is_negative() {
        return Err(format!("{RULE}, and not negative"));
    }
    Duration::try_from(signed).map_err(|_| RULE.to_owned())
}

pub(super) fn duration(value: &Value, least: Duration, most: Duration) -> Checked<Duration> {
    let duration = match value {
        Value::Duration(duration) => *duration,
        Value::Text(text) => parse_duration(text)?,
        // One rule for all other kinds; a bare number is the usual one.
        _ => parse_duration("")?,
    };
    if duration < least || duration > most {
        return Err(format!(
            "must be from {} to {}",
            show_duration(least),
            show_duration(most)
        ));
    }
    Ok(duration)
}

/// A length of time, or one without an end.
pub(super) fn duration_or_never(
    value: &Value,
    least: Duration,
    most: Duration,
) -> Checked<Duration> {
    match value {
        Value::Text(text) if text.trim() == NEVER => Ok(Duration::MAX),
        Value::Duration(Duration::MAX) => Ok(Duration::MAX),
        _ => duration(value, least, most).map_err(|rule| format!("{rule}, or \"{NEVER}\"")),
    }
}

pub(super) fn integer<T: TryFrom<i64>>(value: &Value, least: i64, most: i64) -> Checked<T> {
    let rule = || format!("must be a whole number from {least} to {most}");
    match value {
        Value::Integer(number) if (least..=most).contains(number) => {
            T::try_from(*number).map_err(|_| rule())
        }
        _ => Err(rule()),
    }
}

pub(super) fn boolean(value: &Value) -> Checked<bool> {
    match value {
        Value::Boolean(flag) => Ok(*flag),
        _ => Err("must be true or false".to_owned()),
    }
}

/// A number that need not be whole.
pub(super) fn number(value: &Value, least: f64, most: f64) -> Checked<f64> {
    let number = match value {
        Value::Float(number) => *number,
        // Whole numbers this small are exact.
        Value::Integer(number) => i32::try_from(*number).map_or(f64::NAN, f64::from),
        _ => f64::NAN,
    };
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("must be a number from {least} to {most}"))
    }
}

pub(super) fn text(value: &Value) -> Checked<&str> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err("must be a string".to_owned()),
    }
}

pub(super) fn word<T: FromStr<Err = String>>(value: &Value) -> Checked<T> {
    // A value of another kind gets the same rule, which lists the words.
    text(value).unwrap_or_default().parse()
}

pub(super) fn path(value: &Value) -> Checked<PathBuf> {
    const RULE: &str = "must be an absolute path";
    let path = match value {
        Value::Path(path) => path.clone(),
        Value::Text(text) => PathBuf::from(text),
        _ => return Err(RULE.to_owned()),
    };
    if path.starts_with("~") {
        return Err(format!("{RULE} (\"~\" is not expanded here)"));
    }
    if !path.is_absolute() || path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(RULE.to_owned());
    }
    Ok(tidy(&path))
}

/// The mirror. Its path stands in JSON files and in other programs' environments, so it is text.
pub(super) fn mirror(value: &Value) -> Checked<PathBuf> {
    let path = path(value)?;
    if path.to_str().is_none() {
        return Err("must be UTF-8: the path stands in the status file, which is JSON".to_owned());
    }
    Ok(path)
}

pub(super) fn optional_path(value: &Value) -> Checked<Option<PathBuf>> {
    path(value).map(Some)
}

/// A file with a secret: an absolute path, or the name of a credential that systemd passes.
pub(super) fn credential(value: &Value) -> Checked<Option<PathBuf>> {
    const VARIABLES: [&str; 2] = ["$CREDENTIALS_DIRECTORY/", "${CREDENTIALS_DIRECTORY}/"];
    let name = text(value).unwrap_or_default();
    let name = VARIABLES
        .iter()
        .find_map(|variable| name.strip_prefix(variable))
        .unwrap_or(name);
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.is_empty() && !name.starts_with('.') && name.chars().all(is_name) {
        return Ok(Some(PathBuf::from(name)));
    }
    optional_path(value)
        .map_err(|rule| format!("{rule}, or the name of a file in $CREDENTIALS_DIRECTORY"))
}

/// The path without `.` components and doubled slashes; `..` stays, since links decide what it means.
pub(super) fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

/// Permission bits; the owner, who is this program, keeps at least `owner`.
pub(super) fn mode(value: &Value, owner: u32, most: u32) -> Checked<u32> {
    let rule = || format!("must be an octal mode in quotes from \"0{owner:o}\" to \"0{most:o}\"");
    let text = text(value).map_err(|_| rule())?;
    let mode = u32::from_str_radix(text, 8).map_err(|_| rule())?;
    if text.starts_with('+') || mode > most {
        return Err(rule());
    }
    if mode & owner != owner {
        return Err(format!(
            "must leave the owner 0{owner:o}: this program writes there"
        ));
    }
    Ok(mode)
}

pub(super) fn cron(value: &Value) -> Checked<Cron> {
    Cron::parse(text(value).unwrap_or_default())
}

pub(super) fn command(value: &Value) -> Checked<Vec<String>> {
    let Value::List(words) = value else {
        return Err("must be a list of strings: the program, then its arguments".to_owned());
    };
    if words.iter().any(|word| word.contains('\0')) {
        return Err("must not contain NUL".to_owned());
    }
    match words.first() {
        Some(program) if program.trim().is_empty() => {
            Err("must start with the name of a program, not with an empty string".to_owned())
        }
        Some(program) if program.contains('/') && !program.starts_with('/') => {
            Err("must start with an absolute path or a name that PATH finds".to_owned())
        }
        _ => Ok(words.clone()),
    }
}

pub(super) fn level(value: &Value) -> Checked<Level> {
    Level::parse(text(value).unwrap_or_default())
}

/// `"a", "b" or "c"`
pub(super) fn quoted(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_may_have_no_end() {
        let (least, most) = (Duration::from_secs(1), Duration::from_hours(1));
        let table = [
            (Value::Text("never".into()), Some(Duration::MAX)),
            (Value::Duration(Duration::MAX), Some(Duration::MAX)),
            (Value::Text("60s".into()), Some(Duration::from_mins(1))),
            (Value::Text("2h".into()), None),
            (Value::Text("ever".into()), None),
            (Value::Integer(60), None),
        ];
        for (value, expected) in table {
            let found = duration_or_never(&value, least, most);
            assert_eq!(found.clone().ok(), expected, "{value}");
            assert!(found.map_or_else(|rule| rule.ends_with("or \"never\""), |_| true));
        }
        assert_eq!(Value::Duration(Duration::MAX).to_string(), "\"never\"");
    }

    #[test]
    fn a_number_may_be_whole_or_not() {
        let table = [
            (Value::Float(0.75), Some(0.75)),
            (Value::Integer(1), Some(1.0)),
            (Value::Integer(0), Some(0.0)),
            (Value::Float(1.01), None),
            (Value::Float(-0.1), None),
            (Value::Float(f64::NAN), None),
            (Value::Integer(i64::MAX), None),
            (Value::Text("0.5".into()), None),
        ];
        for (value, expected) in table {
            let found = number(&value, 0.0, 1.0);
            assert_eq!(found.ok(), expected, "{value}");
        }
    }
}
