//! v2 records of image generation: sparse, what equals a default is left out
//! (docs/conversion.md, sections 9 and 10).

use crate::legacy::record::{Metadata, Record};
use crate::python::characters::python_trim;
use crate::python::flat_value::{Flat, FlatMap, write_flat};
use crate::python::flaw::{At as _, Flaw};
use crate::python::json::{Value, Writer};

use super::downloads::Downloads;
use super::generic::{SCHEMA_VERSION, changes};
use super::licence;

const STYLES: [&str; 6] = [
    "generalist",
    "anime",
    "furry",
    "artistic",
    "other",
    "realistic",
];

/// Writes a record's value.
pub(super) fn write(writer: &mut Writer<'_>, record: &Record<'_, '_>) -> Result<(), Flaw> {
    let downloads = Downloads::of(record)?;
    let style = record.style.map(known_style).transpose().at("style")?;
    let image = &record.image;
    writer.open(b'{');
    writer.field("name");
    writer.string(record.name);
    writer.optional("description", record.description);
    writer.optional("version", record.version);
    if let Some(known) = record
        .metadata
        .as_ref()
        .filter(|known| says_something(known))
    {
        metadata(writer, known);
    }
    config(writer, &downloads, record);
    if let Some(bytes) = &image.size_on_disk_bytes {
        writer.field("size_on_disk_bytes");
        writer.raw(bytes);
    }
    licence::write(writer, record.licensing.as_ref(), true);
    if image.inpainting {
        writer.field("inpainting");
        writer.bool(true);
    }
    writer.field("baseline");
    writer.string(image.baseline);
    writer.optional("optimization", image.optimization);
    writer.field("tags");
    writer.open(b'[');
    for tag in &image.tags {
        writer.item();
        writer.string(python_trim(tag));
    }
    writer.close(b']');
    writer.field("showcases");
    writer.strings(&image.showcases);
    if let Some(version) = &image.min_bridge_version {
        writer.field("min_bridge_version");
        writer.raw(version);
    }
    writer.field("trigger");
    writer.strings(&image.trigger);
    writer.optional("homepage", image.homepage);
    writer.field("nsfw");
    writer.bool(record.nsfw);
    writer.optional("style", style);
    if let Some(map) = &image.requirements {
        requirements(writer, map);
    }
    writer.close(b'}');
    Ok(())
}

fn known_style(style: &str) -> Result<&str, Flaw> {
    let trimmed = python_trim(style);
    if STYLES.contains(&trimmed) {
        Ok(trimmed)
    } else {
        Err(Flaw::new(format!(
            "must be one of {}, found \"{}\"",
            STYLES.join(", "),
            style.escape_debug()
        )))
    }
}

fn says_something(metadata: &Metadata<'_>) -> bool {
    metadata.schema_version != SCHEMA_VERSION
        || metadata.created_at.is_some()
        || metadata.updated_at.is_some()
        || metadata.created_by.is_some()
        || metadata.updated_by.is_some()
}

fn metadata(writer: &mut Writer<'_>, metadata: &Metadata<'_>) {
    writer.field("metadata");
    writer.open(b'{');
    let version = Some(metadata.schema_version);
    writer.optional(
        "schema_version",
        version.filter(|version| *version != SCHEMA_VERSION),
    );
    changes(writer, metadata);
    writer.close(b'}');
}

fn config(writer: &mut Writer<'_>, downloads: &Downloads<'_>, record: &Record<'_, '_>) {
    let hashes = record.config.component_hashes;
    if downloads.is_empty() && hashes.is_none() {
        return;
    }
    writer.field("config");
    writer.open(b'{');
    if !downloads.is_empty() {
        writer.field("download");
        downloads.write(writer, true);
    }
    if let Some(hashes) = hashes {
        writer.field("embedded_component_hashes");
        writer.object(hashes);
    }
    writer.close(b'}');
}

/// The old switch `karras` becomes a list of schedulers, unless there is one.
fn requirements(writer: &mut Writer<'_>, map: &FlatMap<'_, '_>) {
    let mut karras = None;
    let mut has_schedulers = false;
    writer.field("requirements");
    writer.open(b'{');
    for (key, value) in map {
        if *key == "karras" {
            if let Flat::AsIs(Value::Bool(on)) = value {
                karras = Some(*on);
            }
            continue;
        }
        has_schedulers |= *key == "schedulers";
        writer.key(key);
        write_flat(writer, value);
    }
    if let Some(on) = karras
        && !has_schedulers
    {
        writer.field("schedulers");
        writer.strings([if on { "karras" } else { "normal" }]);
    }
    writer.close(b'}');
}
