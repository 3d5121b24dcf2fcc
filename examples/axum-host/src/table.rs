//! A table whose columns are as wide as what stands in them.

/// The lines of a table: heads, a rule, rows.
pub(crate) fn lines<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let mut widths = heads.map(width);
    for row in rows {
        for (wide, cell) in widths.iter_mut().zip(row) {
            *wide = (*wide).max(width(cell));
        }
    }
    let line = |cells: [&str; N]| {
        let cells =
            cells.iter().zip(widths).map(|(cell, wide)| format!("{cell}{}", " ".repeat(wide - width(cell))));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule = widths.map(|wide| "─".repeat(wide)).join("  ");
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    [line(heads), rule].into_iter().chain(rows).collect()
}

/// As many places as letters: none that is shown is wider than one place or combines with another.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["9001".to_owned(), "Олена".to_owned()], ["9".to_owned(), "Ada".to_owned()]];
        assert_eq!(lines(["id", "guest"], &rows), ["id    guest", "────  ─────", "9001  Олена", "9     Ada"]);
    }
}
