//! Where references come from: servers and directories, asked conditionally and politely.
//!
//! 1. An [`Upstream`] is one configured place, a value: [`Upstream::source`] tells the address of a file before it is
//!    asked for, and an [`Answer`] carries it, so no address is looked up after the answer came.
//! 2. [`Hosts`] is shared by all upstreams of a process; a [`Round`] is one cycle's requests. Which upstream is asked,
//!    and what its answer is worth, is decided elsewhere.
//! 3. Nothing here knows the mirror: the caller decides whether to ask conditionally and what to do with the bytes.
//!
//! ```text
//! layout, address      item and form -> address                 pure
//! host/                limits, breakers, slots, retries, pace   arithmetic, one host each
//! round                one cycle's requests
//! http/, directory     one request, one read
//! ```

mod address;
mod directory;
mod error;
#[doc(hidden)]
pub mod fuzzed;
mod host;
mod http;
mod layout;
pub mod mirror;
mod round;

pub mod validators;

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::HeaderValue;

pub use error::{Class, During, HttpCause, Repeated, UpstreamError};
pub use host::pace::again_after;
pub use host::traffic::Traffic;
pub use host::{BreakerState, Hosts};
pub use http::probe::{Probe, Trouble};
pub use round::Round;
pub use validators::Validators;

use crate::config::Origin;
use crate::config::{GithubConfig, Layout, UpstreamConfig};
use crate::item::{Form, Item};
use address::{LocalFile, Place, Target};

/// For a directory whose files are in the other layout than the one configured.
const GITHUB_INSTEAD: &str =
    "the directory is laid out like GitHub: use --layout github (layout = \"github\")";
const FLAT_INSTEAD: &str =
    "the files are directly in the directory: use --layout flat (layout = \"flat\")";

/// What a mirror publishes, for its leaves.
const MANIFEST: &str = "manifest.json";
/// What a PRIMARY answers that is up.
const HEARTBEAT: &str = "heartbeat";

/// Who gave a body, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The upstream's name.
    pub upstream: String,
    /// The file's own URL (without the proxy prefix, without credentials) or path.
    pub url: String,
}

/// What an upstream answered for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where it came from.
    pub source: Source,
    /// What the body is.
    pub form: Form,
    /// The answer itself.
    pub what: What,
}

/// The answer itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The file, whole.
    Body {
        /// Its bytes, decoded from the transfer, otherwise as sent.
        bytes: Vec<u8>,
        /// What to send with the next request; empty for a directory.
        validators: Validators,
        /// Whether the end of the body was announced (a length, a last chunk, the end of a stream, a gzip trailer). A
        /// body that just ends with its connection may have been cut there.
        complete: bool,
    },
    /// The file is the one that the given validators describe.
    NotModified,
}

/// One configured place that references come from.
#[derive(Debug, Clone)]
pub struct Upstream {
    name: String,
    origin: Origin,
    layout: Layout,
    categories: Vec<crate::category::Category>,
    fallback_after: Duration,
    proxy_url: Option<url::Url>,
    token_file: Option<PathBuf>,
    github: GithubConfig,
}

impl Upstream {
    /// The upstream of a configuration.
    ///
    /// # Errors
    /// The configured URLs make no file URL.
    pub fn new(config: &UpstreamConfig, github: &GithubConfig) -> Result<Self, UpstreamError> {
        let upstream = Self {
            name: config.name.clone(),
            origin: config.origin.clone(),
            layout: config.layout,
            categories: config.categories.clone(),
            fallback_after: config.fallback_after,
            proxy_url: config.proxy_url.clone(),
            token_file: config.token_file.clone(),
            github: github.clone(),
        };
        for &category in &upstream.categories {
            for form in [Form::Legacy, Form::V2] {
                let item = Item::from(category);
                if upstream.serves(&item, form) {
                    upstream.place(&item, form)?;
                }
            }
        }
        Ok(upstream)
    }

    /// Its name in manifest, status, metrics and log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its files are laid out.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// How long all before it must have been failing before it is asked.
    #[must_use]
    pub const fn fallback_after(&self) -> Duration {
        self.fallback_after
    }

    /// Whether it is a directory on this host.
    #[must_use]
    pub const fn is_directory(&self) -> bool {
        matches!(self.origin, Origin::Directory(_))
    }

    /// The host that its requests go to, as limits and breakers name it; `None` for a directory.
    #[must_use]
    pub fn host(&self) -> Option<String> {
        match (&self.origin, &self.proxy_url) {
            (Origin::Directory(_), _) => None,
            (Origin::Http(_), Some(url)) | (Origin::Http(url), None) => Some(address::host(url)),
        }
    }

