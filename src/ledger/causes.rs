//! What went wrong, a line a cause: a dead host fails ten categories and is one line.
//!
//! 1. Errors that differ only in the file they name are one cause.
//! 2. What was not asked for since its host is dead has the cause of what showed that.

use crate::item::Item;

/// A cause, and every item that it hit, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What it hit.
    pub items: Vec<Item>,
    /// The error: in full where it hit one item, else without what is each item's own.
    pub error: String,
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.items.iter().map(ToString::to_string).collect();
        write!(f, "{}: {}", names.join(", "), self.error)
    }
}

/// Puts errors together that have one cause.
pub fn causes(errors: impl IntoIterator<Item = (Item, String)>) -> Vec<Cause> {
    let errors: Vec<(Item, String)> = errors.into_iter().collect();
    let mut causes: Vec<(String, Cause)> = Vec::new();
    for (item, error) in &errors {
        let shown = shown_by(&errors, error).unwrap_or_else(|| without_files(item, error));
        match causes.iter_mut().find(|(known, _)| *known == shown) {
            Some((_, cause)) => {
                cause.items.push(item.clone());
                if cause.error != *error {
                    cause.error = shown;
                }
            }
            None => causes.push((
                shown,
                Cause {
                    items: vec![item.clone()],
                    error: error.clone(),
                },
            )),
        }
    }
    causes.into_iter().map(|(_, cause)| cause).collect()
}

/// For what was not asked for since its host is dead: the error that showed it (invariant 2).
fn shown_by(errors: &[(Item, String)], error: &str) -> Option<String> {
    const DEAD: &str = " does not answer in this cycle";
    let (lane, what) = lane(error);
    let host = what.strip_suffix(DEAD)?.rsplit(' ').next()?;
    let at = format!("://{host}/");
    let showed = errors.iter().find(|(_, other)| {
        let address = other.find(&at);
        address.is_some() && !other.ends_with(DEAD)
    });
    let (item, showed) = showed?;
    let (_, showed) = self::lane(showed);
    Some(format!("{lane}{}", without_files(item, showed)))
}

/// The lane that an error names, and the rest of it.
fn lane(error: &str) -> (&str, &str) {
    let end = error.find(" lane: ").map_or(0, |at| at + " lane: ".len());
    let is_one = ["v2 lane: ", "legacy lane: "].contains(&error.get(..end).unwrap_or_default());
    error.split_at(if is_one { end } else { 0 })
}

/// The error with what is an item's own taken out of its addresses: `https://host/…`, `/mirror/legacy/…`.
fn without_files(item: &Item, error: &str) -> String {
    let files: Vec<&str> = match item {
        Item::Category(category) => {
            vec![category.legacy_file(), category.v2_file(), category.name()]
        }
        Item::File(file) => vec![file.name.as_str()],
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
    use crate::category::Category::{self, Blip, Clip, ImageGeneration, TextGeneration};

    #[test]
    fn a_cause_is_one_line_whatever_it_hits() {
        let shown = |errors: &[(Category, &str)]| -> Vec<String> {
            let errors = errors
                .iter()
                .map(|(category, error)| (Item::Category(*category), (*error).to_owned()));
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
        // What was not asked for has the cause of what showed why.
        let primary = "http://127.0.0.1:9/api/model_references/v2";
        let dead = |name: &str| {
            format!(
                "v2 lane: not asking for {primary}/{name}: 127.0.0.1:9 does not answer in this cycle"
            )
        };
        let refused = format!("v2 lane: cannot connect to {primary}/clip (2 attempts): refused");
        let (blip, image) = (dead("blip"), dead("image_generation"));
        assert_eq!(
            shown(&[(Blip, &blip), (Clip, &refused), (ImageGeneration, &image)]),
            [
                "blip, clip, image_generation: v2 lane: cannot connect to http://127.0.0.1:9/… (2 attempts): refused"
            ]
        );
        assert_eq!(
            shown(&[(Blip, &blip), (ImageGeneration, &image)]),
            [
                "blip, image_generation: v2 lane: not asking for http://127.0.0.1:9/…: 127.0.0.1:9 does not answer in this cycle"
            ]
        );
        assert_eq!(shown(&[]), [""; 0]);
    }
}
