//! v2 records of text generation, written straight from the rows of `models.csv`
//! (docs/conversion.md, sections 9 and 10).
//!
//! 1. Findings about rows come before all findings about records, whatever their order in the file.
//! 2. Names with a backend prefix are checked like any other and then dropped: they are copies.

use std::convert::Infallible;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use crate::category::Category;
use crate::legacy::row::Row;
use crate::legacy::row::claims::{
    CAPABILITIES, Claims, ContextWindow, INTERACTION_MODES, claims, context_window,
};
use crate::legacy::row::table::for_each_row;
use crate::legacy::{Issues, Rejected};
use crate::python::flat_value::{FlatMap, flat_map, write_flat_map};
use crate::python::flaw::{At as _, Flaw};
use crate::python::json::{Flavour, KeyedObject, Value, Writer};
use crate::python::numbers::Whole;

use super::Sieve;
use super::claims::{write_claims, write_context_window};
use super::downloads::Downloads;
use super::generic;
use super::group::Grouping;

const TEXT: Category = Category::TextGeneration;

/// The records, the findings, and whether the file is a whole one.
pub(super) fn convert(
    text: &str,
    sieve: &mut Sieve,
) -> Result<(KeyedObject, Issues, bool), Rejected> {
    let mut of_rows = Issues::default();
    let mut records = Records {
        // Real files grow to between five and seven times their size, of a hundred bytes and more a row.
        v2: KeyedObject::with_capacity(Flavour::V2, text.len() * 6 + 1024, text.len() / 112),
        layout: Layout::new(),
        issues: Issues::default(),
        copies: IndexSet::default(),
        grouping: Grouping::default(),
    };
    let is_whole = for_each_row(text, &mut of_rows, |row| {
        let added = row.and_then(|row| records.add(row));
        added.or_else(|rejected| sieve.refuse(rejected))?;
        sieve.fits(records.v2.len())
    })?;
    let mut issues = of_rows.followed_by(records.issues);
    for name in records.copies {
        let dropped = format!(
            "Model name '{name}' has a backend prefix. Dropping this record as it is a duplicate \
             (backend prefixes are not stored internally)."
        );
        issues.add(&name, dropped);
        issues.add(
            &name,
            "Failed to convert legacy record to new format".to_owned(),
        );
    }
    Ok((records.v2, issues, is_whole))
}

/// The records so far.
struct Records {
    v2: KeyedObject,
    layout: Layout,
    issues: Issues,
    /// Names with a backend prefix.
    copies: IndexSet<String, RandomState>,
    grouping: Grouping,
}

impl Records {
    fn add(&mut self, row: &Row<'_>) -> Result<(), Rejected> {
        let checked = check(row).map_err(|flaw| Rejected::of_model(row.name, flaw))?;
        self.issues.about(row.name, "has no config.");
        if row.style.is_empty() {
            self.issues.about(row.name, "has no style.");
        }
        if row.name.starts_with("aphrodite/") || row.name.starts_with("koboldcpp/") {
            self.copies.insert(row.name.to_owned());
            return Ok(());
        }
        let group = self.grouping.of(row.name);
        let Ok(()) = self.v2.member(row.name, |writer| {
            write(writer, &self.layout, row, group, &checked);
            Ok::<_, Infallible>(())
        });
        Ok(())
    }
}

/// The JSON of a row as it was checked.
struct Checked<'t, 'a> {
    settings: Option<FlatMap<'t, 'a>>,
    context_window: Option<ContextWindow<'t>>,
    interaction_modes: Option<Claims<'t>>,
    capabilities: Option<Claims<'t>>,
}

fn check<'t, 'a>(row: &'t Row<'a>) -> Result<Checked<'t, 'a>, Flaw> {
    Ok(Checked {
        settings: read(row.settings.as_ref(), "settings", flat_map)?,
        context_window: read(
            row.context_window.as_ref(),
            "context_window",
            context_window,
        )?,
        interaction_modes: read(
            row.interaction_modes.as_ref(),
            "interaction_modes",
            |value| claims(value, &INTERACTION_MODES),
        )?,
        capabilities: read(row.capabilities.as_ref(), "capabilities", |value| {
            claims(value, &CAPABILITIES)
        })?,
    })
}

