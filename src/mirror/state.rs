//! `.horde-refd/state.json`: what outlives a run without being published.
//!
//! Unreadable counts as absent; what is lost with it is asked for again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::manifest::FORMAT;
use crate::category::Category;
use crate::digest::Digest;
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
    /// How many findings lint has in what each v2 file was made from.
    #[serde(default)]
    pub issues: BTreeMap<Category, u64>,
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

/// The version of this program, as a state names it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            version: VERSION.to_owned(),
            validators: BTreeMap::new(),
            rate_limits: BTreeMap::new(),
            issues: BTreeMap::new(),
        }
    }
}
