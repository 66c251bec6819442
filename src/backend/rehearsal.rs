//! Finding out what a refresh would make of a mirror, without making it.

use super::{GithubBackend, OpenError};
use crate::category::Category;
use crate::config::Config;
use crate::item::{Form, Item};
use crate::mirror::Mirror;
use crate::mirror::waiting::Kind;

impl GithubBackend {
    /// Opens a mirror to rehearse: [`Self::refresh`] goes the whole way, asks the upstreams as it would and reports what
    /// would become of each category, but takes no lock, creates nothing and writes nothing. It works beside the mirror's
    /// writer, and where there is no mirror yet.
    ///
    /// # Errors
    /// As [`Self::open`], but another writer does not matter.
    pub fn open_rehearsal(config: Config) -> Result<Self, OpenError> {
        let mirror = Mirror::rehearse(&config)?;
        Self::with(config, Some(mirror), false)
    }

    /// What a refresh would publish of a category if nothing held it, as the cycles of this backend left it: what a guard
    /// holds or a pin keeps out, and without that the v2 file.
    pub async fn incoming(&self, category: Category) -> Option<Vec<u8>> {
        let writer = self.writer.lock().await;
        let mirror = writer.mirror.as_ref()?;
        // Ready-made v2 is preferred to what a legacy file gives, and what an upstream sent to an edit.
        let kinds = [Kind::V2, Kind::Legacy, Kind::Edit].into_iter();
        let mut waiting = kinds.filter_map(|kind| mirror.waiting_bytes(category, kind)?.v2);
        waiting.next().or_else(|| {
            let read = mirror.read(&Item::Category(category), Form::V2);
            read.ok().flatten()
        })
    }
}
