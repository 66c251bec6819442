//! The downloads of a v2 record: the files of the legacy record joined with their addresses
//! (docs/conversion.md, section 9.1).
//!
//! 1. Files without a path and yaml files are left out.
//! 2. A path given twice keeps its first position and gets its last values.
//! 3. Every legacy download has to name a file that is left.

use std::collections::HashMap;

use crate::legacy::record::Record;
use crate::legacy::record::files::{Config, Download, File};
use crate::legacy::record::licence::Licensing;
use crate::python::characters::contains_lowered;
use crate::python::flaw::{At as _, Flaw};
use crate::python::json::Writer;

/// The checksum of files that have none.
const UNKNOWN_CHECKSUM: &str = "FIXME";
/// From so many items on, finding them by name takes a map.
const MANY: usize = 16;

/// The downloads of one record.
#[derive(Debug, Default)]
pub(super) struct Downloads<'t> {
    items: Vec<Item<'t>>,
    by_name: HashMap<&'t str, usize>,
}

#[derive(Debug)]
struct Item<'t> {
    file_name: &'t str,
    file_url: &'t str,
    sha256sum: &'t str,
    content_hash: Option<&'t str>,
    file_purpose: Option<&'t str>,
    known_slow_download: bool,
}

impl<'t> Downloads<'t> {
    /// Joins a record's files and downloads, and checks that its licence speaks of these files only.
    pub(super) fn of(record: &Record<'t, '_>) -> Result<Self, Flaw> {
        let mut downloads = Self::default();
        downloads.join(&record.config).at("config")?;
        if let Some(licensing) = &record.licensing {
            downloads.check_licensed_files(licensing).at("licensing")?;
        }
        Ok(downloads)
    }

    fn join(&mut self, config: &Config<'t, '_>) -> Result<(), Flaw> {
        for file in &config.files {
            self.add(file);
        }
        for (index, download) in config.downloads.iter().enumerate() {
            self.locate(download, &config.files)
                .at_index(index)
                .at("download")?;
        }
        Ok(())
    }

    fn add(&mut self, file: &File<'t>) {
        if file.path.is_empty() || contains_lowered(file.path, "yaml") {
            return;
        }
        let item = Item {
            file_name: file.path,
            file_url: "",
            sha256sum: file
                .sha256sum
                .filter(|sum| !sum.is_empty())
                .unwrap_or(UNKNOWN_CHECKSUM),
            content_hash: file.content_hash,
            file_purpose: file.purpose,
            known_slow_download: contains_lowered(file.path, "civitai"),
        };
        if let Some(known) = self.find(file.path) {
            *known = item;
            return;
        }
        self.items.push(item);
        if self.items.len() == MANY {
            let names = self.items.iter().map(|item| item.file_name).zip(0..);
            self.by_name.extend(names);
        } else if self.items.len() > MANY {
            self.by_name.insert(file.path, self.items.len() - 1);
        }
    }

    fn find(&mut self, name: &str) -> Option<&mut Item<'t>> {
        if self.items.len() < MANY {
            return self.items.iter_mut().find(|item| item.file_name == name);
        }
        let index = self.by_name.get(name)?;
        self.items.get_mut(*index)
    }

    fn locate(&mut self, download: &Download<'t>, files: &[File<'t>]) -> Result<(), Flaw> {
        let name = download
            .file_name
            .ok_or_else(|| Flaw::new("Unknown download entry: there is no file_name"))?;
        if let Some(item) = self.find(name) {
            item.file_url = download.file_url.unwrap_or_default();
            return Ok(());
        }
        let reason = if files.iter().any(|file| file.path == name) {
            "yaml files and empty paths do not count"
        } else {
            "it matches no config.files[].path"
        };
        Err(Flaw::new(format!(
            "Unknown download entry \"{}\": {reason}",
            name.escape_debug()
        )))
        .at("file_name")
    }

    fn check_licensed_files(&mut self, licensing: &Licensing<'_>) -> Result<(), Flaw> {
        for (name, _) in &licensing.files {
            if self.find(name).is_none() {
                return Err(Flaw::new("is not the file_name of a download"))
                    .at(name)
                    .at("files");
            }
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The list. Image generation leaves out checksums that are not known.
    pub(super) fn write(&self, writer: &mut Writer<'_>, sparse: bool) {
        writer.open(b'[');
        for item in &self.items {
            writer.item();
            writer.open(b'{');
            writer.field("file_name");
            writer.string(item.file_name);
            writer.field("file_url");
            writer.string(item.file_url);
            if !sparse || item.sha256sum != UNKNOWN_CHECKSUM {
                writer.field("sha256sum");
                writer.string(item.sha256sum);
            }
            writer.optional("content_hash", item.content_hash);
            writer.optional("file_purpose", item.file_purpose);
            writer.field("known_slow_download");
            writer.bool(item.known_slow_download);
            writer.close(b'}');
        }
        writer.close(b']');
    }
}
