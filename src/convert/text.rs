//! v2 records of text generation, written straight from the rows of `models.csv`.
//!
//! 1. A row's record is made of constant text and a few cells; nothing is collected first.
//! 2. Findings about rows come before all findings about records, whatever their order in the file.
//! 3. Names with a backend prefix are checked like any other and then dropped: they are copies.

use std::ops::ControlFlow;

use crate::legacy::row::claims::{
    CAPABILITIES, Claims, ContextWindow, INTERACTION_MODES, Source, claims, context_window,
};
use crate::legacy::row::table::for_each_row;
use crate::legacy::row::{Details, Row};
use crate::legacy::{IssueLog, Rejected, Topic};
use crate::python::flat_value::{FlatMap, flat_map, write_flat_map};
use crate::python::flaw::{At as _, Flaw};
use crate::python::json::keyed::Members;
use crate::python::json::{Flavour, Writer, push_plain_string, push_string};
use crate::python::numbers::exact_integer;

use super::group::group;
use super::{Converted, OnRejected};

pub(super) fn convert(text: &str, on_rejected: OnRejected<'_>) -> Result<Converted, Rejected> {
    let mut rows_log = IssueLog::default();
    // Real files grow to between five and seven times their size, of a hundred bytes and more a row.
    let rows = text.len() / 112;
    let mut records = Records {
        members: Members::with_capacity(text.len() * 6 + 1024, rows),
        log: IssueLog::with_capacity(rows, text.len() / 4),
        copies: Vec::new(),
    };
    for_each_row(text, &mut rows_log, |row| {
        match row.and_then(|row| records.add(row)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(rejected) => on_rejected(rejected),
        }
    })?;
    for topic in records.copies {
        let dropped = format!(
            "Model name '{}' has a backend prefix. Dropping this record as it is a duplicate \
             (backend prefixes are not stored internally).",
            records.log.keys().get(topic.0)
        );
        records.log.add(topic, dropped);
        let failed = "Failed to convert legacy record to new format";
        records.log.add(topic, failed.to_owned());
    }
    let (mut v2, models) = records.members.finish();
    v2.push(b'\n');
    Ok(Converted {
        v2,
        models,
        issues: rows_log.followed_by(records.log).finish(),
    })
}

/// The records so far. Member and topic of a record have the same index, as each record has a finding.
struct Records {
    members: Members,
    log: IssueLog,
    copies: Vec<Topic>,
}

/// What is checked of a row before anything of it is written.
struct Checked<'t, 'a> {
    settings: Option<FlatMap<'t, 'a>>,
    context_window: Option<ContextWindow<'t>>,
    interaction_modes: Option<Claims<'t>>,
    capabilities: Option<Claims<'t>>,
}

impl Records {
    fn add(&mut self, row: &Row<'_>) -> Result<(), Rejected> {
        let checked = row.details.as_deref().map(check).transpose();
        let checked = checked.map_err(|flaw| Rejected::of_model(row.name, flaw))?;
        let slot = self.members.slot(row.name, self.log.keys());
        let topic = if slot.is_new {
            self.log.open(row.name)
        } else {
            Topic(slot.index)
        };
        self.log.about(topic, "has no config.");
        if row.style.is_empty() {
            self.log.about(topic, "has no style.");
        }
        if row.name.starts_with("aphrodite/") || row.name.starts_with("koboldcpp/") {
            if slot.is_new {
                self.copies.push(topic);
            }
            return Ok(());
        }
        let group = group(row.name);
        self.members
            .write(slot, |out| record(out, row, checked.as_deref(), &group));
        Ok(())
    }
}

fn check<'t, 'a>(details: &'t Details<'a>) -> Result<Box<Checked<'t, 'a>>, Flaw> {
    let Details {
        settings,
        context_window: window,
        interaction_modes: modes,
        capabilities,
    } = details;
    let modes = modes
        .as_ref()
        .map(|value| claims(value, &INTERACTION_MODES));
    let capabilities = capabilities
        .as_ref()
        .map(|value| claims(value, &CAPABILITIES));
    Ok(Box::new(Checked {
        settings: settings.as_ref().map(flat_map).transpose().at("settings")?,
        context_window: window
            .as_ref()
            .map(context_window)
            .transpose()
            .at("context_window")?,
        interaction_modes: modes.transpose().at("interaction_modes")?,
        capabilities: capabilities.transpose().at("capabilities")?,
    }))
}

/// What is the same in every record, between version and baseline.
macro_rules! classification {
    () => {
        ",
        \"metadata\": {
            \"schema_version\": \"2.1.0\"
        },
        \"config\": {
            \"download\": []
        },
        \"model_classification\": {
            \"domain\": \"text\",
            \"purpose\": \"generation\"
        },
        \"baseline\": "
    };
}

