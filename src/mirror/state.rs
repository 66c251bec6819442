//! `.horde-refd/state.json`: what outlives a run without being published.
//!
//! Unreadable counts as absent; what is lost with it is asked for again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::intent::Carried;
use super::layout::Layout;
use super::manifest::{self, FORMAT};
use super::waiting::{Kind, Waiting};
use crate::category::Category;
use crate::digest::Digest;
use crate::item::Item;
use crate::upstream::Validators;

/// `state.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// [`FORMAT`]
    pub format: u32,
    /// The version of the program that made what the manifest names; another one converts everything once.
    pub version: String,
    /// What each URL last sent.
    #[serde(default)]
    pub validators: BTreeMap<String, Known>,
    /// Hosts (`host[:port]`) that asked to be left alone, and until when.
    #[serde(default)]
    pub rate_limits: BTreeMap<String, Timestamp>,
    /// Since when a URL fails for an item, by URL and item.
    #[serde(default)]
    pub failing: BTreeMap<String, BTreeMap<String, Timestamp>>,
    /// What an upstream said it has not of what could be had there: by the URL of another mirror's manifest, which does not
    /// name it, or by the URL that a PRIMARY answered so.
    #[serde(default)]
    pub absent: BTreeMap<String, BTreeSet<String>>,
    /// The v2 body that was last received of a category, and the v2 file that it gives.
    #[serde(default)]
    pub bodies: BTreeMap<Category, Received>,
    /// How many findings lint has in what each v2 file was made from.
    #[serde(default)]
    pub issues: BTreeMap<Category, u64>,
    /// The `models.csv` that the JSON view of it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view_of: Option<Digest>,
    /// The digests of an item's files as the change hook last saw them, by item.
    #[serde(default)]
    pub hook_saw: BTreeMap<String, Vec<Digest>>,
    /// What a guard holds or a pin keeps out.
    #[serde(default)]
    pub waiting: BTreeMap<Category, BTreeMap<Kind, Waiting>>,
    /// The operator's orders that were carried out last.
    #[serde(default)]
    pub intent: Option<Carried>,
}

/// The version of a file that a URL sent, and the digest of the body that it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The validators, byte for byte.
    #[serde(flatten)]
    pub validators: Validators,
    /// The body they describe; they may be sent only while that body is on disk.
    pub sha256: Digest,
}

/// A v2 body, by its digest as it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// The body.
    pub body: Digest,
    /// The v2 file that is published of it.
    pub v2: Digest,
}

impl Known {
    /// Whether there is anything that a request can be made conditional on.
    #[must_use]
    pub const fn identifies(&self) -> bool {
        let dated = self.validators.last_modified.is_some() && !self.validators.weak_date;
        self.validators.etag.is_some() || dated
    }
}

impl State {
    /// The state of a mirror, for those who only read it; nothing where there is none that can be read.
    #[must_use]
    pub fn read(layout: &Layout) -> Self {
        let state = manifest::load_quietly(&layout.state(), |state: &Self| state.format);
        state.unwrap_or_default()
    }

    /// Since when a URL fails for an item.
    #[must_use]
    pub fn failing_since(&self, url: &str, item: &Item) -> Option<Timestamp> {
        self.failing.get(url)?.get(&item.to_string()).copied()
    }

    /// Notes that a URL failed for an item; the first time counts.
    pub fn note_failure(&mut self, url: &str, item: &Item, now: Timestamp) {
        let of_url = self.failing.entry(url.to_owned()).or_default();
        let since = of_url.entry(item.to_string()).or_insert(now);
        // A time in the future is no time.
        *since = now.min(*since);
    }

    /// Notes that a URL answered for an item.
    pub fn note_answer(&mut self, url: &str, item: &Item) {
        if let Some(of_url) = self.failing.get_mut(url) {
            of_url.remove(&item.to_string());
            if of_url.is_empty() {
                self.failing.remove(url);
            }
        }
    }
}

/// The version of this program, as a state names it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            version: VERSION.to_owned(),
            validators: BTreeMap::new(),
            rate_limits: BTreeMap::new(),
            failing: BTreeMap::new(),
            absent: BTreeMap::new(),
            bodies: BTreeMap::new(),
            issues: BTreeMap::new(),
            view_of: None,
            hook_saw: BTreeMap::new(),
            waiting: BTreeMap::new(),
            intent: None,
        }
    }
}
