//! `horde-refd diff`: which models and fields differ between two generations.

use anyhow::{Context, bail};

use super::Audience;
use super::Exit;
use super::args::{Common, DiffArgs};
use super::output::{self, Output};
use super::startup::runtime;
use super::table::{Palette, Tone};
use crate::backend::GithubBackend;
use crate::category::Category;
use crate::depth::Depth;
use crate::inspect::diff::{Diff, Field};
use crate::inspect::history::{History, NoVersion, Version};
use crate::mirror::Layout;
use crate::text::{cut_in_the_middle, escaped};

/// A value is cut to no less than this.
const SHORTEST: usize = 16;

pub(super) fn main(common: &Common, args: &DiffArgs) -> anyhow::Result<Exit> {
    let (from, to) = if args.incoming {
        incoming(common, args.category)?
    } else {
        let layout = Layout::new(&common.load()?.config.base_path);
        let history = History::of(&layout, args.category);
        history.pair(args.from.as_deref(), args.to.as_deref())?
    };
    let diff = compare(&from, &to)?;
    let mut out = Output::stdout();
    if common.json {
        out.line(diff.to_json())?;
    } else {
        let shown = Shown {
            palette: output::palette(common.color),
            width: output::width(),
        };
        out.line(shown.text(args.category, &from, &to, &diff))?;
    }
    out.finish()?;
    Ok(if args.exit_code && !diff.is_empty() {
        Exit::Failed
    } else {
        Exit::Done
    })
}

/// The present version, and what a sync would publish if nothing held it.
fn incoming(common: &Common, category: Category) -> anyhow::Result<(Version, Version)> {
    let config = common.start(Audience::Command)?.config;
    let layout = Layout::new(&config.base_path);
    let present = History::of(&layout, category).present().cloned();
    let present = present.ok_or(NoVersion::Absent(category))?;
    let backend = GithubBackend::open_rehearsal(config)?;
    let runtime = runtime()?;
    let (report, v2) = runtime.block_on(async {
        let report = backend.refresh(Depth::Poll, &[category], &()).await;
        (report, backend.incoming(category).await)
    });
    runtime.shutdown_background();
    let v2 = v2.unwrap_or_default();
    let incoming = Version::of(v2);
    let error = report
        .category(category)
        .and_then(|fared| fared.error.as_ref());
    match error {
        // What is edited here would be published, whatever the upstream has.
        Some(error) if incoming.sha256 != present.sha256 => output::warn(error.chain()),
        Some(error) => bail!("nothing new can be had for {category}: {}", error.chain()),
        None => {}
    }
    Ok((present, incoming))
}

fn compare(from: &Version, to: &Version) -> anyhow::Result<Diff> {
    Diff::between(&from.v2, &to.v2)
        .with_context(|| format!("{} and {} cannot be compared", from.id, to.id))
}

/// How a difference is shown to people: on a terminal coloured and as wide as it is, elsewhere plain and whole.
struct Shown {
    palette: Palette,
    width: Option<usize>,
}

impl Shown {
    fn text(&self, category: Category, from: &Version, to: &Version, diff: &Diff) -> String {
        let (from, to) = (name(from), name(to));
        if diff.is_empty() {
            return format!("{category}: {from} and {to} have the same models");
        }
        let mut lines = vec![format!("{category}: {from} -> {to}: {}", diff.counts())];
        let mut model = |sign: char, name: &str, tone| {
            let line = format!("{sign} {}", escaped(name));
            lines.push(self.palette.paint(&line, tone));
        };
        for name in &diff.added {
            model('+', name, Tone::Good);
        }
        for name in &diff.removed {
            model('-', name, Tone::Bad);
        }
        for (name, fields) in &diff.changed {
            let line = format!("~ {}", escaped(name));
            lines.push(self.palette.paint(&line, Tone::Notable));
            lines.extend(fields.iter().map(|field| self.field(field)));
        }
        lines.join("\n")
    }

    /// `    path: old -> new`; a side that is not there is `absent`, which no JSON text is.
    fn field(&self, field: &Field) -> String {
        let path = if field.path.is_empty() {
            "the whole record"
        } else {
            &field.path
        };
        let path = escaped(path);
        let taken = path.chars().count() + "    :  -> ".len();
        let most = self.width.map_or(usize::MAX, |width| {
            SHORTEST.max(width.saturating_sub(taken) / 2)
        });
        let side = |side: &Option<String>, tone| match side {
            Some(text) => self.palette.paint(&cut_in_the_middle(text, most), tone),
            None => "absent".to_owned(),
        };
        let (from, to) = (side(&field.from, Tone::Bad), side(&field.to, Tone::Good));
        format!("    {path}: {from} -> {to}")
    }
}

/// `0f3a81bc1234 (2026-11-29T04:12:33Z)`
fn name(version: &Version) -> String {
    let at = version.published_at;
    at.map_or_else(
        || version.id.clone(),
        |at| format!("{} ({at:.0})", version.id),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn version(v2: &str, at: Option<&str>) -> Version {
        let sha256 = Digest::of(v2.as_bytes());
        Version {
            id: sha256.to_string()[..6].to_owned(),
            sha256,
            published_at: at.map(|at| at.parse().unwrap()),
            v2: v2.into(),
        }
    }

    fn shown(palette: Palette, width: Option<usize>, old: &str, new: &str) -> String {
        let from = version(old, Some("2026-11-22T12:00:00Z"));
        let to = version(new, None);
        let diff = compare(&from, &to).unwrap();
        let shown = Shown { palette, width };
        shown.text(Category::Clip, &from, &to, &diff)
    }

    #[test]
    fn plain_and_whole_where_there_is_no_terminal() {
        let long = "x".repeat(200);
        let old = format!("{{\"a\": {{\"d\": \"{long}\", \"n\": null}}, \"b\": {{}}}}");
        let new = "{\"a\": {\"d\": \"\", \"t\": [1, 2]}, \"c\\u001b\": {}}";
        let text = shown(Palette::Plain, None, &old, new);
        let (header, rest) = text.split_once('\n').unwrap();
        assert!(
            header.starts_with("clip: ") && header.ends_with(": +1 -1 ~1"),
            "{header}"
        );
        assert!(header.contains(" (2026-11-22T12:00:00Z) -> "), "{header}");
        let expected = format!(
            "+ c\\u{{1b}}\n- b\n~ a\n    d: \"{long}\" -> \"\"\n    t: absent -> [1, 2]\n    n: null -> absent"
        );
        assert_eq!(rest, expected);
    }

    #[test]
    fn coloured_and_cut_in_the_middle_on_a_terminal() {
        let long = |start: &str| format!("{{\"a\": {{\"d\": \"{start}{}\"}}}}", "x".repeat(200));
        let text = shown(Palette::Colored, Some(60), &long("old"), &long("new"));
        let field = text.lines().last().unwrap();
        let expected = "    d: \u{1b}[31m\"oldxxxxxxxx…xxxxxxxxxx\"\u{1b}[0m -> \u{1b}[32m\"newxxxxxxxx…xxxxxxxxxx\"\u{1b}[0m";
        assert_eq!(field, expected);
        // However narrow it is, something is to be seen of each value.
        let narrow = shown(Palette::Plain, Some(10), &long("old"), &long("new"));
        assert!(narrow.contains("\"oldxxxx…xxxxxx\" -> "), "{narrow}");
    }

    #[test]
    fn the_same_models_are_said_to_be_the_same() {
        let text = shown(Palette::Plain, None, "{\"a\": {}}", "{ \"a\": {} }");
        assert!(text.ends_with(" have the same models"), "{text}");
    }
}
