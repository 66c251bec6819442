//! v2 records of every JSON category but image generation: what is known is written, empty or not
//! (docs/conversion.md, sections 9 and 10).

use crate::category::Category;
use crate::legacy::record::{Metadata, Record};
use crate::python::flaw::Flaw;
use crate::python::json::{Object, Writer};

use super::downloads::Downloads;
use super::licence;

/// The schema that records are said to follow which have no metadata of their own.
pub(super) const SCHEMA_VERSION: &str = "2.1.0";

/// Writes a record's value.
pub(super) fn write(
    writer: &mut Writer<'_>,
    category: Category,
    record: &Record<'_, '_>,
) -> Result<(), Flaw> {
    let downloads = Downloads::of(record)?;
    writer.open(b'{');
    names(
        writer,
        category,
        record.name,
        record.description,
        record.version,
    );
    config(
        writer,
        record.metadata.as_ref(),
        &downloads,
        record.config.component_hashes,
    );
    classification(writer, category);
    licence::write(writer, record.licensing.as_ref(), false);
    match category {
        Category::Clip => writer.optional("pretrained_name", record.pretrained_name),
        Category::Controlnet => writer.optional("controlnet_style", controlnet_style(record)),
        _ => {}
    }
    writer.close(b'}');
    Ok(())
}

/// The members from `record_type` to `version`.
fn names(
    writer: &mut Writer<'_>,
    category: Category,
    name: &str,
    description: Option<&str>,
    version: Option<&str>,
) {
    record_type(writer, category);
    writer.field("name");
    writer.string(name);
    writer.optional("description", description);
    writer.optional("version", version);
}

/// The member `record_type`.
pub(super) fn record_type(writer: &mut Writer<'_>, category: Category) {
    writer.field("record_type");
    writer.string(category.name());
}

/// The members `metadata` and `config`.
pub(super) fn config(
    writer: &mut Writer<'_>,
    known: Option<&Metadata<'_>>,
    downloads: &Downloads<'_>,
    component_hashes: Option<&Object<'_>>,
) {
    writer.field("metadata");
    metadata(writer, known);
    writer.field("config");
    writer.open(b'{');
    writer.field("download");
    downloads.write(writer, false);
    if let Some(hashes) = component_hashes {
        writer.field("embedded_component_hashes");
        writer.object(hashes);
    }
    writer.close(b'}');
}

/// The member `model_classification`.
pub(super) fn classification(writer: &mut Writer<'_>, category: Category) {
    writer.field("model_classification");
    writer.open(b'{');
    writer.field("domain");
    writer.string(category.domain());
    writer.field("purpose");
    writer.string(category.purpose());
    writer.close(b'}');
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
