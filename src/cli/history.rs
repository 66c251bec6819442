//! `horde-refd history`: the kept generations, newest first.

use serde_json::{Map, Value};

use super::Exit;
use super::args::{Common, HistoryArgs};
use super::output::{self, Output};
use super::table::{Cell, Palette, Tone, table};
use crate::category::Category;
use crate::inspect::history::History;
use crate::mirror::{Changes, Generation, Layout};
use crate::text::escaped;

/// How far apart two times are one and the same publication.
const ONCE: i64 = 1;

pub(super) fn main(common: &Common, args: &HistoryArgs) -> anyhow::Result<Exit> {
    let layout = Layout::new(&common.load()?.config.base_path);
    let asked = args
        .category
        .map_or(Category::ALL.to_vec(), |one| vec![one]);
    let read = |category| (category, History::of(&layout, category));
    let mut all: Vec<(Category, History)> = asked.into_iter().map(read).collect();
    if args.category.is_none() {
        all.retain(|(_, history)| !history.kept().is_empty());
    }
    let mut out = Output::stdout();
    if common.json {
        let object = |(category, history): &(Category, History)| {
            (category.name().to_owned(), history.to_json())
        };
        let object: Map<String, Value> = all.iter().map(object).collect();
        out.json(&object)?;
    } else if all.is_empty() {
        out.line("no generation is kept yet")?;
    } else {
        let palette = output::palette(common.color);
        let shown: Vec<String> = all
            .iter()
            .map(|(category, history)| text(*category, history, palette))
            .collect();
        out.line(shown.join("\n\n"))?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// The category, and a line a generation.
fn text(category: Category, history: &History, palette: Palette) -> String {
    let kept = history.kept();
    if kept.is_empty() {
        return format!("{category}: no generation is kept yet");
    }
    let rows: Vec<_> = kept
        .iter()
        .map(|one| {
            let (note, tone) = note(history, one);
            [
                Cell::text(one.id()),
                Cell::text(format!("{:.0}", one.published_at)),
                Cell::text(escaped(&one.source.upstream)),
                Cell::number(Some(one.models)),
                Cell::text(history.changes(one).map_or_else(|| "-".to_owned(), counts)),
                Cell::text(note).toned(tone),
            ]
        })
        .collect();
    let header = ["GENERATION", "PUBLISHED", "FROM", "MODELS", "CHANGES", ""];
    let mut lines = vec![category.to_string(), table(header, &rows, palette)];
    let of_current = kept.iter().any(|one| history.is_current(one));
    if let (false, Some(present)) = (of_current, history.present()) {
        lines.push(format!(
            "what is published now ({}) is no generation: a file was edited in place",
            present.id
        ));
    }
    lines.join("\n")
}

/// What is to be said of a generation beside its counts.
fn note(history: &History, one: &Generation) -> (String, Tone) {
    let mut words = Vec::new();
    let mut tone = Tone::Neutral;
    if history.is_current(one) {
        words.push("current".to_owned());
        tone = Tone::Good;
    }
    if history.is_pinned(one) {
        words.push("pinned".to_owned());
        tone = Tone::Notable;
    }
    let later = one.brought_at.duration_since(one.published_at).as_secs();
    if later > ONCE {
        words.push(format!("brought again {:.0}", one.brought_at));
    }
    (words.join(", "), tone)
}

fn counts(changes: Changes) -> String {
    let Changes {
        added,
        removed,
        changed,
    } = changes;
    format!("+{added} -{removed} ~{changed}")
}
