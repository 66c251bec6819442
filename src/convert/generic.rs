//! v2 records of every JSON category but image generation: what is known is written, empty or not.

use crate::category::Category;
use crate::legacy::record::{Metadata, Record};
use crate::python::flaw::Flaw;
use crate::python::json::{Object, Writer};

use super::downloads::Downloads;
use super::licence;

/// The schema that records are said to follow which have no metadata of their own.
pub(super) const SCHEMA_VERSION: &str = "2.1.0";

/// What every v2 record but those of image generation begins with.
#[derive(Debug)]
pub(super) struct Head<'t, 'a> {
    pub(super) category: Category,
    pub(super) name: &'t str,
    pub(super) description: Option<&'t str>,
    pub(super) version: Option<&'t str>,
    pub(super) metadata: Option<&'t Metadata<'t>>,
    pub(super) downloads: Downloads<'t>,
    pub(super) component_hashes: Option<&'t Object<'a>>,
}

/// Writes a record's value.
pub(super) fn write(
    writer: &mut Writer<'_>,
    category: Category,
    record: &Record<'_, '_>,
) -> Result<(), Flaw> {
    let head = Head {
        category,
        name: record.name,
        description: record.description,
        version: record.version,
        metadata: record.metadata.as_ref(),
        downloads: Downloads::of(record)?,
        component_hashes: record.config.component_hashes,
    };
    writer.open(b'{');
    head.write(writer);
    licence::write(writer, record.licensing.as_ref(), false);
    match category {
        Category::Clip => writer.optional("pretrained_name", record.pretrained_name),
        Category::Controlnet => writer.optional("controlnet_style", controlnet_style(record)),
        _ => {}
    }
    writer.close(b'}');
    Ok(())
}

impl Head<'_, '_> {
    /// The members from `record_type` to `model_classification`.
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.field("record_type");
        writer.string(self.category.name());
        writer.field("name");
        writer.string(self.name);
        writer.optional("description", self.description);
        writer.optional("version", self.version);
        writer.field("metadata");
        metadata(writer, self.metadata);
        writer.field("config");
        writer.open(b'{');
        writer.field("download");
        self.downloads.write(writer, false);
        if let Some(hashes) = self.component_hashes {
            writer.field("embedded_component_hashes");
            writer.object(hashes);
        }
        writer.close(b'}');
        writer.field("model_classification");
        writer.open(b'{');
        writer.field("domain");
        writer.string(self.category.domain());
        writer.field("purpose");
        writer.string(self.category.purpose());
        writer.close(b'}');
    }
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
