//! What a text model is said to support, in v2.

use crate::legacy::row::claims::{Claims, ContextWindow, Source};
use crate::python::json::Writer;

/// A context window.
pub(super) fn write_context_window(writer: &mut Writer<'_>, window: &ContextWindow<'_>) {
    writer.open(b'{');
    writer.field("maximum_tokens");
    writer.raw(&window.maximum_tokens);
    write_sources(writer, &window.sources);
    writer.optional("qualification", window.qualification);
    writer.close(b'}');
}

/// Interaction modes or capabilities.
pub(super) fn write_claims(writer: &mut Writer<'_>, claims: &Claims<'_>) {
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
