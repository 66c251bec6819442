//! Where an item lies below an upstream's URL: its layout, as a table; pure.
//!
//! | layout | a file | serves |
//! | --- | --- | --- |
//! | `github` | `{owner}/{repository}/refs/heads/{branch}/{file}` | legacy, raw |
//! | `flat` | `{file}` | legacy, raw |
//! | `primary` | `model_references/v2/{category}` | v2 |
//! | `mirror` | the path in the mirror | legacy, v2, raw |

use crate::category::Repository;
use crate::config::RepositoryConfig;
use crate::config::{GithubConfig, Layout};
use crate::item::{Form, Item};

/// The path of an item in a form below the upstream's URL, as segments; `None` where the layout does not serve it.
pub(super) fn path(
    layout: Layout,
    github: &GithubConfig,
    item: &Item,
    form: Form,
) -> Option<Vec<String>> {
    let path = match (layout, item, form) {
        (Layout::Github | Layout::Flat, Item::Category(category), Form::Legacy) => {
            let repository = category.repository()?;
            below(layout, github, repository, category.legacy_file())
        }
        (Layout::Github | Layout::Flat, Item::File(file), Form::Raw) => {
            below(layout, github, file.repository, &file.name)
        }
        (Layout::Primary, Item::Category(category), Form::V2) => {
            format!("model_references/v2/{}", category.name())
        }
        (Layout::Mirror, item, form) => item.path(form)?,
        _ => return None,
    };
    // A branch may contain slashes, and `refs/heads/` is followed by all of them.
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    Some(segments.map(str::to_owned).collect())
}

fn below(layout: Layout, github: &GithubConfig, repository: Repository, file: &str) -> String {
    if layout == Layout::Flat {
        return file.to_owned();
    }
    let RepositoryConfig {
        owner,
        name,
        branch,
    } = match repository {
        Repository::Image => &github.image,
        Repository::Text => &github.text,
    };
    format!("{owner}/{name}/refs/heads/{branch}/{file}")
}

/// What to check when the file of an item does not exist.
pub(super) fn hint(layout: Layout, item: &Item) -> &'static str {
    let repository = match item {
        Item::Category(category) => category.repository(),
        Item::File(file) => Some(file.repository),
    };
    match (layout, repository) {
        (Layout::Github, Some(Repository::Text)) => {
            "check the owner, the repository and the branch in [github.text]; a server that has the files directly below its URL needs layout = \"flat\""
        }
        (Layout::Github, _) => {
            "check the owner, the repository and the branch in [github.image]; a server that has the files directly below its URL needs layout = \"flat\""
        }
        (Layout::Flat, _) => {
            "check the upstream's url; a server laid out like raw.githubusercontent.com needs layout = \"github\""
        }
        (Layout::Primary, _) => {
            "the PRIMARY does not have it; if it has none at all, check the upstream's url: it ends before /model_references"
        }
        (Layout::Mirror, _) => "check the upstream's url: manifest.json is directly below it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::Category;
    use crate::item::ExtraFile;

    fn github(branch: &str) -> GithubConfig {
        let repository = |name: &str| RepositoryConfig {
            owner: "Haidra-Org".to_owned(),
            name: name.to_owned(),
            branch: branch.to_owned(),
        };
        GithubConfig {
            image: repository("images"),
            text: repository("texts"),
        }
    }

    fn joined(layout: Layout, item: &Item, form: Form) -> Option<String> {
        path(layout, &github("main"), item, form).map(|path| path.join("/"))
    }

    #[test]
    fn every_layout_has_its_place_for_every_item_and_form() {
        let image = Item::from(Category::ImageGeneration);
        let text = Item::from(Category::TextGeneration);
        let lora = Item::from(Category::Lora);
        let extra = Item::File(ExtraFile {
            repository: Repository::Text,
            name: "db.json".to_owned(),
        });
        let (legacy, v2, raw) = (Form::Legacy, Form::V2, Form::Raw);
        let images = "Haidra-Org/images/refs/heads/main/stable_diffusion.json";
        let texts = "Haidra-Org/texts/refs/heads/main/models.csv";
        let db = "Haidra-Org/texts/refs/heads/main/db.json";
        let table = [
            // item, form, github, flat, primary, mirror
            (
                &image,
                legacy,
                [
                    Some(images),
                    Some("stable_diffusion.json"),
                    None,
                    Some("legacy/stable_diffusion.json"),
                ],
            ),
            (
                &image,
                v2,
                [
                    None,
                    None,
                    Some("model_references/v2/image_generation"),
                    Some("stable_diffusion.json"),
                ],
            ),
            (
                &text,
                legacy,
                [
                    Some(texts),
                    Some("models.csv"),
                    None,
                    Some("legacy/models.csv"),
                ],
            ),
            (
                &text,
                v2,
                [
                    None,
                    None,
                    Some("model_references/v2/text_generation"),
                    Some("text_generation.json"),
                ],
            ),
            (&text, raw, [None; 4]),
            (&lora, legacy, [None; 4]),
            (
                &lora,
                v2,
                [
                    None,
                    None,
                    Some("model_references/v2/lora"),
                    Some("lora.json"),
                ],
            ),
            (
                &extra,
                raw,
                [Some(db), Some("db.json"), None, Some("legacy/db.json")],
            ),
            (&extra, v2, [None; 4]),
            (&extra, legacy, [None; 4]),
        ];
        let layouts = [
            Layout::Github,
            Layout::Flat,
            Layout::Primary,
            Layout::Mirror,
        ];
        for (item, form, expected) in table {
            for (layout, expected) in layouts.into_iter().zip(expected) {
                let found = joined(layout, item, form);
                assert_eq!(found.as_deref(), expected, "{layout:?} {item} {form:?}");
            }
        }
    }

    #[test]
    fn a_branch_may_hold_slashes() {
        let clip = Item::from(Category::Clip);
        for branch in ["feature/beta", "/feature//beta/"] {
            let path = path(Layout::Github, &github(branch), &clip, Form::Legacy).unwrap();
            let expected = "Haidra-Org/images/refs/heads/feature/beta/clip.json";
            assert_eq!(path.join("/"), expected);
        }
    }
}
