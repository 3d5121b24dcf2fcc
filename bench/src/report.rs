//! Figures, each with its aim beside it: a table for people, JSON for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::stats::Sample;

/// One figure.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    bench: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    /// The least and the most of all rounds, where there were several.
    range: Option<(f64, f64)>,
    aim: Option<(String, bool)>,
}

impl Figure {
    /// The median of a sample, one value a round.
    pub(crate) fn median(what: impl Into<String>, rounds: &Sample, unit: &'static str) -> Self {
        Self { range: Some(rounds.range()), ..Self::one(what, rounds.median(), unit) }
    }

    /// A single value.
    pub(crate) fn one(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { bench: "", what: what.into(), value, unit, range: None, aim: None }
    }

    /// With what it should be at most.
    pub(crate) fn at_most(self, most: f64) -> Self {
        let (text, met) = (format!("≤ {}", number(most)), self.value <= most);
        Self { aim: Some((text, met)), ..self }
    }

    /// With what it should be at least.
    pub(crate) fn at_least(self, least: f64) -> Self {
        let (text, met) = (format!("≥ {}", number(least)), self.value >= least);
        Self { aim: Some((text, met)), ..self }
    }

    fn cells(&self) -> [String; 6] {
        let range = self.range.filter(|(low, high)| low < high);
        let range = range.map(|(low, high)| format!("{} – {}", number(low), number(high)));
        let (aim, met) = match &self.aim {
            Some((text, met)) => (text.clone(), if *met { "met" } else { "not met" }),
            None => (String::new(), ""),
        };
        [
            self.what.clone(),
            number(self.value),
            self.unit.to_owned(),
            range.unwrap_or_default(),
            aim,
            met.to_owned(),
        ]
    }

    fn json(&self) -> Value {
        let range = self.range.map(|(least, most)| json!({"least": least, "most": most}));
        let aim = self.aim.as_ref().map(|(aim, met)| json!({"text": aim, "met": met}));
        json!({"bench": self.bench, "what": self.what, "value": self.value, "unit": self.unit,
               "range": range, "aim": aim})
    }
}

/// Three significant digits, without an exponent.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.digits$}")
}

/// All figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    notes: Vec<(&'static str, String)>,
}

impl Report {
    /// Adds figures of a benchmark.
    pub(crate) fn add(&mut self, bench: &'static str, figures: impl IntoIterator<Item = Figure>) {
        self.figures.extend(figures.into_iter().map(|figure| Figure { bench, ..figure }));
    }

    /// Adds what a reader must know beside the figures.
    pub(crate) fn note(&mut self, bench: &'static str, note: impl Into<String>) {
        self.notes.push((bench, note.into()));
    }

    /// How many figures have an aim, and how many of these are met.
    pub(crate) fn aims(&self) -> (usize, usize) {
        let aims = self.figures.iter().filter_map(|figure| figure.aim.as_ref());
        aims.fold((0, 0), |(all, met), (_, is_met)| (all + 1, met + usize::from(*is_met)))
    }

    /// The table of one benchmark, with its notes below.
    pub(crate) fn table(&self, bench: &'static str) -> String {
        let rows: Vec<[String; 6]> =
            self.figures.iter().filter(|figure| figure.bench == bench).map(Figure::cells).collect();
        let heads = ["", "median", "", "range", "aim", ""].map(str::to_owned);
        let mut widths = [0; 6];
        for row in rows.iter().chain([&heads]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut table = String::new();
        for row in [&heads].into_iter().chain(&rows) {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                let blank = " ".repeat(width - cell.chars().count());
                // Numbers end below each other.
                let _ = if column == 1 {
                    write!(line, "{blank}{cell}  ")
                } else {
                    write!(line, "{cell}{blank}  ")
                };
            }
            let _ = writeln!(table, "  {}", line.trim_end());
        }
        for (_, note) in self.notes.iter().filter(|(of, _)| *of == bench) {
            let _ = writeln!(table, "  {note}");
        }
        table
    }

    /// All of it for machines, with `about` the run itself.
    pub(crate) fn json(&self, about: &Value) -> Value {
        let figures: Vec<Value> = self.figures.iter().map(Figure::json).collect();
        let notes: Vec<Value> =
            self.notes.iter().map(|(bench, note)| json!({"bench": bench, "note": note})).collect();
        json!({"run": about, "figures": figures, "notes": notes})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.1234, "0.123"),
            (1.0, "1.00"),
            (12.34, "12.3"),
            (123.4, "123"),
            (98_765.4, "98765"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn an_aim_is_met_or_not() {
        let mut report = Report::default();
        let rounds = Sample::of([10.0, 30.0, 20.0]);
        report.add(
            "a",
            [
                Figure::median("few", &rounds, "ms").at_most(19.0),
                Figure::median("many", &rounds, "/s").at_least(20.0),
                Figure::one("plain", 1.0, "calls"),
            ],
        );
        report.note("a", "on one core");
        report.note("b", "elsewhere");
        assert_eq!(report.aims(), (2, 1));
        assert_eq!(
            report.table("a"),
            "         median         range        aim\n\
             \x20 few      20.0  ms     10.0 – 30.0  ≤ 19.0  not met\n\
             \x20 many     20.0  /s     10.0 – 30.0  ≥ 20.0  met\n\
             \x20 plain    1.00  calls\n\
             \x20 on one core\n"
        );
        let json = report.json(&json!({"rounds": 3}));
        assert_eq!(json["figures"][0]["aim"]["met"], false);
        assert_eq!(json["figures"][1]["range"]["most"], 30.0);
        assert_eq!(json["figures"][2]["aim"], Value::Null);
        assert_eq!(json["run"]["rounds"], 3);
    }
}
