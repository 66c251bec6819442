//! Whether the workers of this host read this mirror, and nothing else: `AIWORKER_CACHE_HOME` and
//! `HORDE_MODEL_REFERENCE_OFFLINE`, from this environment or from the file that sets theirs.

use std::fs;
use std::path::Path;

use super::env_file::{self, Set};
use super::{Check, Scene, quoted, word};

const HOME: &str = "AIWORKER_CACHE_HOME";
const OFFLINE: &str = "HORDE_MODEL_REFERENCE_OFFLINE";
/// The directory below a cache home that the Python package reads.
const DIRECTORY: &str = "horde_model_reference";

pub(super) fn check(scene: &Scene<'_>) -> Check {
    let name = "worker environment";
    let around = scene.around;
    let lookup = |variable: &str| -> Option<Set> {
        let value = (around.environment)(variable)?;
        Some(Set {
            value: value.to_string_lossy().into_owned(),
            quoted: false,
        })
    };
    let Some(file) = &around.env_file else {
        let (home, offline) = (lookup(HOME), lookup(OFFLINE));
        if home.is_none() && offline.is_none() {
            let found = "not set in this environment; --env-file FILE looks at the workers'";
            return Check::good(name, found);
        }
        return judge(name, scene.base(), None, home.as_ref(), offline.as_ref());
    };
    match fs::read_to_string(file) {
        Ok(text) => {
            let [home, offline] = [HOME, OFFLINE].map(|it| env_file::read(&text, it));
            judge(
                name,
                scene.base(),
                Some(file),
                home.as_ref(),
                offline.as_ref(),
            )
        }
        Err(error) => Check::bad(
            name,
            format!("{}: cannot be read: {error}", file.display()),
            format!("ls -l {}", quoted(file)),
        ),
    }
}

fn judge(
    name: &str,
    base: &Path,
    file: Option<&Path>,
    home: Option<&Set>,
    offline: Option<&Set>,
) -> Check {
    let mut wrong = Vec::new();
    let place = file.map_or_else(
        || "this environment".to_owned(),
        |it| it.display().to_string(),
    );
    let line = |variable: &str, value: &str| match file {
        Some(file) => format!(
            "echo {} >>{}",
            word(&format!("{variable}={value}")),
            quoted(file)
        ),
        None => format!("export {variable}={}", word(value)),
    };
    if let Some(found) = misses(base, &place, home) {
        let home = base.parent().unwrap_or(base);
        let set = line(HOME, &home.display().to_string());
        // The package reads a directory of that name; a link has it where the mirror has not.
        let cure = if base.ends_with(DIRECTORY) {
            set
        } else {
            format!(
                "ln -sT {} {} && {set}",
                quoted(base),
                quoted(&home.join(DIRECTORY))
            )
        };
        wrong.push((found, cure));
    }
    let is_offline = offline.is_some_and(|set| is_true(&set.value));
    if !is_offline || offline.is_some_and(|set| set.quoted) {
        let value = offline.map_or("not set", |set| set.value.as_str());
        wrong.push((
            format!(
                "{OFFLINE} is {value} in {place}: each worker downloads and converts for itself"
            ),
            line(OFFLINE, "true"),
        ));
    }
    Check::of(name, wrong, || {
        format!("{place} makes workers read {}, offline", base.display())
    })
}

/// Why workers with this cache home do not read this mirror.
fn misses(base: &Path, place: &str, home: Option<&Set>) -> Option<String> {
    let Some(set) = home else {
        return Some(format!("{HOME} is not set in {place}"));
    };
    let value = set.value.as_str();
    if set.quoted {
        return Some(format!(
            "{HOME} is in quotes in {place}, which docker keeps as part of the path"
        ));
    }
    if value.starts_with('~') {
        return Some(format!(
            "{HOME} is {value} in {place}: only a shell replaces \"~\""
        ));
    }
    let points = Path::new(value).join(DIRECTORY);
    let real = fs::canonicalize(&points).ok();
    let same = points == base || (real.is_some() && real == fs::canonicalize(base).ok());
    (!same).then(|| {
        let (points, base) = (points.display(), base.display());
        format!("{HOME} in {place} makes workers read {points}, not {base}")
    })
}

/// The words that the Python package takes for true.
fn is_true(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["1", "true", "t", "yes", "y", "on"].contains(&text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_variables_must_be_right() {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().join(DIRECTORY);
        fs::create_dir(&base).unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("link")).unwrap();
        let home = root.path().to_str().unwrap();
        let through = format!("{home}/link");
        let set = |value: &str, quoted| {
            Some(Set {
                value: value.to_owned(),
                quoted,
            })
        };
        let yes = || set("true", false);
        for (home, offline, expected) in [
            (set(home, false), yes(), None),
            (set(&through, false), yes(), None),
            (set(home, false), set("Yes", false), None),
            (
                set("/elsewhere", false),
                yes(),
                Some("makes workers read /elsewhere/"),
            ),
            (set(home, true), yes(), Some("in quotes")),
            (set("~/x", false), yes(), Some("only a shell")),
            (None, yes(), Some("is not set")),
            (set(home, false), None, Some("downloads and converts")),
            (set(home, false), set("0", false), Some("is 0 in")),
        ] {
            let check = judge("x", &base, None, home.as_ref(), offline.as_ref());
            assert_eq!(check.ok, expected.is_none(), "{check:?}");
            assert!(
                expected.is_none_or(|words| check.found.contains(words)),
                "{check:?}"
            );
        }
        let check = judge("x", Path::new("/srv/mirror"), None, None, yes().as_ref());
        let cure =
            "ln -sT /srv/mirror /srv/horde_model_reference && export AIWORKER_CACHE_HOME=/srv";
        assert_eq!(check.cure.as_deref(), Some(cure));
    }
}
