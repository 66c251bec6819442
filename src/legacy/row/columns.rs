//! The columns of `models.csv`: which matter, and where a header has them.

use crate::python::csv::Cells;

/// The columns that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    ParametersBn,
    Description,
    Version,
    Style,
    Baseline,
    Url,
    InstructFormat,
    DisplayName,
    Nsfw,
    Tags,
    Settings,
    ContextWindow,
    InteractionModes,
    Capabilities,
}

pub(super) const COLUMNS: [(&str, Column); 15] = [
    ("name", Column::Name),
    ("parameters_bn", Column::ParametersBn),
    ("description", Column::Description),
    ("version", Column::Version),
    ("style", Column::Style),
    ("baseline", Column::Baseline),
    ("url", Column::Url),
    ("instruct_format", Column::InstructFormat),
    ("display_name", Column::DisplayName),
    ("nsfw", Column::Nsfw),
    ("tags", Column::Tags),
    ("settings", Column::Settings),
    ("context_window", Column::ContextWindow),
    ("interaction_modes", Column::InteractionModes),
    ("capabilities", Column::Capabilities),
];

/// What the cells of a row are, by position. Of two columns of one name the last counts.
#[derive(Debug)]
pub(crate) struct Columns {
    columns: Vec<Option<Column>>,
    /// Rows that end before it reject the file.
    tags: Option<usize>,
}

impl Columns {
    /// The columns of a header.
    pub(crate) fn named(header: &Cells<'_>) -> Self {
        let mut columns: Vec<Option<Column>> = vec![None; header.len()];
        for (index, name) in header.filled() {
            let known = COLUMNS.iter().find(|(known, _)| *known == name);
            let known = known.map(|(_, column)| *column);
            for earlier in columns.iter_mut().filter(|_| known.is_some()) {
                if *earlier == known {
                    *earlier = None;
                }
            }
            if let Some(column) = columns.get_mut(index) {
                *column = known;
            }
        }
        let tags = columns
            .iter()
            .position(|column| *column == Some(Column::Tags));
        Self { columns, tags }
    }

    /// The column at a position, where it is one that matters.
    pub(super) fn at(&self, index: usize) -> Option<Column> {
        self.columns.get(index).copied().flatten()
    }

    /// Whether there is a column for tags and a row of so many cells ends before it.
    pub(super) fn lack_tags(&self, cells: usize) -> bool {
        self.tags.is_some_and(|tags| tags >= cells)
    }
}
