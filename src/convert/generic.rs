//! v2 records of every JSON category but image generation: what is known is written, empty or not.

use crate::category::Category;
use crate::legacy::record::{Metadata, Record};
use crate::python::flaw::Flaw;
use crate::python::json::{Flavour, Writer};

use super::downloads::Downloads;
use super::licence;

/// The schema that records are said to follow which have no metadata of their own.
pub(super) const SCHEMA_VERSION: &str = "2.1.0";

/// Writes a record's value.
pub(super) fn write(
    out: &mut Vec<u8>,
    category: Category,
    record: &Record<'_, '_>,
) -> Result<(), Flaw> {
    let downloads = Downloads::of(record)?;
    let mut writer = Writer::new(out, Flavour::V2, 1);
    writer.open(b'{');
    writer.field("record_type");
    writer.raw("\"");
    writer.raw(category.name());
    writer.raw("\"");
    writer.field("name");
    writer.string(record.name);
    writer.optional("description", record.description);
    writer.optional("version", record.version);
    writer.field("metadata");
    metadata(&mut writer, record.metadata.as_ref());
    writer.field("config");
    writer.open(b'{');
    writer.field("download");
    downloads.write(&mut writer, false);
    if let Some(hashes) = record.config.component_hashes {
        writer.field("embedded_component_hashes");
        writer.object(hashes);
    }
    writer.close(b'}');
    writer.field("model_classification");
    writer.open(b'{');
    writer.field("domain");
    writer.string(category.domain());
    writer.field("purpose");
    writer.string(category.purpose());
    writer.close(b'}');
    licence::write(&mut writer, record.licensing.as_ref(), false);
    match category {
        Category::Clip => writer.optional("pretrained_name", record.pretrained_name),
        Category::Controlnet => writer.optional("controlnet_style", controlnet_style(record)),
        _ => {}
    }
    writer.close(b'}');
    Ok(())
}

/// The type, where it is there, else the style. Unknown ones are kept.
fn controlnet_style<'t>(record: &Record<'t, '_>) -> Option<&'t str> {
    record.kind.filter(|kind| !kind.is_empty()).or(record.style)
}

fn metadata(writer: &mut Writer<'_>, metadata: Option<&Metadata<'_>>) {
    writer.open(b'{');
    writer.field("schema_version");
    writer.string(metadata.map_or(SCHEMA_VERSION, |metadata| metadata.schema_version));
    if let Some(metadata) = metadata {
        changes(writer, metadata);
    }
    writer.close(b'}');
}

/// The members of metadata after the schema version.
pub(super) fn changes(writer: &mut Writer<'_>, metadata: &Metadata<'_>) {
    for (name, value) in [
        ("created_at", &metadata.created_at),
        ("updated_at", &metadata.updated_at),
    ] {
        if let Some(value) = value {
            writer.field(name);
            writer.raw(value);
        }
    }
    writer.optional("created_by", metadata.created_by);
    writer.optional("updated_by", metadata.updated_by);
}
