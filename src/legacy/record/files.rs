//! The `config` of a legacy record: the files of a model and where they are downloaded from
//! (docs/conversion.md, sections 7.1 and 12).
//!
//! The findings come in the reference's order, which is not that of the file: files, downloads, files again,
//! downloads again. They are computed after everything was read, by [`lint`].

use crate::python::coerce::{object, optional_string, required, string};
use crate::python::flaw::{At as _, Flaw};
use crate::python::json::{Object, Value};
use crate::python::urls::refused_by_urlparse;

/// A checked `config`.
#[derive(Debug, Default)]
pub(crate) struct Config<'t, 'a> {
    pub(crate) files: Vec<File<'t>>,
    pub(crate) downloads: Vec<Download<'t>>,
    /// `embedded_component_hashes`: component -> hash, all strings.
    pub(crate) component_hashes: Option<&'t Object<'a>>,
    /// Members without `embedded_component_hashes`.
    members: usize,
}

/// A file of a model.
#[derive(Debug)]
pub(crate) struct File<'t> {
    pub(crate) path: &'t str,
    pub(crate) sha256sum: Option<&'t str>,
    /// `file_type`.
    pub(crate) purpose: Option<&'t str>,
    pub(crate) content_hash: Option<&'t str>,
}

/// Where a file comes from.
#[derive(Debug)]
pub(crate) struct Download<'t> {
    pub(crate) file_name: Option<&'t str>,
    pub(crate) file_url: Option<&'t str>,
    has_file_path: bool,
}

/// Reads `config`.
pub(crate) fn config<'t, 'a>(value: &'t Value<'a>) -> Result<Config<'t, 'a>, Flaw> {
    let mut config = Config::default();
    if matches!(value, Value::Null) {
        return Ok(config);
    }
    let object = object(value)?;
    config.members = object.len();
    for (key, value) in object {
        match key {
            "files" => config.files = entries(value, file).at(key)?,
            "download" => config.downloads = entries(value, download).at(key)?,
            "embedded_component_hashes" => {
                config.members -= 1;
                config.component_hashes = hashes(value).at(key)?;
            }
            _ => {}
        }
    }
    Ok(config)
}

/// A list of objects; everything that Python takes for false is an empty one.
fn entries<'t, 'a, T>(
    value: &'t Value<'a>,
    read: fn(&'t Object<'a>) -> Result<T, Flaw>,
) -> Result<Vec<T>, Flaw> {
    match value {
        Value::List(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| object(item).and_then(read).at_index(index))
            .collect(),
        other if other.is_falsy() => Ok(Vec::new()),
        other => Err(Flaw::expected("a list", other)),
    }
}

fn file<'t>(object: &'t Object<'_>) -> Result<File<'t>, Flaw> {
    let (mut path, mut sha256sum, mut purpose, mut content_hash) = (None, None, None, None);
    for (key, value) in object {
        match key {
            "path" => path = Some(string(value).at(key)?),
            "sha256sum" => sha256sum = optional_string(value).at(key)?,
            "file_type" => purpose = optional_string(value).at(key)?,
            "content_hash" => content_hash = optional_string(value).at(key)?,
            "md5sum" => {
                optional_string(value).at(key)?;
            }
            _ => {}
        }
    }
    Ok(File {
        path: required(path, "path")?,
        sha256sum,
        purpose,
        content_hash,
    })
}

fn download<'t>(object: &'t Object<'_>) -> Result<Download<'t>, Flaw> {
    let mut download = Download {
        file_name: None,
        file_url: None,
        has_file_path: false,
    };
    for (key, value) in object {
        match key {
            "file_name" => download.file_name = optional_string(value).at(key)?,
            "file_url" => {
                download.file_url = optional_string(value).at(key)?;
                if let Some(reason) = download.file_url.and_then(refused_by_urlparse) {
                    return Err(Flaw::new(reason)).at(key);
                }
            }
            "file_path" => download.has_file_path = optional_string(value).at(key)? != Some(""),
            _ => {}
        }
    }
    Ok(download)
}

fn hashes<'t, 'a>(value: &'t Value<'a>) -> Result<Option<&'t Object<'a>>, Flaw> {
    if matches!(value, Value::Null) {
        return Ok(None);
    }
    let object = object(value)?;
    for (component, hash) in object {
        string(hash).at(component)?;
    }
    Ok(Some(object))
}

/// Calls `issue` for each finding. A clip model may have downloads without an address.
pub(crate) fn lint(config: &Config<'_, '_>, is_clip: bool, issue: &mut impl FnMut(&'static str)) {
    let absent = |text: Option<&str>| text.is_none_or(str::is_empty);
    if config.members > 2 {
        issue("has more than 2 config entries.");
    }
    for file in &config.files {
        if file.path.is_empty() {
            issue("has a config file with no path.");
        } else if !file.path.contains(".yaml") && !file.path.contains(".json") {
            if !file.path.contains(".ckpt") {
                issue("has a config file with an invalid path.");
            }
            if file.sha256sum.is_none() {
                issue("has a config file with no sha256sum.");
            }
        }
    }
    for download in &config.downloads {
        if absent(download.file_name) {
            issue("has a download with no file_name.");
        }
        if absent(download.file_url) && !is_clip {
            issue("has a download with no file_url.");
        }
    }
    for file in &config.files {
        lint_again(file, issue);
    }
    for download in &config.downloads {
        if download.has_file_path {
            issue("has a download with a file_path.");
        }
    }
}

fn lint_again(file: &File<'_>, issue: &mut impl FnMut(&'static str)) {
    if file.path.is_empty() {
        issue("has a config file with no path.");
        return;
    }
    let name = file_name(file.path);
    if is_yaml(name) {
        if !matches!(name, "v1-inference.yaml" | "v2-inference-v.yaml") {
            issue("has a non-standard config file.");
        }
        return;
    }
    if !file.path.contains(".ckpt") {
        issue("has a config file with an invalid path.");
    }
    match file.sha256sum {
        None | Some("") => issue("has a config file with no sha256sum."),
        Some(sum) if sum.chars().count() != 64 => {
            issue("has a config file with an invalid sha256sum.");
        }
        Some(_) => {}
    }
}

/// The last part of a path that names something.
fn file_name(path: &str) -> &str {
    path.rsplit('/')
        .find(|part| !matches!(*part, "" | "."))
        .unwrap_or_default()
}

/// Whether the suffix is `.yaml`; a name that is nothing but a suffix has none.
fn is_yaml(name: &str) -> bool {
    name.strip_suffix(".yaml")
        .is_some_and(|stem| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_suffixes() {
        for (path, yaml) in [
            ("a.yaml", true),
            (".yaml", false),
            ("..yaml", true),
            ("a.yaml/", true),
            ("a.yaml/./", true),
            ("d/a.YAML", false),
            ("d.yaml/x", false),
        ] {
            assert_eq!(is_yaml(file_name(path)), yaml, "{path}");
        }
    }
}
