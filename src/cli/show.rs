//! `horde-refd show`: what the mirror holds, whole or one model.

use std::path::Path;

use anyhow::{Context, bail};

use super::Exit;
use super::args::{Common, ShowArgs};
use super::output::Output;
use crate::category::Category;
use crate::disk;
use crate::legacy::legacy_view;
use crate::mirror::layout::READABLE;
use crate::mirror::{Layout, changes};
use crate::python::json::{Object, Value, read};

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
    match &args.model {
        None => out.bytes(&bytes)?,
        Some(model) if args.legacy => {
            let records = legacy_records(args.category, &bytes)
                .with_context(|| format!("cannot read {}", path.display()))?;
            match records.get(model) {
                Some(record) => out.line(record)?,
                None => bail!(unknown(model, &path, records.keys())),
            }
        }
        Some(model) => {
            let Some(record) = v2_record(&bytes, model) else {
                let names = v2_names(&bytes);
                bail!(unknown(model, &path, names.iter().map(String::as_str)));
            };
            out.line(record)?;
        }
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// A record's text as it stands in the file, moved to the margin.
fn v2_record(v2: &[u8], model: &str) -> Option<String> {
    let key = changes::records(v2).find(|(key, _)| unescaped(key).as_deref() == Some(model))?;
    let text = std::str::from_utf8(key.1).ok()?;
    let text = text.strip_prefix("\":").unwrap_or(text).trim();
    Some(text.replace("\n    ", "\n"))
}

fn v2_names(v2: &[u8]) -> Vec<String> {
    changes::records(v2)
        .filter_map(|(key, _)| unescaped(key))
        .collect()
}

/// A key as the file has it between its quotes.
fn unescaped(key: &[u8]) -> Option<String> {
    let key = std::str::from_utf8(key).ok()?;
    serde_json::from_str(&format!("\"{key}\"")).ok()
}

fn legacy_records(category: Category, bytes: &[u8]) -> anyhow::Result<Object<'static>> {
    let view = match category {
        Category::TextGeneration => Some(legacy_view(bytes, true)?),
        _ => None,
    };
    match read(view.as_ref().map_or(bytes, String::as_bytes))? {
        Value::Object(records) => Ok(records.into_owned()),
        _ => bail!("it is no JSON object"),
    }
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
