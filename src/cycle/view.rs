//! `legacy/text_generation.json`: the JSON view of the stored `models.csv`, where it is to be published.
//!
//! 1. It is made anew when `models.csv` is another than the one that it was made from, when it is not on disk as the
//!    manifest names it, and once by each version of the program; wherever `models.csv` came from, an edit included.
//! 2. A view that cannot be made leaves the last one, and is a trouble of that file alone.
//! 3. It is as fresh as `models.csv`: it asks no upstream, and where the text category's could not answer it is not
//!    confirmed either.

use std::collections::BTreeMap;

use super::files::disk;
use super::{Answered, Cycle, Event, ItemError, ItemReport, Outcome};
use crate::category::Category;
use crate::digest::Digest;
use crate::item::{Form, Item};
use crate::legacy::{Rejected, legacy_view};
use crate::mirror::{Changes, Source};

const TEXT: Item = Item::Category(Category::TextGeneration);

impl Cycle<'_> {
    /// Puts the view in order after the text category is; `text` is how that fared.
    pub(super) fn view_after(&mut self, text: &ItemReport, items: &mut BTreeMap<Item, ItemReport>) {
        if self.config.publish.text_legacy_json {
            let report = self.view(Some(text));
            self.file_done(Item::text_view(), report, items);
        }
    }

    /// The same while an upstream is waited for.
    pub(super) fn view_early(&mut self, mended: &mut BTreeMap<Item, Option<Changes>>) {
        if !self.config.publish.text_legacy_json {
            return;
        }
        let report = self.view(None);
        if report.outcome == Outcome::Updated {
            mended.insert(Item::text_view(), None);
            (self.sink)(Event::Mended(Item::text_view(), report));
        }
    }

    fn view(&mut self, text: Option<&ItemReport>) -> ItemReport {
        let item = Item::text_view();
        let mut report = ItemReport::unchanged();
        if text.is_some_and(|text| text.answered == Answered::Failed) {
            report.answered = Answered::Failed;
        }
        let has_csv = self.mirror.look(&TEXT, Form::Legacy);
        let is_missing = matches!(&has_csv, Ok(look) if look.seen.is_none());
        if is_missing && text.is_some_and(|text| text.outcome == Outcome::Skipped) {
            return ItemReport::skipped();
        }
        if let Err(error) = self.make_view(&item, &mut report) {
            // Where there is nothing to make it from, the reason is that of the text category.
            let cause = text.and_then(|text| text.error.clone());
            let error = cause.filter(|_| is_missing).unwrap_or(error);
            report.outcome = error.outcome();
            report.error = Some(error);
        }
        self.describe_file(&item, &mut report);
        report
    }

    fn make_view(&mut self, item: &Item, report: &mut ItemReport) -> Result<(), ItemError> {
        let path = self.mirror.layout().legacy(Category::TextGeneration);
        let file = path.display().to_string();
        let no_csv = |file, what| ItemError::NoLegacy { file, what };
        let csv = self.mirror.look(&TEXT, Form::Legacy).map_err(disk)?;
        let Some(seen) = csv.seen else {
            return Err(no_csv(file, "missing"));
        };
        if seen.bytes == 0 {
            return Err(no_csv(file, "empty"));
        }
        // A view that cannot be looked at is not ours: it gives way.
        let on_disk = self.mirror.look(item, Form::Raw).unwrap_or_default();
        let on_disk = on_disk.seen.map(|seen| seen.sha256);
        let named = self.mirror.file(item).map(|entry| entry.sha256);
        let is_ours = self.mirror.is_trusted() && on_disk.is_some() && on_disk == named;
        if is_ours && self.mirror.state().view_of == Some(seen.sha256) {
            return Ok(());
        }
        let bytes = if let Some(bytes) = csv.read {
            bytes
        } else {
            let read = self.mirror.read(&TEXT, Form::Legacy).map_err(disk)?;
            read.unwrap_or_default()
        };
        let most = self.mirror.cap(Form::Raw);
        let made = legacy_view(&bytes, true).and_then(|view| fits(view, most));
        let view = made.map_err(|reason| ItemError::Rejected { file, reason })?;
        let sha256 = Digest::of(view.as_bytes());
        if on_disk != Some(sha256) {
            self.store_file(item, view.as_bytes(), sha256)?;
            report.outcome = Outcome::Updated;
        }
        let manifest = self.mirror.manifest();
        let text = manifest.categories.get(&Category::TextGeneration);
        let legacy = text.and_then(|entry| entry.legacy.as_ref());
        let source = legacy.map_or_else(Source::default, |legacy| legacy.source.clone());
        if let Some(seen) = self.mirror.last_seen(item, Form::Raw) {
            self.enter_file(item, seen, source);
        }
        self.mirror.state().view_of = Some(Digest::of(&bytes));
        Ok(())
    }
}

/// A published file is never larger than what is read of one: the next look would take it for damage.
fn fits(view: String, most: u64) -> Result<String, Rejected> {
    let bytes = view.len() as u64;
    if bytes <= most {
        return Ok(view);
    }
    Err(Rejected::file(format!(
        "its JSON view would have {bytes} bytes, more than the {most} that are read of one: is http.max_body_bytes too small?"
    )))
}
