//! What went wrong, a line a cause: a dead host fails ten categories and is one line.

use crate::item::Item;

/// A cause, and every item that it hit, in their order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cause {
    items: Vec<Item>,
    error: String,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.items.iter().map(ToString::to_string).collect();
        write!(f, "{}: {}", names.join(", "), self.error)
    }
}

/// Puts errors together that differ only in the file they name.
pub(super) fn causes<I: Into<Item>>(errors: impl IntoIterator<Item = (I, String)>) -> Vec<Cause> {
    let mut causes: Vec<(String, Cause)> = Vec::new();
    for (item, error) in errors {
        let item = item.into();
        let common = without_files(&item, &error);
        match causes.iter_mut().find(|(known, _)| *known == common) {
            Some((_, cause)) => {
                cause.items.push(item);
                if cause.error != error {
                    cause.error = common;
                }
            }
            None => causes.push((
                common,
                Cause {
                    items: vec![item],
                    error,
                },
            )),
        }
    }
    causes.into_iter().map(|(_, cause)| cause).collect()
}

/// The error with what is an item's own taken out of its addresses: `https://host/…`, `/mirror/legacy/…`.
fn without_files(item: &Item, error: &str) -> String {
    let files = match item {
        Item::Category(category) => [category.legacy_file(), category.v2_file()],
        Item::File(file) => [file.name.as_str(); 2],
    };
    let words = error.split(' ').map(|word| {
        let address = word.trim_end_matches([':', ',', ';', ')']);
        let is_ours = |file: &&str| {
            address
                .strip_suffix(*file)
                .is_some_and(|it| it.ends_with('/'))
        };
        if !files.iter().any(is_ours) {
            return word.to_owned();
        }
        let after = word.get(address.len()..).unwrap_or_default();
        let start = address.find("://").map_or(0, |scheme| scheme + 3);
        let (scheme, path) = address.split_at(start);
        // Of a URL the host is common to all, of a path its directory.
        let end = if start > 0 {
            path.find('/')
        } else {
            path.rfind('/')
        };
        let common = path.get(..end.unwrap_or(path.len())).unwrap_or(path);
        format!("{scheme}{common}/…{after}")
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::Category;
    use Category::{Blip, Clip, ImageGeneration, TextGeneration};

    #[test]
    fn a_cause_is_one_line_whatever_it_hits() {
        let shown = |errors: &[(Category, &str)]| -> Vec<String> {
            let errors = errors
                .iter()
                .map(|(category, error)| (*category, (*error).to_owned()));
            causes(errors).iter().map(ToString::to_string).collect()
        };
        let host = "https://h:8443";
        let connect = |path: &str| format!("cannot connect to {host}/{path}: Connection refused");
        let dead = [
            (Blip, connect("o/image/main/blip.json")),
            (
                ImageGeneration,
                connect("o/image/main/stable_diffusion.json"),
            ),
            (TextGeneration, connect("o/text/main/models.csv")),
        ];
        let dead: Vec<_> = dead.iter().map(|(c, error)| (*c, error.as_str())).collect();
        assert_eq!(
            shown(&dead),
            [
                "blip, image_generation, text_generation: cannot connect to https://h:8443/…: Connection refused"
            ]
        );
        // One alone is shown in full.
        assert_eq!(
            shown(&dead[..1]),
            ["blip: cannot connect to https://h:8443/o/image/main/blip.json: Connection refused"]
        );
        // The same words are one line without a cut; other words are another line.
        assert_eq!(
            shown(&[
                (Blip, "cannot write /m/blip.json: No space left"),
                (Clip, "/m/legacy/clip.json is empty; it stays"),
                (
                    ImageGeneration,
                    "cannot write /m/stable_diffusion.json: No space left"
                ),
                (TextGeneration, "/m/legacy/models.csv is missing; it stays"),
            ]),
            [
                "blip, image_generation: cannot write /m/…: No space left",
                "clip: /m/legacy/clip.json is empty; it stays",
                "text_generation: /m/legacy/models.csv is missing; it stays",
            ]
        );
        assert_eq!(
            shown(&[(Blip, "the lock is gone"), (Clip, "the lock is gone")]),
            ["blip, clip: the lock is gone"]
        );
        assert_eq!(shown(&[]), [""; 0]);
    }
}
