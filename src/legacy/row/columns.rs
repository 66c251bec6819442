//! Where a header of `models.csv` has the columns that matter (docs/conversion.md, section 5.2).

use csv::StringRecord;

/// The position of each column. Of two columns of one name the last counts, and any may be absent.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) name: Option<usize>,
    pub(super) parameters_bn: Option<usize>,
    pub(super) description: Option<usize>,
    pub(super) version: Option<usize>,
    pub(super) style: Option<usize>,
    pub(super) baseline: Option<usize>,
    pub(super) url: Option<usize>,
    pub(super) instruct_format: Option<usize>,
    pub(super) display_name: Option<usize>,
    pub(super) nsfw: Option<usize>,
    pub(super) tags: Option<usize>,
    pub(super) settings: Option<usize>,
    pub(super) context_window: Option<usize>,
    pub(super) interaction_modes: Option<usize>,
    pub(super) capabilities: Option<usize>,
}

impl Columns {
    /// The columns of a header, whose names are taken literally.
    pub(super) fn named(header: &StringRecord) -> Self {
        let at = |name: &str| {
            let columns = header.iter().enumerate();
            columns
                .filter(|(_, column)| *column == name)
                .map(|(at, _)| at)
                .last()
        };
        Self {
            name: at("name"),
            parameters_bn: at("parameters_bn"),
            description: at("description"),
            version: at("version"),
            style: at("style"),
            baseline: at("baseline"),
            url: at("url"),
            instruct_format: at("instruct_format"),
            display_name: at("display_name"),
            nsfw: at("nsfw"),
            tags: at("tags"),
            settings: at("settings"),
            context_window: at("context_window"),
            interaction_modes: at("interaction_modes"),
            capabilities: at("capabilities"),
        }
    }
}
