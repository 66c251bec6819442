//! The rules for names: upstreams, lists of categories, extra files.

use std::collections::BTreeSet;

use super::rules::{Checked, text};
use super::{ExtraFile, Value};
use crate::category::{Category, Repository};

/// The name of an upstream: it is a label in metrics and a key in JSON.
pub(super) fn name(value: &Value) -> Checked<String> {
    const RULE: &str = "must be a name of letters, digits, '-', '_' and '.', 64 at most";
    let text = text(value).map_err(|_| RULE.to_owned())?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let good = (1..=64).contains(&text.len()) && text.chars().all(allowed);
    good.then(|| text.to_owned()).ok_or_else(|| RULE.to_owned())
}

/// A list of categories; each once, given back in the reference's order.
pub(super) fn categories(value: &Value) -> Checked<Vec<Category>> {
    let Value::List(words) = value else {
        return Err("must be a list of categories, like [\"image_generation\"]".to_owned());
    };
    let mut named: BTreeSet<Category> = BTreeSet::new();
    for word in words {
        let category = word
            .parse::<Category>()
            .map_err(|error| match meant(word) {
                Some(category) => {
                    format!("must name categories; \"{word}\" is none; did you mean {category}?")
                }
                None => format!("must name categories: {error}"),
            })?;
        if !named.insert(category) {
            return Err(format!(
                "must name a category once; {category} is there twice"
            ));
        }
    }
    if named.is_empty() {
        return Err(
            "must name at least one category; without the key it is all of them".to_owned(),
        );
    }
    let all = Category::ALL.into_iter();
    Ok(all.filter(|category| named.contains(category)).collect())
}

/// The category that a word which is none was perhaps meant for.
fn meant(word: &str) -> Option<Category> {
    const ALIKE: f64 = 0.85;
    let file = |category: &Category| [category.v2_file(), category.legacy_file()].contains(&word);
    let stem = |category: &Category| category.v2_file().strip_suffix(".json") == Some(word);
    let likeness = |category: Category| strsim::jaro_winkler(category.name(), word);
    Category::ALL
        .into_iter()
        .find(|category| file(category) || stem(category))
        .or_else(|| {
            Category::ALL
                .into_iter()
                .filter(|category| likeness(*category) > ALIKE)
                .max_by(|a, b| likeness(*a).total_cmp(&likeness(*b)))
        })
}

/// What the mirror itself has: a change of a file of this name means something else to it.
const OURS: [&str; 8] = [
    "audit",
    "intent.json",
    "intent.lock",
    "lock",
    "manifest.json",
    "state.json",
    "status.json",
    "status.standby.json",
];

/// The longest name that leaves room for that of its temporary file.
const LONGEST: usize = 200;

/// A list of files with the repository that has each: `text:db.json`.
pub(super) fn extra_files(value: &Value) -> Checked<Vec<ExtraFile>> {
    const RULE: &str = "must be a list of files and where they are, like [\"text:db.json\", \"image:diffusers.json\"]";
    let Value::List(words) = value else {
        return Err(RULE.to_owned());
    };
    let mut files: Vec<ExtraFile> = Vec::new();
    for word in words {
        let (repository, file) = match word.split_once(':') {
            Some(("image", file)) => (Repository::Image, file),
            Some(("text", file)) => (Repository::Text, file),
            _ => {
                return Err(format!(
                    "{RULE}; \"{word}\" begins with neither image: nor text:"
                ));
            }
        };
        let ours = Category::ALL
            .iter()
            .any(|category| [category.v2_file(), category.legacy_file()].contains(&file));
        let fault =
            if file.is_empty() || file.contains(['/', '\\']) || file.contains(char::is_control) {
                "is no file name"
            } else if file.starts_with('.') {
                "begins with a dot"
            } else if ours {
                "is the file of a category"
            } else if OURS.contains(&file) {
                "is a file of the mirror itself"
            } else if file.len() > LONGEST {
                "is longer than 200 bytes"
            } else if files.iter().any(|other| other.file == file) {
                "is there twice: both would be the same file in legacy/"
            } else {
                let file = file.to_owned();
                files.push(ExtraFile { repository, file });
                continue;
            };
        return Err(format!("{RULE}; \"{file}\" {fault}"));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Value {
        Value::List(words.iter().map(|word| (*word).to_owned()).collect())
    }

    /// The rule's words where it is broken, else nothing.
    fn problem<T>(checked: Checked<T>) -> String {
        checked.err().unwrap_or_default()
    }

    #[test]
    fn a_name_is_a_label() {
        let long = "a".repeat(65);
        let table = [
            ("github", true),
            ("Hub-2_a.b", true),
            ("", false),
            ("at home", false),
            ("caf\u{e9}", false),
            ("a\"b", false),
            (&long, false),
        ];
        for (text, good) in table {
            assert_eq!(name(&Value::Text(text.to_owned())).is_ok(), good, "{text}");
        }
        assert!(name(&Value::Integer(1)).is_err());
    }

    #[test]
    fn categories_are_put_in_order_and_misspelt_ones_are_recognised() {
        let found = categories(&list(&["lora", "clip", "blip"]));
        assert_eq!(
            found,
            Ok(vec![Category::Blip, Category::Clip, Category::Lora])
        );
        let table: [(&[&str], &str); 6] = [
            (&[], "at least one"),
            (&["clip", "clip"], "clip is there twice"),
            (&["stable_diffusion"], "did you mean image_generation?"),
            (&["models.csv"], "did you mean text_generation?"),
            (&["image_generatio"], "did you mean image_generation?"),
            (&["zzz"], "known: blip"),
        ];
        for (words, expected) in table {
            let found = problem(categories(&list(words)));
            assert!(found.contains(expected), "{words:?}: {found}");
        }
        assert!(problem(categories(&Value::Text("clip".into()))).contains("a list of categories"));
    }

    #[test]
    fn extra_files_are_named_with_their_repository_and_are_none_of_ours() {
        let good = extra_files(&list(&["text:db.json", "image:diffusers.json"])).unwrap();
        assert_eq!(
            good.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["text:db.json", "image:diffusers.json"]
        );
        assert_eq!(extra_files(&list(&[])), Ok(Vec::new()));
        let long = format!("text:{}", "a".repeat(201));
        let table: [(&[&str], &str); 17] = [
            (&["db.json"], "begins with neither"),
            (&["audio:db.json"], "begins with neither"),
            (&["text:"], "is no file name"),
            (&["text:a/db.json"], "is no file name"),
            (&["text:..\\db.json"], "is no file name"),
            (&["text:a\nb"], "is no file name"),
            (&["text:.horde-refd"], "begins with a dot"),
            (&["text:.."], "begins with a dot"),
            (&["text:manifest.json"], "is a file of the mirror itself"),
            (&["image:state.json"], "is a file of the mirror itself"),
            (&["image:lora.json"], "is the file of a category"),
            (&["text:db.json", "text:db.json"], "is there twice"),
            (&[&long], "is longer than"),
            (&["text:models.csv"], "is the file of a category"),
            (&["text:text_generation.json"], "is the file of a category"),
            (
                &["image:stable_diffusion.json"],
                "is the file of a category",
            ),
            (&["text:db.json", "image:db.json"], "is there twice"),
        ];
        for (words, expected) in table {
            let found = problem(extra_files(&list(words)));
            assert!(found.contains(expected), "{words:?}: {found}");
        }
    }
}
