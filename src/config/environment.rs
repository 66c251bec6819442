//! The environment: the names of the Python package where they mean the same thing, and where the mirror is by default.
//!
//! A variable that is set to nothing counts as not set. Names for which no counterpart exists are not looked at.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::rules::tidy;
use super::{Key, Value};

/// The directory below a cache home that is the mirror; the Python package's name for it.
const MIRROR: &str = "horde_model_reference";

/// The Python package's variable for the directory that the mirror is in.
pub(super) const CACHE_HOME: &str = "AIWORKER_CACHE_HOME";

/// Looks a variable up.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

type Read = fn(&str) -> Result<Value, String>;

/// Variable, key, and how its text is read. A later line for the same key is the stronger one. A key of `[[upstream]]`
/// is meant for every upstream of layout `github`.
const VARIABLES: &[(&str, &str, Read)] = &[
    ("GITHUB_PROXY_URL_BASE", "upstream.proxy_url", text),
    (
        "HORDE_MODEL_REFERENCE_IMAGE_GITHUB_REPO__PROXY_SETTINGS__GITHUB_PROXY_URL_BASE",
        "upstream.proxy_url",
        text,
    ),
    ("HORDE_MODEL_REFERENCE_CACHE_TTL_SECONDS", "ttl", seconds),
    (
        "HORDE_MODEL_REFERENCE_LEGACY_DOWNLOAD_RETRY_MAX_ATTEMPTS",
        "http.retry_attempts",
        integer,
    ),
    (
        "HORDE_MODEL_REFERENCE_LEGACY_DOWNLOAD_RETRY_BACKOFF_SECONDS",
        "http.retry_backoff",
        seconds,
    ),
    (
        "HORDE_MODEL_REFERENCE_REPLICATE_MODE",
        "replicate_mode",
        text,
    ),
    ("HORDE_MODEL_REFERENCE_GITHUB_SEED_ENABLED", "seed", boolean),
    (
        "HORDE_MODEL_REFERENCE_IMAGE_GITHUB_REPO__OWNER",
        "github.image.owner",
        text,
    ),
    (
        "HORDE_MODEL_REFERENCE_IMAGE_GITHUB_REPO__NAME",
        "github.image.name",
        text,
    ),
    (
        "HORDE_MODEL_REFERENCE_IMAGE_GITHUB_REPO__BRANCH",
        "github.image.branch",
        text,
    ),
    (
        "HORDE_MODEL_REFERENCE_TEXT_GITHUB_REPO__OWNER",
        "github.text.owner",
        text,
    ),
    (
        "HORDE_MODEL_REFERENCE_TEXT_GITHUB_REPO__NAME",
        "github.text.name",
        text,
    ),
    (
        "HORDE_MODEL_REFERENCE_TEXT_GITHUB_REPO__BRANCH",
        "github.text.branch",
        text,
    ),
];

/// One variable that is set: its name, its key, and its value or why it has none.
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) key: &'static Key,
    pub(super) value: Result<Value, String>,
    pub(super) text: String,
}

/// Every variable that is set and names a key.
pub(super) fn variables(lookup: Lookup<'_>) -> Vec<Variable> {
    let set = VARIABLES.iter().filter_map(|&(name, key, read)| {
        let raw = lookup(name).filter(|raw| !raw.is_empty())?;
        let text = raw.to_string_lossy().into_owned();
        let value = match raw.to_str() {
            Some(text) => read(text.trim()),
            None => Err("must be UTF-8".to_owned()),
        };
        Some(Variable {
            name,
            key: Key::named(key)?,
            value,
            text,
        })
    });
    set.collect()
}

/// Where the mirror is when neither a flag nor a file says, and the variable that said so.
///
/// `AIWORKER_CACHE_HOME` may be relative, as it may for the Python package; the others may not, by their own rules.
pub(super) fn base_path(lookup: Lookup<'_>, cwd: &Path) -> Option<(PathBuf, &'static str)> {
    let get = |name| {
        lookup(name)
            .filter(|raw| !raw.is_empty())
            .map(PathBuf::from)
    };
    let absolute = |name| get(name).filter(|path| path.is_absolute());
    // systemd lists several state directories with colons between; ours is the first.
    let state = lookup("STATE_DIRECTORY").and_then(|raw| {
        let first = raw.to_string_lossy().split(':').next().map(PathBuf::from);
        first.filter(|path| path.is_absolute())
    });
    let chain = [
        (get(CACHE_HOME).map(|path| cwd.join(path)), CACHE_HOME),
        (state, "STATE_DIRECTORY"),
        (absolute("XDG_CACHE_HOME"), "XDG_CACHE_HOME"),
        (absolute("HOME").map(|home| home.join(".cache")), "HOME"),
    ];
    let found = chain
        .into_iter()
        .find_map(|(home, name)| Some((home?, name)));
    found.map(|(home, name)| (tidy(&home.join(MIRROR)), name))
}

