//! Another mirror as an upstream: one manifest a cycle, and only the files that it says have changed.
//!
//! 1. The manifest is asked for once, by the first that wants a file, and conditionally where all that it named then is
//!    still here as it came.
//! 2. A file counts only with the digest that the manifest has for it. One that has another (a cycle that is being
//!    published there, a cache between) is asked for again with the manifest, up to `AGAIN` times within `TIME`.
//! 3. What the manifest does not name is not there; that the manifest is not there is a failure.
//! 4. Its validators are kept only when all that it names was taken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::category::Category;
use crate::clock;
use crate::config;
use crate::digest::Digest;
use crate::item::{ExtraFile, Form, Item};
use crate::mirror::{Known, State};
use crate::upstream::mirror::Listing;
use crate::upstream::{Answer, Class, Round, Source, Upstream, UpstreamError, Validators, What};

/// How often a file with another digest is asked for again.
const AGAIN: u32 = 3;

/// For how long, from the first answer on.
const TIME: Duration = Duration::from_secs(5);

/// The first pause before it is asked for again; it doubles.
const PAUSE: Duration = Duration::from_millis(300);

const FORMS: [Form; 3] = [Form::Legacy, Form::V2, Form::Raw];

/// The upstreams of layout `mirror`, by name.
#[derive(Debug, Default)]
pub(super) struct Leaves(BTreeMap<String, Leaf>);

/// One upstream of layout `mirror` in one cycle.
#[derive(Debug)]
pub(super) struct Leaf {
    upstream: Arc<Upstream>,
    manifest: Source,
    /// What the request for the manifest is made conditional on.
    validators: Option<Validators>,
    extra: Vec<ExtraFile>,
    /// What the manifest did not name when its validators came.
    absent: BTreeSet<String>,
    got: Mutex<Got>,
}

/// The manifest as it was last had in this cycle.
#[derive(Debug, Default)]
struct Got {
    /// How often it was asked for.
    times: u32,
    manifest: Option<Result<Arc<Manifest>, Arc<UpstreamError>>>,
}

/// What the manifest said.
#[derive(Debug)]
enum Manifest {
    /// It is the one that was taken whole before.
    Same,
    /// What it names, and what describes it.
    Named(Listing, Known),
}

/// A file that is wanted of a mirror.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) item: &'a Item,
    pub(super) form: Form,
    /// The published file, as it is on disk.
    pub(super) on_disk: Option<Digest>,
}

impl Leaves {
    /// One leaf for each upstream of layout `mirror`; `is_here` says of which all that is wanted is as it came from there.
    pub(super) fn of_upstreams(
        upstreams: &[Arc<Upstream>],
        extra: &[ExtraFile],
        state: &State,
        is_here: impl Fn(&Upstream) -> bool,
    ) -> Self {
        let mirrors = upstreams.iter().filter_map(|upstream| {
            let manifest = upstream.manifest_source()?;
            let known = state.validators.get(&manifest.url);
            let known = known.filter(|known| known.identifies() && is_here(upstream));
            let leaf = Leaf {
                upstream: Arc::clone(upstream),
                validators: known.map(|known| known.validators.clone()),
                extra: extra.to_vec(),
                absent: state.absent.get(&manifest.url).cloned().unwrap_or_default(),
                manifest,
                got: Mutex::default(),
            };
            Some((upstream.name().to_owned(), leaf))
        });
        Self(mirrors.collect())
    }

    /// The leaf of an upstream, if it is a mirror.
    pub(super) fn of(&self, upstream: &Upstream) -> Option<&Leaf> {
        self.0.get(upstream.name())
    }

    /// Notes what was found out about the manifests (invariant 4).
    pub(super) fn note(self, state: &mut State) {
        for mut leaf in self.0.into_values() {
            let Some(Ok(manifest)) = leaf.got.get_mut().manifest.take() else {
                continue;
            };
            let Manifest::Named(listing, known) = &*manifest else {
                continue;
            };
            let upstream = &leaf.upstream;
            let url = &leaf.manifest.url;
            let absent = leaf.unnamed(listing);
            if absent.is_empty() {
                state.absent.remove(url);
            } else {
                state.absent.insert(url.clone(), absent);
            }
            let taken = |(item, form): &(Item, Form), sha256: Option<Digest>| {
                let Some(source) = upstream.source(item, *form) else {
                    return true;
                };
                let known = state.validators.get(&source.url);
                known.is_some_and(|known| Some(known.sha256) == sha256)
            };
            let mut named = listing.0.iter();
            let all = named.all(|(file, listed)| taken(file, listed.sha256.parse().ok()));
            if all {
                state.validators.insert(url.clone(), known.clone());
            } else {
                state.validators.remove(url);
            }
        }
    }
}

