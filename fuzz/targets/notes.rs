//! What the program notes for itself and for others, and what may have become of it: manifest, state, intent,
//! status.

use horde_refd::category::Category;
use horde_refd::digest::Digest;
use horde_refd::item::Item;
use horde_refd::ledger::Ledger;
use horde_refd::ledger::status::{Status, ago, span};
use horde_refd::mirror::intent::{self, Intent, IntentError};
use horde_refd::mirror::{Layout, Manifest, State};
use horde_refd::upstream::mirror::Listing;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{directory, kind};

/// Reads it, writes it, and reads the same again.
fn read<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(
    data: &[u8],
) -> Result<T, String> {
    let value: T = serde_json::from_slice(data).map_err(|error| kind(&error.to_string()))?;
    let written = serde_json::to_vec(&value).expect("it can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written is read");
    assert_eq!(value, again);
    Ok(value)
}

pub(super) fn manifest(data: &[u8]) -> String {
    // As another mirror's, it says what may be fetched there.
    let _ = Listing::read("https://mirror.example/manifest.json", data, &[]);
    match read::<Manifest>(data) {
        Err(why) => why,
        Ok(manifest) => {
            let (categories, files) = (manifest.categories.len(), manifest.files.len());
            format!("{categories} categories, {files} files")
        }
    }
}

pub(super) fn state(data: &[u8]) -> String {
    let mut state = match read::<State>(data) {
        Err(why) => return why,
        Ok(state) => state,
    };
    let (item, now) = (Item::from(Category::Clip), Timestamp::UNIX_EPOCH);
    let urls: Vec<_> = state.validators.keys().cloned().collect();
    for url in &urls {
        state.note_failure(url, &item, now);
        assert!(
            state
                .failing_since(url, &item)
                .is_some_and(|since| since <= now)
        );
        state.note_answer(url, &item);
        assert!(state.failing_since(url, &item).is_none());
    }
    let identify = state.validators.values().filter(|known| known.identifies());
    format!("{} URLs, {} identify", urls.len(), identify.count())
}

/// The operator's orders: a command changes what it is about and nothing else, or leaves every byte as it was.
pub(super) fn intent(data: &[u8]) -> String {
    let root = directory();
    let layout = Layout::new(root.path());
    std::fs::create_dir(layout.private()).expect("a directory");
    std::fs::write(layout.intent(), data).expect("a file");
    let pin = Digest::of(b"pinned");
    let change = |carried, pin: Option<Digest>| {
        intent::change::<IntentError>(&layout, 0o644, carried, |intent| {
            match pin {
                Some(pin) => intent.pin.insert(Category::Clip, pin),
                None => intent.pin.remove(&Category::Clip),
            };
            Ok(())
        })
    };
    let before = match intent::read(&layout) {
        Ok(before) => before,
        Err(why) => {
            assert!(change(None, Some(pin)).is_err(), "changed, and not read");
            let after = std::fs::read(layout.intent()).expect("a file");
            assert!(after == data, "refused, and written");
            let source = std::error::Error::source(&why).map(ToString::to_string);
            return kind(&source.unwrap_or_default());
        }
    };
    assert_eq!(before.sha256, Some(Digest::of(data)));
    let _ = read::<Intent>(data).expect("it was read");
    let written = change(None, Some(pin)).expect("it can be changed");
    let after = intent::read(&layout).expect("what was written is read");
    assert_eq!(after.sha256, written);
    let mut wanted = before.intent.clone();
    wanted.pin.insert(Category::Clip, pin);
    assert_eq!(after.intent, wanted, "another order");
    // What has been carried out is accepted no more; the pins stay.
    change(written, None).expect("it can be changed");
    let last = intent::read(&layout)
        .expect("what was written is read")
        .intent;
    wanted.pin.remove(&Category::Clip);
    assert!(last.pin == wanted.pin && last.accept.is_empty());
    let Intent { pin, accept } = before.intent;
    format!("{} pins, {} acceptances", pin.len(), accept.len())
}

pub(super) fn status(data: &[u8]) -> String {
    let status: Status = match serde_json::from_slice(data) {
        Err(why) => return kind(&why.to_string()),
        Ok(status) => status,
    };
    let written = status.to_bytes();
    let again: Status = serde_json::from_slice(&written).expect("what was written is read");
    assert!(again.to_bytes() == written, "written twice, and otherwise");
    for now in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        let _ = (status.is_alive(now), status.overdue(now));
        let _ = (status.complaints(now), ago(status.updated_at, now));
        let _ = span(status.stale_after());
        let shown = status.clone().at(now);
        assert!(serde_json::from_slice::<Status>(&shown.to_bytes()).is_ok());
        let mut ledger = Ledger::default();
        ledger.resume(&status, status.next_poll, now);
    }
    format!("{} categories, {:?}", status.categories.len(), status.role)
}