/// What is wrong with an `AIWORKER_CACHE_HOME` that was written for a shell and not read by one. The Python package makes
/// the same directory of it, so it is used all the same.
pub(super) fn cache_home_warning(lookup: Lookup<'_>, mirror: &Path) -> Option<String> {
    let raw = lookup(CACHE_HOME)?;
    let text = raw.to_string_lossy();
    let cause = if text.contains(['"', '\'']) {
        "has a quotation mark in it: an env file keeps quotes as part of the value"
    } else if text.starts_with('~') {
        "begins with \"~\", which only a shell replaces by the home directory"
    } else {
        return None;
    };
    let (shown, mirror) = (
        Value::Text(text.into_owned()),
        Value::Path(mirror.to_owned()),
    );
    Some(format!(
        "{CACHE_HOME} ({shown}) {cause}; the mirror is {mirror}"
    ))
}

#[expect(clippy::unnecessary_wraps, reason = "one of the readers of the table")]
fn text(text: &str) -> Result<Value, String> {
    Ok(Value::Text(text.to_owned()))
}

fn integer(text: &str) -> Result<Value, String> {
    text.parse()
        .map(Value::Integer)
        .map_err(|_| "must be a whole number".to_owned())
}

fn seconds(text: &str) -> Result<Value, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map(Value::Duration)
        .ok_or_else(|| "must be a number of seconds, without a unit, not negative".to_owned())
}

/// The words that pydantic takes for a boolean.
fn boolean(text: &str) -> Result<Value, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(Value::Boolean(true)),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(Value::Boolean(false)),
        _ => Err("must be true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_names_a_key() {
        for (variable, key, _) in VARIABLES {
            assert!(Key::named(key).is_some(), "{variable}");
        }
    }

    #[test]
    fn a_cache_home_written_for_a_shell_is_a_warning() {
        let table = [
            ("/data", None),
            ("models", None),
            ("\"/data\"", Some("quotation mark")),
            ("'/data'", Some("quotation mark")),
            ("~/models", Some("only a shell replaces")),
        ];
        for (value, expected) in table {
            let lookup = |name: &str| (name == CACHE_HOME).then(|| OsString::from(value));
            let warning = cache_home_warning(&lookup, Path::new("/cwd/x"));
            assert_eq!(
                warning.is_some(),
                expected.is_some(),
                "{value}: {warning:?}"
            );
            let contains = |part| warning.as_deref().unwrap_or_default().contains(part);
            assert!(expected.is_none_or(contains), "{warning:?}");
        }
    }

    #[test]
    fn the_mirror_is_found_in_order() {
        type Row<'a> = (&'a [(&'a str, &'a str)], Option<(&'a str, &'a str)>);
        let table: &[Row<'_>] = &[
            (&[], None),
            (
                &[("HOME", "/root")],
                Some(("/root/.cache/horde_model_reference", "HOME")),
            ),
            (
                &[("HOME", "/root"), ("XDG_CACHE_HOME", "/x")],
                Some(("/x/horde_model_reference", "XDG_CACHE_HOME")),
            ),
            (
                &[("HOME", "/root"), ("XDG_CACHE_HOME", "relative")],
                Some(("/root/.cache/horde_model_reference", "HOME")),
            ),
            (
                &[
                    ("STATE_DIRECTORY", "/var/lib/a:/var/lib/b"),
                    ("XDG_CACHE_HOME", "/x"),
                ],
                Some(("/var/lib/a/horde_model_reference", "STATE_DIRECTORY")),
            ),
            (
                &[
                    ("STATE_DIRECTORY", "/var/lib/a"),
                    ("AIWORKER_CACHE_HOME", "/cache/"),
                ],
                Some(("/cache/horde_model_reference", "AIWORKER_CACHE_HOME")),
            ),
            (
                &[("STATE_DIRECTORY", ""), ("AIWORKER_CACHE_HOME", "./models")],
                Some(("/cwd/models/horde_model_reference", "AIWORKER_CACHE_HOME")),
            ),
        ];
        for (variables, expected) in table {
            let lookup = |name: &str| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let found = base_path(&lookup, Path::new("/cwd"));
            let expected = expected.map(|(path, name)| (PathBuf::from(path), name));
            assert_eq!(found, expected, "{variables:?}");
        }
    }
}
