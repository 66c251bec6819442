//! A service unit as systemd puts it together: the fragment and its drop-ins.
//!
//! 1. Directories stand in the order of their weight; a drop-in hides another of the same name in a weaker one.
//! 2. An empty assignment forgets what stood before it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where units are, the strongest first.
pub(super) const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The `[Service]` section of a unit.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct UnitFile {
    /// The fragment and the drop-ins that it was read from.
    pub(super) files: Vec<PathBuf>,
    values: BTreeMap<String, Vec<String>>,
}

impl UnitFile {
    pub(super) fn read(name: &str, directories: &[impl AsRef<Path>]) -> Option<Self> {
        let places = || directories.iter().map(AsRef::as_ref);
        let fragment = places().map(|directory| directory.join(name));
        let fragment = fragment.into_iter().find(|path| path.is_file())?;
        let mut drop_ins: BTreeMap<_, PathBuf> = BTreeMap::new();
        for directory in places() {
            let entries = fs::read_dir(directory.join(format!("{name}.d")));
            for entry in entries.into_iter().flatten().flatten() {
                let path = entry.path();
                if path.extension().is_some_and(|end| end == "conf") {
                    drop_ins.entry(entry.file_name()).or_insert(path);
                }
            }
        }
        let mut unit = Self::default();
        for path in std::iter::once(fragment).chain(drop_ins.into_values()) {
            if let Ok(text) = fs::read_to_string(&path) {
                unit.add(&text);
                unit.files.push(path);
            }
        }
        Some(unit)
    }

    fn add(&mut self, text: &str) {
        let joined = text.replace("\\\n", " ");
        let mut here = false;
        for line in joined.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with('[') {
                here = line == "[Service]";
                continue;
            }
            let Some((key, value)) = line.split_once('=').filter(|_| here) else {
                continue;
            };
            let values = self.values.entry(key.trim().to_owned()).or_default();
            match value.trim() {
                "" => values.clear(),
                value => values.push(value.to_owned()),
            }
        }
    }

    /// The last value of a key.
    pub(super) fn last(&self, key: &str) -> Option<&str> {
        let values = self.values.get(key)?;
        values.last().map(String::as_str)
    }

    /// Whether the last value of a key says yes.
    pub(super) fn is_on(&self, key: &str) -> bool {
        let word = self.last(key).unwrap_or_default();
        ["yes", "true", "on", "1"].contains(&word.to_ascii_lowercase().as_str())
    }

    /// All words of a key.
    pub(super) fn words(&self, key: &str) -> impl Iterator<Item = &str> {
        let values = self.values.get(key).into_iter().flatten();
        let words = values.flat_map(|value| value.split_ascii_whitespace());
        words.map(|word| word.trim_matches('"'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_come_last_and_the_stronger_directory_hides_the_weaker() {
        let root = tempfile::tempdir().unwrap();
        let (etc, lib) = (root.path().join("etc"), root.path().join("lib"));
        let write = |path: PathBuf, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            lib.join("x.service"),
            "[Unit]\nUser=no\n[Service]\n# User=none\nUser=a\nReadWritePaths=/a \\\n  /b\nPrivateUsers=yes\n",
        );
        write(lib.join("x.service.d/10.conf"), "[Service]\nUser=hidden\n");
        write(
            etc.join("x.service.d/10.conf"),
            "[Service]\nReadWritePaths=\nReadWritePaths=\"/c\"\n",
        );
        write(
            etc.join("x.service.d/20.conf"),
            "[Service]\nPrivateUsers=no\n",
        );
        write(etc.join("x.service.d/note.txt"), "[Service]\nUser=b\n");
        let unit = UnitFile::read("x.service", &[&etc, &lib]).unwrap();
        assert_eq!(unit.last("User"), Some("a"));
        assert_eq!(unit.words("ReadWritePaths").collect::<Vec<_>>(), ["/c"]);
        assert!(!unit.is_on("PrivateUsers"));
        assert_eq!(unit.files.len(), 3);
        assert_eq!(UnitFile::read("y.service", &[&etc, &lib]), None);
    }
}