/// Writes a record. Members that are empty as a rule are part of the constant text around them then.
fn record(out: &mut Vec<u8>, row: &Row<'_>, checked: Option<&Checked<'_, '_>>, group: &str) {
    let string = |out: &mut Vec<u8>, text: &str| {
        if row.is_plain {
            push_plain_string(out, text);
        } else {
            push_string(out, text, Flavour::V2);
        }
    };
    let constant = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
    constant(out, "    ");
    let start = out.len();
    string(out, row.name);
    let name = start..out.len();
    constant(
        out,
        ": {\n        \"record_type\": \"text_generation\",\n        \"name\": ",
    );
    out.extend_from_within(name);
    constant(out, ",\n        \"description\": ");
    string(out, row.description);
    if row.version.is_empty() {
        constant(
            out,
            concat!(",\n        \"version\": \"\"", classification!()),
        );
    } else {
        constant(out, ",\n        \"version\": ");
        string(out, row.version);
        constant(out, classification!());
    }
    string(out, row.baseline);
    constant(out, ",\n        \"parameters\": ");
    push_truncated(out, row.parameters);
    if row.nsfw {
        constant(out, ",\n        \"nsfw\": true,\n        \"style\": ");
    } else {
        constant(out, ",\n        \"nsfw\": false,\n        \"style\": ");
    }
    string(out, row.style);
    if row.display_name.is_empty() {
        constant(out, ",\n        \"display_name\": \"\",\n        \"url\": ");
    } else {
        constant(out, ",\n        \"display_name\": ");
        string(out, row.display_name);
        constant(out, ",\n        \"url\": ");
    }
    string(out, row.url);
    if row.tags.is_empty() {
        constant(out, ",\n        \"tags\": []");
    } else {
        constant(out, ",\n        \"tags\": ");
        let mut writer = Writer::new(out, Flavour::V2, 2);
        writer.open(b'[');
        for tag in row.tags() {
            writer.item();
            writer.string(tag);
        }
        writer.close(b']');
    }
    if !row.instruct_format.is_empty() {
        constant(out, ",\n        \"instruct_format\": ");
        string(out, row.instruct_format);
    }
    if let Some(settings) = checked.and_then(|checked| checked.settings.as_ref()) {
        constant(out, ",\n        \"settings\": ");
        write_flat_map(&mut Writer::new(out, Flavour::V2, 2), settings);
    }
    constant(out, ",\n        \"text_model_group\": ");
    string(out, group);
    if let Some(checked) = checked {
        claimed(out, checked);
    }
    constant(out, "\n    }");
}

/// The members after the group.
fn claimed(out: &mut Vec<u8>, checked: &Checked<'_, '_>) {
    if let Some(window) = &checked.context_window {
        out.extend_from_slice(b",\n        \"context_window\": ");
        write_context_window(&mut Writer::new(out, Flavour::V2, 2), window);
    }
    if let Some(modes) = &checked.interaction_modes {
        out.extend_from_slice(b",\n        \"interaction_modes\": ");
        write_claims(&mut Writer::new(out, Flavour::V2, 2), modes);
    }
    if let Some(capabilities) = &checked.capabilities {
        out.extend_from_slice(b",\n        \"capabilities\": ");
        write_claims(&mut Writer::new(out, Flavour::V2, 2), capabilities);
    }
}

/// A double without its fraction, in full.
fn push_truncated(out: &mut Vec<u8>, value: f64) {
    if !(0.0..9e18).contains(&value) {
        out.extend_from_slice(exact_integer(value.trunc()).as_bytes());
        return;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "in range, and the fraction is to go"
    )]
    let whole = value as u64;
    // Nearly all are whole thousand millions, and few of those.
    if whole > 0 && whole.is_multiple_of(1_000_000_000) {
        push_decimal(out, whole / 1_000_000_000);
        out.extend_from_slice(b"000000000");
    } else {
        push_decimal(out, whole);
    }
}

fn push_decimal(out: &mut Vec<u8>, number: u64) {
    if number >= 10 {
        push_decimal(out, number / 10);
    }
    out.push(b'0' + u8::try_from(number % 10).unwrap_or_default());
}

fn write_context_window(writer: &mut Writer<'_>, window: &ContextWindow<'_>) {
    writer.open(b'{');
    writer.field("maximum_tokens");
    writer.raw(&window.maximum_tokens);
    write_sources(writer, &window.sources);
    writer.optional("qualification", window.qualification);
    writer.close(b'}');
}

fn write_claims(writer: &mut Writer<'_>, claims: &Claims<'_>) {
    writer.open(b'{');
    for (subject, claim) in claims {
        writer.key(subject);
        writer.open(b'{');
        writer.field("status");
        writer.string(claim.status);
        write_sources(writer, &claim.sources);
        writer.optional("qualification", claim.qualification);
        writer.close(b'}');
    }
    writer.close(b'}');
}

fn write_sources(writer: &mut Writer<'_>, sources: &[Source<'_>]) {
    writer.field("sources");
    writer.open(b'[');
    for source in sources {
        writer.item();
        writer.open(b'{');
        writer.field("url");
        writer.string(&source.url);
        writer.optional("title", source.title);
        writer.optional("note", source.note);
        writer.close(b'}');
    }
    writer.close(b']');
}
