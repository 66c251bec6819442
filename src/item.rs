//! What is fetched and published as a unit, and the forms that a body of it comes in.
//!
//! 1. An item is a category or an extra file that is passed through; nothing else is ever asked for or published.
//! 2. A category has up to two published files, one a form; an extra file has one, `Raw`.

use std::fmt;

use crate::category::{Category, Repository};

/// What is fetched and published as a unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Item {
    /// One kind of model.
    Category(Category),
    /// A file passed through byte for byte.
    File(ExtraFile),
}

/// A file of one of the two repositories that is passed through to `legacy/`, such as `db.json`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtraFile {
    /// The repository that holds it.
    pub repository: Repository,
    /// Its name there and below `legacy/`: no `/`, none of our own names.
    pub name: String,
}

/// What a body is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The file as GitHub has it: JSON, for the text models CSV.
    Legacy,
    /// What readers read: always JSON.
    V2,
    /// Passed through.
    Raw,
}

/// What is done about a record of a legacy file that cannot be converted (design contract: `on_invalid_record`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum OnInvalidRecord {
    /// The whole file is rejected, as the reference does.
    #[default]
    Reject,
    /// The record is left out.
    Skip,
}

impl Form {
    /// The form's name, as in manifest and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::V2 => "v2",
            Self::Raw => "raw",
        }
    }
}

impl Item {
    /// The category, where the item is one.
    #[must_use]
    pub const fn category(&self) -> Option<Category> {
        match self {
            Self::Category(category) => Some(*category),
            Self::File(_) => None,
        }
    }

    /// The JSON view of `models.csv`, which no upstream has (design contract: `publish.text_legacy_json`).
    #[must_use]
    pub fn text_view() -> Self {
        Self::File(ExtraFile {
            repository: Repository::Text,
            name: Category::TextGeneration.v2_file().to_owned(),
        })
    }

    /// The path of a published file of this item below the mirror's base; `None` where the item has no such form.
    #[must_use]
    pub fn path(&self, form: Form) -> Option<String> {
        match (self, form) {
            (Self::Category(category), Form::V2) => Some(category.v2_file().to_owned()),
            (Self::Category(category), Form::Legacy) => category
                .has_legacy()
                .then(|| format!("legacy/{}", category.legacy_file())),
            (Self::File(file), Form::Raw) => Some(format!("legacy/{}", file.name)),
            _ => None,
        }
    }
}

impl From<Category> for Item {
    fn from(category: Category) -> Self {
        Self::Category(category)
    }
}

impl fmt::Display for Item {
    /// A category's name, or an extra file's path below the mirror's base.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Category(category) => f.pad(category.name()),
            Self::File(file) => write!(f, "legacy/{}", file.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_file_has_one_item_and_one_form() {
        let extra = Item::File(ExtraFile {
            repository: Repository::Text,
            name: "db.json".into(),
        });
        let table = [
            (
                Item::from(Category::TextGeneration),
                Form::V2,
                Some("text_generation.json"),
            ),
            (
                Item::from(Category::TextGeneration),
                Form::Legacy,
                Some("legacy/models.csv"),
            ),
            (
                Item::from(Category::ImageGeneration),
                Form::V2,
                Some("stable_diffusion.json"),
            ),
            (Item::from(Category::Lora), Form::V2, Some("lora.json")),
            (Item::from(Category::Lora), Form::Legacy, None),
            (Item::from(Category::Lora), Form::Raw, None),
            (extra.clone(), Form::Raw, Some("legacy/db.json")),
            (
                Item::text_view(),
                Form::Raw,
                Some("legacy/text_generation.json"),
            ),
            (extra, Form::V2, None),
        ];
        for (item, form, path) in table {
            assert_eq!(item.path(form).as_deref(), path, "{item} {form:?}");
        }
    }
}
