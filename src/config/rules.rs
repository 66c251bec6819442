//! The rules: each takes a [`Value`] and gives the checked value, or says what the value must be.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;
use url::Url;

use super::value::show_duration;
use super::{Cron, Level, Origin, Value};

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

fn text(value: &Value) -> Checked<&str> {
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
    if !path.is_absolute() || path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(RULE.to_owned());
    }
    Ok(tidy(&path))
}

pub(super) fn optional_path(value: &Value) -> Checked<Option<PathBuf>> {
    path(value).map(Some)
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

/// An HTTP(S) server or a directory.
pub(super) fn origin(value: &Value) -> Checked<Origin> {
    const RULE: &str =
        "must be an http:// or https:// URL, a file:// URL, or an absolute path of a directory";
    if let Value::Path(_) = value {
        return path(value).map(Origin::Directory);
    }
    let text = text(value).map_err(|_| RULE.to_owned())?;
    if !text.contains("://") {
        return path(value)
            .map(Origin::Directory)
            .map_err(|_| RULE.to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("{RULE} ({error})"))?;
    if url.scheme() == "file" {
        let path = url.to_file_path().map_err(|()| RULE.to_owned())?;
        return Ok(Origin::Directory(tidy(&path)));
    }
    if url.query().is_some() {
        return Err(format!(
            "{RULE}, without a query: file names are put after it"
        ));
    }
    http(url, RULE).map(Origin::Http)
}

pub(super) fn proxy(value: &Value) -> Checked<Option<Url>> {
    const RULE: &str = "must be an http:// or https:// URL";
    let text = text(value).map_err(|_| RULE.to_owned())?;
    let url = Url::parse(text).map_err(|error| format!("{RULE} ({error})"))?;
    http(url, RULE).map(Some)
}

fn http(url: Url, rule: &str) -> Checked<Url> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(rule.to_owned());
    }
    if url.fragment().is_some() {
        return Err(format!("{rule}, without a fragment"));
    }
    Ok(url)
}

/// The address for people: a password is not shown.
pub(super) fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() {
        // Only an address without a host refuses, and that has no password either.
        let _ = url.set_password(Some("***"));
    }
    url.to_string()
}

/// An account, a repository, or (with slashes) a branch: one or more path segments of a GitHub URL.
pub(super) fn repository(value: &Value, slashes: bool) -> Checked<String> {
    let rule = || {
        let more = if slashes { " and slashes" } else { "" };
        format!("must be a GitHub name: letters, digits, '-', '_', '.'{more}, and not empty")
    };
    let text = text(value).map_err(|_| rule())?;
    let allowed = |c: char| c.is_alphanumeric() || "-_.+@".contains(c);
    let segment = |s: &str| !s.is_empty() && s != "." && s != ".." && s.chars().all(allowed);
    let good = text.split('/').all(segment) && (slashes || !text.contains('/'));
    good.then(|| text.to_owned()).ok_or_else(rule)
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
