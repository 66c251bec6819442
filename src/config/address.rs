//! The rules for addresses: servers, directories, prefixes, repositories.

use url::Url;

use super::rules::{Checked, path, text, tidy};
use super::{Origin, Value};

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
