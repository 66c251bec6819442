//! Tables for people: columns of words, numbers to the right, a colour a cell.
//!
//! Cells hold words of ours, never a stranger's text, so a character is a column. Colours are put on when the widths are
//! known. A crate would bring a terminal library for the colours alone.

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Palette {
    /// ANSI colours.
    Colored,
    /// Text alone.
    Plain,
}

/// What a colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing in particular.
    Neutral,
    /// As it should be.
    Good,
    /// Worth knowing.
    Notable,
    /// Not as it should be, and may pass.
    Warning,
    /// Wrong.
    Bad,
}

impl Palette {
    /// The text in a tone's colour.
    pub(super) fn paint(self, text: &str, tone: Tone) -> String {
        let sgr = match tone {
            Tone::Neutral => return text.to_owned(),
            Tone::Good => 32,
            Tone::Notable => 36,
            Tone::Warning => 33,
            Tone::Bad => 31,
        };
        match self {
            Self::Colored => format!("\x1b[{sgr}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

/// A cell: its text, its tone, and whether it is a number.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone: Tone::Neutral,
            right: false,
        }
    }

    /// A number, or a dash where there is none.
    pub(super) fn number(number: Option<u64>) -> Self {
        Self {
            right: true,
            ..Self::text(number.map_or_else(|| "-".to_owned(), |number| number.to_string()))
        }
    }

    pub(super) fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn padded(&self, width: usize, palette: Palette) -> String {
        let painted = palette.paint(&self.text, self.tone);
        let padding = " ".repeat(width.saturating_sub(self.width()));
        if self.right {
            padding + &painted
        } else {
            painted + &padding
        }
    }
}

/// The table, a line a row, two blanks between columns. A header stands as the cells of the first row do.
pub(super) fn table<const COLUMNS: usize>(
    header: [&str; COLUMNS],
    rows: &[[Cell; COLUMNS]],
    palette: Palette,
) -> String {
    let right = |column: usize| {
        let first = rows.first().and_then(|row| row.get(column));
        first.is_some_and(|cell| cell.right)
    };
    let mut column = 0;
    let header = header.map(|name| {
        column += 1;
        Cell {
            right: right(column - 1),
            ..Cell::text(name)
        }
    });
    let mut widths = [0; COLUMNS];
    for row in std::iter::once(&header).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let line = |row: &[Cell; COLUMNS]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| cell.padded(width, palette))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    let lines: Vec<String> = std::iter::once(&header).chain(rows).map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            [
                Cell::text("blip"),
                Cell::number(Some(7)),
                Cell::text("fresh").toned(Tone::Good),
                Cell::text(""),
            ],
            [
                Cell::text("größe"),
                Cell::number(None),
                Cell::text("failing").toned(Tone::Bad),
                Cell::text("x"),
            ],
        ];
        let header = ["NAME", "MODELS", "STATE", "WHY"];
        assert_eq!(
            table(header, &rows, Palette::Plain),
            "NAME   MODELS  STATE    WHY\n\
             blip        7  fresh\n\
             größe       -  failing  x"
        );
        assert_eq!(
            table(header, &rows, Palette::Colored),
            "NAME   MODELS  STATE    WHY\n\
             blip        7  \x1b[32mfresh\x1b[0m\n\
             größe       -  \x1b[31mfailing\x1b[0m  x"
        );
        assert_eq!(table(["A", "B"], &[], Palette::Plain), "A  B");
    }
}
