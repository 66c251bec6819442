//! The lanes of a category: which upstreams serve it in which form, how each is asked, and whose word is published.
//!
//! 1. The legacy lane has the upstreams that serve the legacy file. The v2 lane has all: one that serves v2 gives it
//!    ready-made, one that serves only legacy gives it by converting the stored legacy file.
//! 2. Where the local files are the origin the v2 file of a category with a legacy format is always a conversion.
//! 3. Between two answers, the v2 file is made from the legacy file where that is what the lane last came to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::ask::{Heard, Lane, Lanes, Step, Way};
use super::plan::{self, Ask, Before, Candidate, Lately};
use super::{Cycle, Origin};
use crate::category::Category;
use crate::clock;
use crate::config::Layout;
use crate::depth::Depth;
use crate::digest::Digest;
use crate::item::{Form, Item};
use crate::mirror::Look;
use crate::upstream::Upstream;

/// What is on disk of a category when a cycle begins.
#[derive(Debug, Default)]
pub(super) struct Looks {
    pub(super) legacy: Look,
    /// The legacy file was missing and a generation brought it back.
    pub(super) came_back: bool,
    /// The v2 file.
    pub(super) v2: Option<Digest>,
}

impl Cycle<'_> {
    /// The upstreams that serve an item in a form, in order of preference.
    pub(super) fn serving(&self, item: &Item, form: Form) -> impl Iterator<Item = &Arc<Upstream>> {
        let upstreams = self.upstreams.iter();
        upstreams.filter(move |upstream| upstream.serves(item, form))
    }

    /// Whether an upstream gives a category's v2 file ready-made (invariant 2).
    pub(super) fn has_ready(&self, category: Category) -> bool {
        let item = Item::Category(category);
        let origin = self.is_origin() && category.has_legacy();
        !origin && self.serving(&item, Form::V2).next().is_some()
    }

    /// Whom to ask for a category, and how. What is wanted of another mirror and is not here as it came from there is put
    /// into `changed`.
    pub(super) fn lanes(
        &mut self,
        category: Category,
        looks: &Looks,
        changed: &mut BTreeSet<String>,
    ) -> Lanes {
        let item = Item::Category(category);
        let legacy = looks.legacy.seen.map(|seen| seen.sha256);
        let entry = self.mirror.manifest().categories.get(&category);
        let of_disk = self.depth == Depth::Disk && self.has_ready(category);
        // What was never published is not looked for between two polls.
        let no_legacy = of_disk && entry.is_none_or(|entry| entry.legacy.is_none());
        let no_v2 = of_disk && entry.is_none();
        let steps = self.legacy_steps(&item, legacy, looks.came_back, changed);
        let published = self.mirror.layout().file(&item, Form::V2);
        let lane = |form, steps: Vec<Step>, has_published| Lane {
            item: item.clone(),
            form,
            steps,
            has_published,
            published: published.clone(),
        };
        let legacy_lane =
            (!steps.is_empty() && !no_legacy).then(|| lane(Form::Legacy, steps, legacy.is_some()));
        let mut v2_lane = None;
        if self.has_ready(category) && !no_v2 {
            let steps = self.v2_steps(category, looks, changed);
            let fetches = |step: &Step| matches!(step.way, Way::Fetch { .. });
            if steps.iter().any(fetches) {
                v2_lane = Some(lane(Form::V2, steps, looks.v2.is_some()));
            }
        }
        Lanes {
            legacy: legacy_lane,
            v2: v2_lane,
            has_legacy: legacy.is_some(),
        }
    }

    fn legacy_steps(
        &mut self,
        item: &Item,
        on_disk: Option<Digest>,
        came_back: bool,
        changed: &mut BTreeSet<String>,
    ) -> Vec<Step> {
        let upstreams: Vec<_> = self.serving(item, Form::Legacy).cloned().collect();
        let published = item.category().and_then(|category| {
            let entry = self.mirror.manifest().categories.get(&category)?;
            Some(entry.legacy.as_ref()?.source.url.clone())
        });
        let asked = Asked {
            form: Form::Legacy,
            file: on_disk,
            body: on_disk,
            came_back,
            published,
        };
        let steps = upstreams
            .into_iter()
            .filter_map(|upstream| self.step(item, upstream, &asked, changed));
        steps.collect()
    }

    /// How the upstreams are asked for a file that is passed through.
    pub(super) fn file_steps(
        &mut self,
        item: &Item,
        on_disk: Option<Digest>,
        changed: &mut BTreeSet<String>,
    ) -> Vec<Step> {
        let upstreams: Vec<_> = self.serving(item, Form::Raw).cloned().collect();
        let asked = Asked {
            form: Form::Raw,
            file: on_disk,
            body: on_disk,
            came_back: false,
            published: self.mirror.file(item).map(|file| file.source.url.clone()),
        };
        let steps = upstreams
            .into_iter()
            .filter_map(|upstream| self.step(item, upstream, &asked, changed));
        steps.collect()
    }

    fn v2_steps(
        &mut self,
        category: Category,
        looks: &Looks,
        changed: &mut BTreeSet<String>,
    ) -> Vec<Step> {
        let item = Item::Category(category);
        let upstreams: Vec<_> = self.upstreams.to_vec();
        let entry = self.mirror.manifest().categories.get(&category);
        let ready = entry.filter(|entry| entry.made_from.form == Form::V2);
        let published = ready.map(|entry| entry.source.url.clone());
        let converted = entry.is_some() && ready.is_none();
        let asked = Asked {
            form: Form::V2,
            file: looks.v2,
            body: self.received_body(category, looks.v2),
            came_back: false,
            published,
        };
        let mut steps = Vec::new();
        for upstream in upstreams {
            if upstream.serves(&item, Form::V2) {
                steps.extend(self.step(&item, upstream, &asked, changed));
            } else if let Some(source) = upstream.source(&item, Form::Legacy) {
                let since = self.mirror.state().failing_since(&source.url, &item);
                steps.push(Step {
                    candidate: Candidate {
                        fallback_after: upstream.fallback_after(),
                        failing_since: since,
                        published: converted,
                    },
                    upstream,
                    way: Way::Convert,
                });
            }
        }
        steps
    }

    /// The body that the v2 file on disk was made from, where that is known and this version made it.
    pub(super) fn received_body(
        &mut self,
        category: Category,
        v2: Option<Digest>,
    ) -> Option<Digest> {
        let v2 = v2.filter(|_| self.mirror.is_trusted())?;
        let received = self.mirror.state().bodies.get(&category).copied();
        if let Some(received) = received.filter(|received| received.v2 == v2) {
            return Some(received.body);
        }
        let entry = self.mirror.manifest().categories.get(&category)?;
        let is_ready = entry.v2.sha256 == v2 && entry.made_from.form == Form::V2;
        is_ready.then_some(entry.made_from.sha256)
    }

    /// How one upstream is asked for a file; `None` where the plan is not to ask.
    fn step(
        &mut self,
        item: &Item,
        upstream: Arc<Upstream>,
        asked: &Asked,
        changed: &mut BTreeSet<String>,
    ) -> Option<Step> {
        let source = upstream.source(item, asked.form)?;
        let (depth, is_origin, seeds) = (self.depth, self.is_origin(), self.config.seed);
        let waiting = self.waiting_from(item, asked.form);
        let waiting = waiting.and_then(|sent| sent.of(&source.url));
        let state = self.mirror.state();
        let known = state.validators.get(&source.url);
        let before = Before {
            depth,
            is_origin,
            seeds,
            is_here: asked.file.is_some(),
            on_disk: asked.body,
            came_back: asked.came_back,
            known,
            waiting,
        };
        let validators = match plan::ask(&before) {
            Ask::Nothing => return None,
            Ask::Whole => None,
            Ask::IfChanged(validators) => Some(validators),
        };
        let is_mirror = upstream.layout() == Layout::Mirror;
        if is_mirror {
            let manifest = upstream.manifest_source();
            let absent = manifest.and_then(|manifest| state.absent.get(&manifest.url));
            let path = item.path(asked.form).unwrap_or_default();
            let is_absent = absent.is_some_and(|absent| absent.contains(&path));
            let here = [asked.file, waiting];
            let is_theirs = known.is_some_and(|known| here.contains(&Some(known.sha256)));
            if !is_absent && (!is_theirs || asked.came_back) || depth == Depth::Force {
                changed.insert(upstream.name().to_owned());
            }
        }
        let candidate = Candidate {
            fallback_after: upstream.fallback_after(),
            failing_since: state.failing_since(&source.url, item),
            published: asked.published.as_ref() == Some(&source.url),
        };
        let on_disk = if is_mirror { asked.file } else { asked.body };
        let on_disk = waiting.or(on_disk);
        Some(Step {
            upstream,
            way: Way::Fetch {
                source,
                validators,
                on_disk,
            },
            candidate,
        })
    }

    /// Whether the v2 file of a category is made from its legacy file in this cycle; `heard` is what its v2 lane heard.
    pub(super) fn converts(&mut self, category: Category, heard: Option<&Heard>) -> bool {
        if !self.has_ready(category) {
            return category.has_legacy();
        }
        if let Some(heard) = heard {
            if heard.answer.is_some() {
                return false;
            }
            if heard.converts {
                return true;
            }
        }
        let item = Item::Category(category);
        let entry = self.mirror.manifest().categories.get(&category);
        let Some(made_from) = entry.map(|entry| entry.made_from.form) else {
            // Nothing is published: a conversion that could serve is better than none.
            let mut legacy = self.serving(&item, Form::Legacy);
            let converts = legacy.any(|upstream| !upstream.serves(&item, Form::V2));
            drop(legacy);
            return converts && !self.keeps_whole(category);
        };
        if made_from != Form::Legacy {
            return false;
        }
        let now = clock::now();
        let upstreams: Vec<_> = self.upstreams.to_vec();
        let state = self.mirror.state();
        let lane = upstreams.iter().filter_map(|upstream| {
            let fallback_after = upstream.fallback_after();
            if let Some(source) = upstream.source(&item, Form::V2) {
                return Some(Lately::Ready {
                    failing_since: state.failing_since(&source.url, &item),
                    has_answered: state.validators.contains_key(&source.url),
                });
            }
            let serves = upstream.serves(&item, Form::Legacy);
            serves.then_some(Lately::Converts { fallback_after })
        });
        plan::converts(lane, now)
    }

    /// Whether the first upstream of the v2 lane gives it ready-made, so that a whole v2 file which is here stays until
    /// that upstream answers.
    pub(super) fn keeps_whole(&self, category: Category) -> bool {
        let item = Item::Category(category);
        let first = self.upstreams.iter().find(|upstream| {
            upstream.serves(&item, Form::V2) || upstream.serves(&item, Form::Legacy)
        });
        let is_ready = first.is_some_and(|first| first.serves(&item, Form::V2));
        is_ready && self.mirror.last_seen(&item, Form::V2).is_some()
    }

    /// Where the upstreams have the files of a category, in every form.
    pub(super) fn urls(&self, category: Category) -> Vec<Origin> {
        let item = Item::Category(category);
        let forms = [Form::Legacy, Form::V2];
        let of_form = |form| {
            let serving = self.serving(&item, form);
            serving
                .filter_map(|upstream| upstream.source(&item, form))
                .collect::<Vec<_>>()
        };
        forms.into_iter().flat_map(of_form).collect()
    }
}

/// What a lane asks its upstreams for.
struct Asked {
    form: Form,
    /// The file on disk.
    file: Option<Digest>,
    /// The body that it was made from.
    body: Option<Digest>,
    came_back: bool,
    /// The URL that the published file came from.
    published: Option<String>,
}
