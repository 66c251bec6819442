//! Where what is published came from: the upstream, its URL, and the validators that describe the bytes.

use super::work::Body;
use super::{Cycle, Origin};
use crate::category::Category;
use crate::digest::Digest;
use crate::item::{Form, Item};
use crate::mirror::Source;
use crate::upstream::Validators;

impl Cycle<'_> {
    /// Where a body came from; a file on disk that was published ready-made is from where the manifest says.
    pub(super) fn source(&mut self, category: Category, body: &Body) -> Source {
        if let Some((origin, validators)) = &body.from {
            return source_of(origin, Some(validators));
        }
        if body.form == Form::V2 {
            let entry = self.mirror.manifest().categories.get(&category);
            return entry.map_or_else(Source::default, |entry| entry.source.clone());
        }
        let (source, _) = self.source_on_disk(&category.into(), Form::Legacy, body.sha256);
        source
    }

    /// Where the file on disk came from, and whether an upstream sent these bytes; where none did, the preferred one
    /// without validators.
    pub(super) fn source_on_disk(
        &mut self,
        item: &Item,
        form: Form,
        sha256: Digest,
    ) -> (Source, bool) {
        let serving = self.serving(item, form);
        let urls: Vec<_> = serving
            .filter_map(|upstream| upstream.source(item, form))
            .collect();
        let validators = &self.mirror.state().validators;
        let sent = urls.iter().find_map(|origin| {
            let known = validators.get(&origin.url)?;
            (known.sha256 == sha256).then(|| source_of(origin, Some(&known.validators)))
        });
        let first = || urls.first().map(|origin| source_of(origin, None));
        let is_sent = sent.is_some();
        (sent.or_else(first).unwrap_or_default(), is_sent)
    }
}

pub(super) fn source_of(origin: &Origin, validators: Option<&Validators>) -> Source {
    Source {
        upstream: origin.upstream.clone(),
        url: origin.url.clone(),
        etag: validators.and_then(|validators| validators.etag.clone()),
        last_modified: validators.and_then(|validators| validators.last_modified.clone()),
    }
}
