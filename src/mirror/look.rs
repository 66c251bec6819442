//! Looking at what is published: reading only what no stamp proves, mending modes on the way.

use super::layout::READABLE;
use super::{Kind, Look, Mirror, Place, Seen, seen};
use crate::disk::{DiskError, Links};
use crate::item::{Form, Item};

impl Mirror {
    /// Looks at a published file (invariant 3).
    ///
    /// # Errors
    /// A file is there but cannot be read.
    pub fn look(&mut self, item: &Item, form: Form) -> Result<Look, DiskError> {
        let Some((place, name)) = self.way_to(item, form) else {
            return Ok(Look::default());
        };
        let key = (item.clone(), form);
        // What cannot be looked at is not what was seen before.
        let before = self.seen.remove(&key);
        let directory = self.directory(place);
        let mut stamp = directory.stamp(&name, self.links);
        if matches!(&stamp, Ok(Some(stamp)) if !stamp.has_mode(self.file_mode)) {
            self.mend_mode(item, form);
            stamp = directory.stamp(&name, self.links);
        }
        let look = stamp.and_then(|stamp| {
            seen::look_at(directory, &name, self.links, self.cap(form), before, stamp)
        });
        let look = match look {
            // What is no file of ours is as good as none: it gives way.
            Err(error) if error.is_damage() && self.links == Links::Refuse => {
                tracing::debug!(error = crate::error::chain(&error), "{name} is damaged");
                Look::default()
            }
            look => look?,
        };
        if let Some(seen) = look.seen {
            self.seen.insert(key, seen);
        }
        Ok(look)
    }

    /// The directory that a published file is looked up in, and its path there. Where links are followed it is the base,
    /// since they may lead anywhere beneath it.
    fn way_to(&self, item: &Item, form: Form) -> Option<(Place, String)> {
        match self.links {
            Links::Refuse => Self::place(item, form),
            Links::Beneath | Links::Follow => Some((Place::Base, item.path(form)?)),
        }
    }

    /// Gives one of our files its mode back. What cannot be is found again by the look that follows.
    fn mend_mode(&self, item: &Item, form: Form) {
        let Some((directory, name)) = Self::place(item, form) else {
            return;
        };
        let directory = self.directory(directory);
        if self.links != Links::Refuse && form != Form::V2 {
            // The origin stays its owner's file: it is not replaced for its mode.
            let stamp = directory.stamp(&name, Links::Refuse).ok().flatten();
            if stamp.is_some_and(|stamp| !stamp.has_mode(self.file_mode)) {
                let _ = directory.set_mode(&name, self.file_mode);
            }
            return;
        }
        if let Err(error) = directory.mend_mode(&name, self.file_mode, self.cap(form)) {
            tracing::debug!(error = crate::error::chain(&error), "cannot mend a mode");
        }
    }

    /// How many bytes are read of a file of a form at most; a larger one is damaged.
    #[must_use]
    pub fn cap(&self, form: Form) -> u64 {
        let kind = match form {
            Form::V2 => Kind::V2,
            Form::Legacy | Form::Raw => Kind::Legacy,
        };
        kind.cap(self.max_body_bytes).min(READABLE)
    }

    /// A published file as it was last seen, without another look.
    #[must_use]
    pub fn last_seen(&self, item: &Item, form: Form) -> Option<Seen> {
        self.seen.get(&(item.clone(), form)).copied()
    }

    /// Reads a published file whole; `None` when there is none.
    ///
    /// # Errors
    /// It is there but cannot be read.
    pub fn read(&self, item: &Item, form: Form) -> Result<Option<Vec<u8>>, DiskError> {
        let Some((place, name)) = self.way_to(item, form) else {
            return Ok(None);
        };
        let directory = self.directory(place);
        let whole = directory.read(name, self.links, self.cap(form))?;
        Ok(whole.map(|whole| whole.bytes))
    }
}
