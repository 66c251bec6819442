//! `horde-refd show`: what the mirror holds, whole or one model.

use std::path::Path;

use anyhow::{Context, bail};

use super::Exit;
use super::args::{Common, ShowArgs};
use super::output::Output;
use crate::disk;
use crate::inspect::records::{Records, legacy_text};
use crate::mirror::Layout;
use crate::mirror::layout::READABLE;

pub(super) fn main(common: &Common, args: &ShowArgs) -> anyhow::Result<Exit> {
    let config = common.load()?.config;
    let layout = Layout::new(&config.base_path);
    let path = if args.legacy {
        layout.legacy(args.category)
    } else {
        layout.v2(args.category)
    };
    let bytes = disk::read(&path, disk::Links::Follow, READABLE)?.with_context(|| {
        format!(
            "the mirror holds no {}: {} does not exist",
            args.category,
            path.display()
        )
    })?;
    let mut out = Output::stdout();
    if let Some(model) = &args.model {
        let cannot = || format!("cannot cut a record out of {}", path.display());
        let text = if args.legacy {
            legacy_text(args.category, &bytes).with_context(cannot)?
        } else {
            String::from_utf8_lossy(&bytes)
        };
        let records = Records::of_json(&text).with_context(cannot)?;
        match records.get(model) {
            Some(record) => out.line(record.at_the_margin())?,
            None => bail!(unknown(model, &path, records.names())),
        }
    } else {
        out.bytes(&bytes)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// Says that there is no such model in the file, and which ones look like it.
fn unknown<'a>(model: &str, file: &Path, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let wanted = model.to_lowercase();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        if name.contains(&wanted) {
            2.0
        } else {
            strsim::jaro_winkler(&name, &wanted)
        }
    };
    let mut alike: Vec<(f64, &str)> = known
        .iter()
        .map(|name| (likeness(name), *name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    // Stable: those equally alike stay in the order of the file.
    alike.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    alike.truncate(5);
    let alike: Vec<&str> = alike.into_iter().map(|(_, name)| name).collect();
    let hint = match alike.as_slice() {
        [] => format!("{} models are there", known.len()),
        some => format!("did you mean {}?", some.join(", ")),
    };
    format!("{} has no model '{model}' ({hint})", file.display())
}
