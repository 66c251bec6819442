//! A mirror whose own notes were changed from outside: the next cycle publishes what the upstream has, and notes the
//! truth.

use std::path::Path;
use std::sync::LazyLock;

use horde_refd::backend::GithubBackend;
use horde_refd::category::Category;
use horde_refd::config::{Config, Layout, Origin, UpstreamConfig};
use horde_refd::depth::Depth;
use horde_refd::digest::Digest;
use horde_refd::mirror::Manifest;
use tempfile::TempDir;

use super::directory;

const LEGACY: &[u8] = br#"{"a": {"name": "a", "type": "clip", "description": "one"}}"#;

/// One for all inputs: a file that has just been written is looked at twice before it counts.
static UPSTREAM: LazyLock<TempDir> = LazyLock::new(|| {
    let upstream = directory();
    std::fs::write(upstream.path().join("clip.json"), LEGACY).expect("a file");
    upstream
});

/// Manifest, state and intent of a mirror, with a zero byte between each. An empty one stays as it was.
pub(super) fn mirror(data: &[u8]) -> String {
    let (root, upstream) = (directory(), UPSTREAM.path());
    let base = root.path().join("mirror");
    let (first, v2) = cycle(upstream, &base);
    assert!(first, "the first cycle is complete");
    let mut notes = data.splitn(3, |byte| *byte == 0);
    let mut changed = Vec::new();
    for name in [
        "manifest.json",
        ".horde-refd/state.json",
        ".horde-refd/intent.json",
    ] {
        let bytes = notes.next().unwrap_or_default();
        if !bytes.is_empty() {
            std::fs::write(base.join(name), bytes).expect("a file");
            changed.push(name);
        }
    }
    let (complete, again) = cycle(upstream, &base);
    assert!(again == v2, "readers see something else");
    let manifest = std::fs::read(base.join("manifest.json")).expect("a manifest");
    let manifest: Manifest = serde_json::from_slice(&manifest).expect("it can be read");
    let entry = &manifest.categories[&Category::Clip];
    assert_eq!(entry.v2.sha256, Digest::of(&v2), "the manifest is not true");
    assert_eq!(entry.made_from.sha256, Digest::of(LEGACY));
    format!("{} {complete}", changed.len())
}

/// Whether a poll was complete, and the v2 file after it.
fn cycle(upstream: &Path, base: &Path) -> (bool, Vec<u8>) {
    let mut config = Config::default_for(base.to_owned());
    let mut from = UpstreamConfig::new(Origin::Directory(upstream.to_owned()), Layout::Flat);
    from.categories = vec![Category::Clip];
    config.upstreams = vec![from];
    let backend = GithubBackend::open_writer(config).expect("a writer");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let poll = backend.refresh(Depth::Poll, &[Category::Clip], &());
    let report = runtime.expect("a runtime").block_on(poll);
    let v2 = std::fs::read(base.join("clip.json")).expect("a v2 file");
    (report.is_complete(), v2)
}