impl Leaf {
    /// Asks for a file; with the answer comes the digest that the manifest has for it.
    pub(super) async fn ask(
        &self,
        round: &Round,
        wanted: &Wanted<'_>,
    ) -> Result<(Answer, Digest), Arc<UpstreamError>> {
        let mut had = 0;
        let mut attempts = 0;
        let mut pause = PAUSE;
        let begun = clock::timer_instant();
        let Some(source) = self.upstream.source(wanted.item, wanted.form) else {
            return Err(Arc::new(self.not_listed(wanted)));
        };
        loop {
            let (times, manifest) = self.manifest(round, had).await?;
            had = times;
            let listed = match (&*manifest, wanted.on_disk) {
                (Manifest::Named(listing, _), _) => {
                    let listed = listing.0.get(&(wanted.item.clone(), wanted.form));
                    listed.and_then(|listed| listed.sha256.parse::<Digest>().ok())
                }
                (Manifest::Same, on_disk) => {
                    let path = wanted.item.path(wanted.form).unwrap_or_default();
                    on_disk.filter(|_| !self.absent.contains(&path))
                }
            };
            let Some(listed) = listed else {
                return Err(Arc::new(self.not_listed(wanted)));
            };
            if wanted.on_disk == Some(listed) {
                let answer = Answer {
                    source,
                    form: wanted.form,
                    what: What::NotModified,
                };
                return Ok((answer, listed));
            }
            attempts += 1;
            let fetched = round.fetch(&self.upstream, wanted.item, wanted.form, None);
            match fetched.await {
                Ok(answer) if is(&answer, listed) => return Ok((answer, listed)),
                Ok(_) => {}
                // The mirror is publishing: what it has named and removed since is named otherwise now.
                Err(error) if error.class() == Class::NotThere => {}
                Err(error) => return Err(Arc::new(error)),
            }
            let elapsed = clock::timer_instant().duration_since(begun);
            let over = elapsed + pause >= TIME;
            if attempts > AGAIN || over {
                let url = source.url;
                return Err(Arc::new(UpstreamError::OtherDigest { url, attempts }));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    /// The manifest, newer than the one that was had when it had been asked for `had` times.
    async fn manifest(
        &self,
        round: &Round,
        had: u32,
    ) -> Result<(u32, Arc<Manifest>), Arc<UpstreamError>> {
        let mut got = self.got.lock().await;
        if got.times <= had || got.manifest.is_none() {
            let validators = self.validators.as_ref().filter(|_| got.times == 0);
            let read = self.read(round, validators).await;
            got.times += 1;
            got.manifest = Some(read.map(Arc::new).map_err(Arc::new));
        }
        match &got.manifest {
            Some(Ok(manifest)) => Ok((got.times, Arc::clone(manifest))),
            Some(Err(error)) => Err(Arc::clone(error)),
            None => Err(Arc::new(self.no_manifest())),
        }
    }

    async fn read(
        &self,
        round: &Round,
        validators: Option<&Validators>,
    ) -> Result<Manifest, UpstreamError> {
        let (source, what) = match round.manifest(&self.upstream, validators).await {
            Err(error) if error.class() == Class::NotThere => return Err(self.no_manifest()),
            asked => asked?,
        };
        match what {
            What::NotModified => Ok(Manifest::Same),
            What::Body {
                bytes, validators, ..
            } => {
                let listing = Listing::read(&source.url, &bytes, &self.extra)?;
                let sha256 = Digest::of(&bytes);
                Ok(Manifest::Named(listing, Known { validators, sha256 }))
            }
        }
    }

    /// The paths that the upstream could serve and that its manifest does not name.
    fn unnamed(&self, listing: &Listing) -> BTreeSet<String> {
        let categories = Category::ALL.into_iter().map(Item::Category);
        let files = self.extra.iter().cloned().map(Item::File);
        let items = categories.chain(files);
        let all = items.flat_map(|item| FORMS.map(|form| (item.clone(), form)));
        all.filter(|(item, form)| self.upstream.serves(item, *form))
            .filter(|file| !listing.0.contains_key(file))
            .filter_map(|(item, form)| item.path(form))
            .collect()
    }

    fn no_manifest(&self) -> UpstreamError {
        let url = self.manifest.url.clone();
        UpstreamError::NoManifest { url }
    }

    fn not_listed(&self, wanted: &Wanted<'_>) -> UpstreamError {
        UpstreamError::NotListed {
            url: self.manifest.url.clone(),
            path: wanted.item.path(wanted.form).unwrap_or_default(),
        }
    }
}

fn is(answer: &Answer, listed: Digest) -> bool {
    match &answer.what {
        What::Body { bytes, .. } => Digest::of(bytes) == listed,
        What::NotModified => false,
    }
}

/// The extra files of a configuration, as items name them.
pub(super) fn extra_files(configured: &[config::ExtraFile]) -> Vec<ExtraFile> {
    let files = configured.iter().map(|file| ExtraFile {
        repository: file.repository,
        name: file.file.clone(),
    });
    files.collect()
}
