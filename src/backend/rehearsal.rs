//! Finding out what a refresh would make of a mirror, without making it.

use super::{GithubBackend, OpenError};
use crate::category::Category;
use crate::config::Config;
use crate::item::{Form, Item};
use crate::mirror::Mirror;

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

    /// The v2 file of a category as the cycles of this backend left it: of a rehearsal, what a refresh would publish.
    pub async fn incoming(&self, category: Category) -> Option<Vec<u8>> {
        let writer = self.writer.lock().await;
        let read = writer.mirror.as_ref()?;
        let read = read.read(&Item::Category(category), Form::V2);
        read.ok().flatten()
    }
}
