//! Texts with a colour, and tables of them.

/// A text and how it is painted on a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    paint: Paint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    Plain,
    Good,
    Busy,
    Bad,
    Faint,
    Strong,
}

impl Paint {
    /// The SGR parameters of ECMA-48.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Good => "32",
            Self::Busy => "33",
            Self::Bad => "31",
            Self::Faint => "2",
            Self::Strong => "1",
        }
    }
}

impl Cell {
    fn new(text: impl Into<String>, paint: Paint) -> Self {
        Self { text: text.into(), paint }
    }

    /// A text without colour.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Paint::Plain)
    }

    /// All is well.
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self::new(text, Paint::Good)
    }

    /// On its way.
    pub(crate) fn busy(text: impl Into<String>) -> Self {
        Self::new(text, Paint::Busy)
    }

    /// Someone has to act.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::new(text, Paint::Bad)
    }

    /// Of lesser interest.
    pub(crate) fn faint(text: impl Into<String>) -> Self {
        Self::new(text, Paint::Faint)
    }

    /// A heading.
    pub(crate) fn strong(text: impl Into<String>) -> Self {
        Self::new(text, Paint::Strong)
    }

    /// The text, painted if there are colours.
    pub(crate) fn painted(&self, color: bool) -> String {
        if !color || self.paint == Paint::Plain || self.text.is_empty() {
            return self.text.clone();
        }
        format!("\u{1b}[{}m{}\u{1b}[0m", self.paint.code(), self.text)
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::plain(text)
    }
}

/// Lines of cells in columns, as kubectl sets them: a heading in capitals, three spaces between columns.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// Spaces between columns.
const GAP: usize = 3;

impl Table {
    /// A table with a heading.
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|text| Cell::plain(*text)).collect()] }
    }

    /// A table without a heading.
    pub(crate) fn bare() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table as text. The last cell of a line is never padded.
    pub(crate) fn render(&self, color: bool) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
        let mut text = String::new();
        for row in &self.rows {
            let filled = row.iter().rposition(|cell| cell.width() > 0).map_or(0, |at| at + 1);
            for (column, cell) in row[..filled].iter().enumerate() {
                text.push_str(&cell.painted(color));
                if column + 1 < filled {
                    text.push_str(&" ".repeat(widths[column] - cell.width() + GAP));
                }
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_texts_without_colours() {
        let mut table = Table::new(&["NAME", "SYNC", "MESSAGE"]);
        table.row(vec!["app/shop".into(), Cell::good("Synced"), "".into()]);
        table.row(vec!["ks/a".into(), Cell::bad("OutOfSync"), "late".into()]);
        assert_eq!(
            table.render(false),
            "NAME       SYNC        MESSAGE\napp/shop   Synced\nks/a       OutOfSync   late\n"
        );
        assert_eq!(table.render(true).lines().nth(2), Some("ks/a       \u{1b}[31mOutOfSync\u{1b}[0m   late"));
    }
}
