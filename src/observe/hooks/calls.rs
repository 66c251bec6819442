//! What to run after an event: from news to the hooks' environment, without running anything.

use std::collections::BTreeSet;

use crate::item::Item;
use crate::ledger::{Subject, Transition};

/// The items with a published file that changed: `hooks.on_change` is for them.
#[must_use]
pub fn changed(news: &[Transition]) -> BTreeSet<Item> {
    let items = news.iter().filter_map(|news| match news {
        Transition::Published { item, .. } => Some(item.clone()),
        _ => None,
    });
    items.collect()
}

/// What `hooks.on_trouble` learns of one item or upstream that became unhealthy or well again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Whether it is well.
    pub healthy: bool,
    /// The variables of its environment.
    pub variables: Vec<(&'static str, String)>,
}

/// A run of `hooks.on_trouble` for each of them.
#[must_use]
pub fn troubles(news: &[Transition]) -> Vec<Trouble> {
    let troubles = news.iter().filter_map(|news| match news {
        Transition::Health {
            subject,
            healthy,
            state,
            error,
        } => {
            let subject = match subject {
                Subject::Item(item) => ("HORDE_REFD_CATEGORY", item.to_string()),
                Subject::Upstream(name) => ("HORDE_REFD_UPSTREAM", name.clone()),
            };
            Some(Trouble {
                healthy: *healthy,
                variables: vec![
                    subject,
                    ("HORDE_REFD_STATE", (*state).to_owned()),
                    ("HORDE_REFD_ERROR", error.clone().unwrap_or_default()),
                ],
            })
        }
        _ => None,
    });
    troubles.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::Category;
    use crate::cycle::ItemReport;

    #[test]
    fn each_piece_of_news_has_its_hook() {
        let blip = Item::Category(Category::Blip);
        let news = [
            Transition::Published {
                item: blip.clone(),
                report: Box::new(ItemReport::unchanged()),
                brought_back: false,
            },
            Transition::Written,
            Transition::Health {
                subject: Subject::Item(blip.clone()),
                healthy: false,
                state: "failing",
                error: Some("refused".to_owned()),
            },
            Transition::Health {
                subject: Subject::Upstream("github".to_owned()),
                healthy: true,
                state: "up",
                error: None,
            },
        ];
        assert_eq!(changed(&news), BTreeSet::from([blip]));
        let shown: Vec<_> = troubles(&news)
            .into_iter()
            .map(|trouble| {
                let variables = trouble.variables.iter();
                let words: Vec<_> = variables
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                (trouble.healthy, words.join(" "))
            })
            .collect();
        let failing = "HORDE_REFD_CATEGORY=blip HORDE_REFD_STATE=failing HORDE_REFD_ERROR=refused";
        let up = "HORDE_REFD_UPSTREAM=github HORDE_REFD_STATE=up HORDE_REFD_ERROR=";
        assert_eq!(shown, [(false, failing.to_owned()), (true, up.to_owned())]);
    }
}
