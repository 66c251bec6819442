//! Licences in v2. Image generation leaves out empty lists and maps, everything else writes them.

use crate::legacy::record::licence::Licensing;
use crate::python::json::Writer;

/// The member `licensing`, where there is one.
pub(super) fn write(writer: &mut Writer<'_>, licensing: Option<&Licensing<'_>>, sparse: bool) {
    if let Some(licensing) = licensing {
        writer.field("licensing");
        write_one(writer, licensing, true, sparse);
    }
}

fn write_one(writer: &mut Writer<'_>, licensing: &Licensing<'_>, of_model: bool, sparse: bool) {
    writer.open(b'{');
    writer.field("license_expression");
    writer.string(licensing.license_expression);
    if !sparse || !licensing.license_ids.is_empty() {
        writer.field("license_ids");
        writer.strings(&licensing.license_ids);
    }
    writer.field("commercial_use");
    writer.string(licensing.commercial_use);
    writer.field("redistribution");
    writer.string(licensing.redistribution);
    if !sparse || !licensing.obligations.is_empty() {
        writer.field("obligations");
        writer.strings(&licensing.obligations);
    }
    writer.optional("attribution", licensing.attribution);
    if !sparse || !licensing.evidence.is_empty() {
        writer.field("evidence");
        writer.open(b'[');
        for evidence in &licensing.evidence {
            writer.item();
            writer.open(b'{');
            writer.field("source");
            writer.string(evidence.source);
            writer.optional("description", evidence.description);
            writer.optional("checked_at", evidence.checked_at.as_deref());
            writer.close(b'}');
        }
        writer.close(b']');
    }
    writer.optional("reviewed_by", licensing.reviewed_by);
    writer.optional("reviewed_at", licensing.reviewed_at.as_deref());
    writer.optional("notes", licensing.notes);
    if of_model && (!sparse || !licensing.files.is_empty()) {
        writer.field("files");
        writer.open(b'{');
        for (name, licensing) in &licensing.files {
            writer.key(name);
            write_one(writer, licensing, false, sparse);
        }
        writer.close(b'}');
    }
    writer.close(b'}');
}