fn read<'t, 'a, T>(
    value: Option<&'t Value<'a>>,
    name: &str,
    read: impl FnOnce(&'t Value<'a>) -> Result<T, Flaw>,
) -> Result<Option<T>, Flaw> {
    value.map(read).transpose().at(name)
}

/// What stands before the values that every record has: the name of the member, members that are the same in all, and
/// the quotes, also that at the end of the value before.
struct Layout {
    name: Vec<u8>,
    description: Vec<u8>,
    version: Vec<u8>,
    baseline: Vec<u8>,
    parameters: Vec<u8>,
    nsfw: Vec<u8>,
    style: Vec<u8>,
    display_name: Vec<u8>,
    url: Vec<u8>,
    tags: Vec<u8>,
    group: Vec<u8>,
}

impl Layout {
    fn new() -> Self {
        const QUOTE: &[u8] = b"\"";
        let before = |name: &'static str| {
            let mut text = Vec::new();
            Writer::among_members(&mut text, Flavour::V2, 2).field(name);
            text
        };
        let between_strings = |name| [QUOTE, &before(name), QUOTE].concat();
        let mut name = Vec::new();
        let mut writer = Writer::new(&mut name, Flavour::V2, 2);
        generic::record_type(&mut writer, TEXT);
        writer.field("name");
        let mut constants = Vec::new();
        let mut writer = Writer::among_members(&mut constants, Flavour::V2, 2);
        generic::config(&mut writer, None, &Downloads::default(), None);
        generic::classification(&mut writer, TEXT);
        Self {
            name: [&name, QUOTE].concat(),
            description: between_strings("description"),
            version: between_strings("version"),
            baseline: [QUOTE, &constants, &before("baseline"), QUOTE].concat(),
            parameters: [QUOTE, &before("parameters")].concat(),
            nsfw: before("nsfw"),
            style: [&before("style"), QUOTE].concat(),
            display_name: between_strings("display_name"),
            url: between_strings("url"),
            tags: [QUOTE, &before("tags")].concat(),
            group: before("text_model_group"),
        }
    }
}

fn write(
    writer: &mut Writer<'_>,
    layout: &Layout,
    row: &Row<'_>,
    group: &str,
    checked: &Checked<'_, '_>,
) {
    writer.open(b'{');
    for (before, value) in [
        (&layout.name, row.name),
        (&layout.description, row.description),
        (&layout.version, row.version),
        (&layout.baseline, row.baseline),
    ] {
        writer.written(before);
        writer.text(value);
    }
    writer.written(&layout.parameters);
    writer.whole(Whole(row.parameters));
    writer.written(&layout.nsfw);
    writer.bool(row.nsfw);
    for (before, value) in [
        (&layout.style, row.style),
        (&layout.display_name, row.display_name),
        (&layout.url, row.url),
    ] {
        writer.written(before);
        writer.text(value);
    }
    writer.written(&layout.tags);
    writer.strings(row.tags());
    let instruct_format = Some(row.instruct_format);
    writer.optional(
        "instruct_format",
        instruct_format.filter(|format| !format.is_empty()),
    );
    if let Some(settings) = &checked.settings {
        writer.field("settings");
        write_flat_map(writer, settings);
    }
    writer.written(&layout.group);
    writer.string(group);
    if let Some(window) = &checked.context_window {
        writer.field("context_window");
        write_context_window(writer, window);
    }
    if let Some(modes) = &checked.interaction_modes {
        writer.field("interaction_modes");
        write_claims(writer, modes);
    }
    if let Some(capabilities) = &checked.capabilities {
        writer.field("capabilities");
        write_claims(writer, capabilities);
    }
    writer.close(b'}');
}