    /// Whether it is asked for an item in a form.
    #[must_use]
    pub fn serves(&self, item: &Item, form: Form) -> bool {
        let configured = item
            .category()
            .is_none_or(|category| self.categories.contains(&category));
        configured && layout::path(self.layout, &self.github, item, form).is_some()
    }

    /// Where it has an item in a form; `None` where it does not serve it.
    #[must_use]
    pub fn source(&self, item: &Item, form: Form) -> Option<Source> {
        let place = self.place(item, form).ok()?;
        Some(self.source_of(&place))
    }

    fn source_of(&self, place: &Place) -> Source {
        Source {
            upstream: self.name.clone(),
            url: place.address(),
        }
    }

    /// The place of an item in a form.
    fn place(&self, item: &Item, form: Form) -> Result<Place, UpstreamError> {
        let path = |layout| layout::path(layout, &self.github, item, form);
        let Some(segments) = path(self.layout).filter(|_| self.serves(item, form)) else {
            return Err(UpstreamError::NotServed {
                upstream: self.name.clone(),
                item: item.clone(),
                form,
            });
        };
        match &self.origin {
            Origin::Directory(root) => {
                let elsewhere = match self.layout {
                    Layout::Github => path(Layout::Flat).map(|path| (path, FLAT_INSTEAD)),
                    Layout::Flat => path(Layout::Github).map(|path| (path, GITHUB_INSTEAD)),
                    Layout::Primary | Layout::Mirror => None,
                };
                Ok(Place::File(LocalFile {
                    root: root.clone(),
                    path: address::joined(root, &segments),
                    elsewhere: elsewhere.map(|(path, cure)| (address::joined(root, &path), cure)),
                }))
            }
            Origin::Http(base) => {
                let mut target = Target::new(
                    &address::below(base, &segments),
                    self.proxy_url.as_ref(),
                    layout::hint(self.layout, item),
                )?;
                target.unknown_is_422 = self.layout == Layout::Primary;
                Ok(Place::Http(target))
            }
        }
    }

    /// The manifest of an upstream of layout `mirror`.
    fn manifest(&self) -> Result<Place, UpstreamError> {
        let path = [MANIFEST.to_owned()];
        match &self.origin {
            Origin::Directory(root) => Ok(Place::File(LocalFile {
                root: root.clone(),
                path: address::joined(root, &path),
                elsewhere: None,
            })),
            Origin::Http(base) => {
                let hint = "check the upstream's url: manifest.json is directly below it";
                let file = address::below(base, &path);
                let target = Target::new(&file, self.proxy_url.as_ref(), hint)?;
                Ok(Place::Http(target))
            }
        }
    }

    /// Where an upstream of layout `mirror` has its manifest.
    #[must_use]
    pub fn manifest_source(&self) -> Option<Source> {
        let place = self.manifest().ok()?;
        (self.layout == Layout::Mirror).then(|| self.source_of(&place))
    }

    /// The address that a look at it asks: the manifest or the heartbeat of a layout that has one, else an item's.
    fn probed(&self, item: &Item, form: Form) -> Result<Place, UpstreamError> {
        match (self.layout, &self.origin) {
            (Layout::Mirror, _) => self.manifest(),
            (Layout::Primary, Origin::Http(base)) => {
                let file = address::below(base, &[HEARTBEAT.to_owned()]);
                let hint = "check the upstream's url: it ends where /model_references begins";
                Ok(Place::Http(Target::new(
                    &file,
                    self.proxy_url.as_ref(),
                    hint,
                )?))
            }
            _ => self.place(item, form),
        }
    }

    /// What is sent as `Authorization`; read anew for each request, so that a new token needs no restart.
    fn token(&self) -> Result<Option<HeaderValue>, UpstreamError> {
        let Some(path) = self.token_file.as_deref().map(credential) else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(&path).map_err(|source| UpstreamError::Token {
            upstream: self.name.clone(),
            path: path.clone(),
            source,
        })?;
        match HeaderValue::from_str(&format!("Bearer {}", text.trim())) {
            Ok(mut token) if !text.trim().is_empty() => {
                token.set_sensitive(true);
                Ok(Some(token))
            }
            _ => Err(UpstreamError::TokenForm {
                upstream: self.name.clone(),
                path: path.clone(),
            }),
        }
    }
}

/// The file of a token: a name alone is one in the directory of the credentials that systemd passes.
fn credential(path: &Path) -> PathBuf {
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|_| path.is_relative());
    directory.map_or_else(
        || path.to_owned(),
        |directory| Path::new(&directory).join(path),
    )
}

#[cfg(test)]
mod tests;
