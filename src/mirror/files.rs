//! What the manifest says of the files beside those of the categories.

use std::collections::BTreeSet;

use super::{FileEntry, Mirror, manifest};
use crate::item::Item;

impl Mirror {
    /// What the manifest says of a file.
    #[must_use]
    pub fn file(&self, item: &Item) -> Option<&FileEntry> {
        self.manifest.files.get(&item.to_string())
    }

    /// Enters a file in the manifest; only other bytes amend it.
    pub fn enter_file(&mut self, item: &Item, entry: FileEntry) {
        if self
            .file(item)
            .is_some_and(|before| before.sha256 == entry.sha256)
        {
            return;
        }
        self.manifest.files.insert(item.to_string(), entry);
        manifest::GENERATOR.clone_into(&mut self.manifest.generator);
        self.amended = true;
    }

    /// Takes every file out of the manifest that has none of these paths.
    pub fn retain_files(&mut self, paths: &BTreeSet<String>) {
        let before = self.manifest.files.len();
        self.manifest.files.retain(|path, _| paths.contains(path));
        self.amended |= self.manifest.files.len() != before;
    }
}
