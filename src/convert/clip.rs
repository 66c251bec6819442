//! What only clip records have in v2.

use crate::legacy::model::Record;
use crate::legacy::python_json::Writer;

/// The members after the common ones.
pub(super) fn write(writer: &mut Writer<'_>, record: &Record<'_, '_>) {
    writer.optional("pretrained_name", record.pretrained_name);
}
