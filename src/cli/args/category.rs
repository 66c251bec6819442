//! A category on the command line: its name, and for any other word what was perhaps meant.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, Error};

use crate::category::Category;

/// Reads a category; a wrong one is answered with the known ones and, where one is alike, a suggestion.
pub(super) fn category() -> ValueParser {
    Names.into()
}

/// What to say about a word that is the name of a category's file and not of the category.
pub(super) fn hint(word: &str) -> Option<String> {
    let stem = |file: &str| file.split('.').next().map(str::to_owned);
    let found = Category::ALL.into_iter().find_map(|category| {
        let files = [category.legacy_file(), category.v2_file()];
        let is = |file: &&str| *file == word || stem(file).as_deref() == Some(word);
        Some((category, files.into_iter().find(is)?))
    });
    found.map(|(category, file)| format!("did you mean {category} (its file is {file})?"))
}

#[derive(Clone)]
struct Names;

impl TypedValueParser for Names {
    type Value = Category;

    /// For completions.
    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let names = Category::ALL.map(|category| PossibleValue::new(category.name()));
        Some(Box::new(names.into_iter()))
    }

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Category, Error> {
        let names = PossibleValuesParser::new(Category::ALL.map(Category::name));
        let names = names.try_map(|name| name.parse::<Category>());
        names.parse_ref(command, arg, value).map_err(|mut error| {
            if let Some(hint) = value.to_str().and_then(hint) {
                // A name that only looks alike is a worse guess.
                error.remove(ContextKind::SuggestedValue);
                let hint = ContextValue::StyledStrs(vec![hint.into()]);
                error.insert(ContextKind::Suggested, hint);
            }
            error
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_leads_to_its_category() {
        let table = [
            ("stable_diffusion", Some("image_generation")),
            ("stable_diffusion.json", Some("image_generation")),
            ("models", Some("text_generation")),
            ("models.csv", Some("text_generation")),
            ("clip.json", Some("clip")),
            ("nonsense", None),
            ("", None),
        ];
        for (word, category) in table {
            let hint = hint(word);
            assert_eq!(hint.is_some(), category.is_some(), "{word}: {hint:?}");
            let start = format!("did you mean {} (", category.unwrap_or_default());
            assert!(hint.is_none_or(|hint| hint.starts_with(&start)), "{word}");
        }
    }
}
