//! What only controlnet records have in v2.

use crate::legacy::model::Record;
use crate::legacy::python_json::Writer;

/// The members after the common ones. Unknown styles are kept.
pub(super) fn write(writer: &mut Writer<'_>, record: &Record<'_, '_>) {
    let style = record.kind.filter(|kind| !kind.is_empty()).or(record.style);
    writer.optional("controlnet_style", style);
}
