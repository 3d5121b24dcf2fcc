//! The rewriting of a source file: each mutant becomes a branch beside what it replaces.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use anyhow::Context as _;
use proc_macro2::Span;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::list::{Mutant, Position};

/// The module that knows which mutant is chosen, in the crate that has the mutants in it.
pub(crate) const MODULE: &str = "planner_mutant";
/// What it reads: the place of the mutant in the list; without it, none is chosen.
pub(crate) const VARIABLE: &str = "STAYKEY_MUTANT";

/// The text of that module.
pub(crate) fn module() -> String {
    format!(
        r#"//! The mutant that is chosen.

use std::sync::LazyLock;

static CHOSEN: LazyLock<Option<usize>> =
    LazyLock::new(|| std::env::var("{VARIABLE}").ok().map(|text| text.parse().unwrap()));

pub(crate) fn is(mutant: usize) -> bool {{
    *CHOSEN == Some(mutant)
}}

pub(crate) fn is_none_of(mutants: &[usize]) -> bool {{
    CHOSEN.is_none_or(|chosen| !mutants.contains(&chosen))
}}
"#
    )
}

/// A file with its mutants in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// Its text.
    pub(crate) text: String,
    parts: Vec<Part>,
}

/// What stands in the file for the sake of mutants.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    range: Range<usize>,
    mutants: Vec<usize>,
}

impl Rewritten {
    /// The mutants without which this byte of the text would not be as it is.
    pub(crate) fn mutants_at(&self, byte: usize) -> &[usize] {
        let around = self.parts.iter().filter(|part| part.range.contains(&byte));
        around.min_by_key(|part| part.range.len()).map_or(&[], |part| &part.mutants)
    }
}

/// Something that mutants stand beside.
struct Place {
    range: Range<usize>,
    /// What each mutant makes of it.
    alternatives: Vec<(usize, String)>,
}

/// Puts the mutants, which are numbered by their place in the list, into their file.
///
/// A mutant takes the place of the smallest expression, or content of a block, that it changes: there `if` may stand.
pub(crate) fn rewrite<'a>(
    text: &str,
    mutants: impl IntoIterator<Item = (usize, &'a Mutant)>,
) -> anyhow::Result<Rewritten> {
    let mut spots = Spots(Vec::new());
    spots.visit_file(&syn::parse_file(text)?);
    let mut places = BTreeMap::<_, Place>::new();
    for (number, mutant) in mutants {
        let changed = range(text, mutant.span).with_context(|| format!("{}: not in the file", mutant.key))?;
        let range = spots.around(&changed).with_context(|| format!("{}: in nothing", mutant.key))?;
        let (from, to) = (&text[range.start..changed.start], &text[changed.end..range.end]);
        let alternative = [from, &mutant.replacement, to].concat();
        let place = || Place { range: range.clone(), alternatives: Vec::new() };
        let place = places.entry((range.start, Reverse(range.end))).or_insert_with(place);
        place.alternatives.push((number, alternative));
    }
    let places: Vec<_> = places.into_values().collect();
    let mut writer = Writer { source: text, text: String::new(), parts: Vec::new() };
    writer.section(0..text.len(), &places);
    Ok(Rewritten { text: writer.text, parts: writer.parts })
}

fn offset(text: &str, lines: &[usize], at: Position) -> Option<usize> {
    let start = *lines.get(at.line.checked_sub(1)?)?;
    let line = text[start..].split('\n').next()?;
    let mut columns = line.char_indices().map(|(index, _)| index).chain([line.len()]);
    Some(start + columns.nth(at.column.checked_sub(1)?)?)
}

/// The parts of a file that are compiled for planted bugs only.
pub(crate) fn planted(text: &str) -> anyhow::Result<Vec<Range<usize>>> {
    let mut planted = Planted(Vec::new());
    planted.visit_file(&syn::parse_file(text)?);
    Ok(planted.0)
}

struct Planted(Vec<Range<usize>>);

impl Planted {
    fn look(&mut self, attributes: &[syn::Attribute], whole: Span) {
        let is_planted = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Ident>().is_ok_and(|cfg| cfg == "staykey_planted")
        };
        if attributes.iter().any(is_planted) {
            self.0.push(whole.byte_range());
        }
    }
}

impl<'ast> Visit<'ast> for Planted {
    fn visit_local(&mut self, local: &'ast syn::Local) {
        self.look(&local.attrs, local.span());
        visit::visit_local(self, local);
    }

    fn visit_expr_if(&mut self, condition: &'ast syn::ExprIf) {
        self.look(&condition.attrs, condition.span());
        visit::visit_expr_if(self, condition);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.look(&arm.attrs, arm.span());
        visit::visit_arm(self, arm);
    }
}

/// The part of a text from one character to another.
pub(crate) fn range(text: &str, span: super::list::Span) -> Option<Range<usize>> {
    let lines: Vec<_> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    Some(offset(text, &lines, span.start)?..offset(text, &lines, span.end)?)
}

/// Where an expression may stand.
struct Spots(Vec<Range<usize>>);

impl Spots {
    fn around(&self, part: &Range<usize>) -> Option<Range<usize>> {
        let around = self.0.iter().filter(|spot| spot.start <= part.start && part.end <= spot.end);
        around.min_by_key(|spot| spot.len()).cloned()
    }

    fn add(&mut self, first: Span, last: Span) {
        self.0.push(first.byte_range().start..last.byte_range().end);
    }
}

impl Spots {
    /// What is in an expression. The operands of an operand are none of their own: another operator may bind them to others.
    fn inside(&mut self, expression: &syn::Expr) {
        let syn::Expr::Binary(both) = expression else { return visit::visit_expr(self, expression) };
        for side in [&*both.left, &*both.right] {
            match side {
                syn::Expr::Binary(_) => self.inside(side),
                _ => self.visit_expr(side),
            }
        }
    }
}

impl<'ast> Visit<'ast> for Spots {
    fn visit_expr(&mut self, expression: &'ast syn::Expr) {
        if has_let(expression) {
            visit::visit_expr(self, expression);
        } else {
            self.add(expression.span(), expression.span());
            self.inside(expression);
        }
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        if let [first, ..] = &block.stmts[..]
            && let [.., last] = &block.stmts[..]
        {
            self.add(first.span(), last.span());
        }
        visit::visit_block(self, block);
    }
}

/// Whether it may stand in no other place than in a condition.
fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(both) => has_let(&both.left) || has_let(&both.right),
        _ => false,
    }
}

struct Writer<'a> {
    source: &'a str,
    text: String,
    parts: Vec<Part>,
}

impl Writer<'_> {
    /// Writes a section of the source with the places in it, outer ones first.
    fn section(&mut self, range: Range<usize>, mut places: &[Place]) {
        let mut at = range.start;
        while let [place, rest @ ..] = places {
            self.text.push_str(&self.source[at..place.range.start]);
            let (inside, after) =
                rest.split_at(rest.partition_point(|other| other.range.start < place.range.end));
            self.place(place, inside);
            at = place.range.end;
            places = after;
        }
        self.text.push_str(&self.source[at..range.end]);
    }

    /// What was there comes first: the compiler holds the others' types against its.
    fn place(&mut self, place: &Place, inside: &[Place]) {
        let mutants: Vec<_> = place.alternatives.iter().map(|(number, _)| *number).collect();
        let start = self.text.len();
        let _ = write!(self.text, "(if crate::{MODULE}::is_none_of(&{mutants:?}) {{ ");
        self.section(place.range.clone(), inside);
        for (index, (number, alternative)) in place.alternatives.iter().enumerate() {
            let begun = self.text.len();
            self.text.push_str(" } else ");
            if index + 1 < mutants.len() {
                let _ = write!(self.text, "if crate::{MODULE}::is({number}) ");
            }
            let _ = write!(self.text, "{{ {alternative}");
            self.parts.push(Part { range: begun..self.text.len(), mutants: vec![*number] });
        }
        self.text.push_str(" })");
        self.parts.push(Part { range: start..self.text.len(), mutants });
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::key;
    use super::super::list::{Mutant, Span};
    use super::*;

    /// A mutant that replaces the first such text in the source.
    fn mutant(source: &str, what: &str, with: &str) -> Mutant {
        let at = |byte: usize| {
            let before = &source[..byte];
            let line = before.rsplit('\n').next().unwrap_or_default();
            Position { line: before.split('\n').count(), column: line.chars().count() + 1 }
        };
        let start = source.find(what).expect("it is there");
        let span = Span { start: at(start), end: at(start + what.len()) };
        Mutant { key: key("plan.rs", what, 1), span, replacement: with.to_owned() }
    }

    fn check(source: &str, mutants: &[(&str, &str)], expected: &str) {
        let mutants: Vec<_> = mutants.iter().map(|(what, with)| mutant(source, what, with)).collect();
        let rewritten = rewrite(source, mutants.iter().enumerate()).unwrap();
        let short = rewritten.text.replace(&format!("crate::{MODULE}::"), "");
        assert_eq!(short, expected);
        syn::parse_file(&rewritten.text).expect("it is Rust");
    }

    #[test]
    fn each_mutant_is_a_branch_beside_what_it_replaces() {
        let none: &[(&str, &str)] = &[];
        let cases = [
            ("fn f() -> u8 { 1 }", none, "fn f() -> u8 { 1 }"),
            (
                "fn f() -> bool { a == b }",
                &[("==", "!="), ("a == b", "true")],
                "fn f() -> bool { (if is_none_of(&[0, 1]) { a == b } else if is(0) { a != b } else { true }) }",
            ),
            // One inside another, of which only one is ever chosen; an operator binds as it would in the source.
            (
                "fn f() -> bool { a < b && !c && d }",
                &[("&&", "||"), ("<", "<="), ("!", "")],
                "fn f() -> bool { (if is_none_of(&[0, 1]) { a < b && (if is_none_of(&[2]) { !c } else { c }) && d } \
                 else if is(0) { a < b || !c && d } else { a <= b && !c && d }) }",
            ),
            (
                "fn f() -> bool { a && (b || c) }",
                &[("||", "&&")],
                "fn f() -> bool { a && ((if is_none_of(&[0]) { b || c } else { b && c })) }",
            ),
            // A function's body, however many statements it has.
            (
                "fn f() { // é\n    let a = 1;\n    g(a);\n}",
                &[("let a = 1;\n    g(a);", "()")],
                "fn f() { // é\n    (if is_none_of(&[0]) { let a = 1;\n    g(a); } else { () })\n}",
            ),
            // What is no expression takes the place of the one around it.
            (
                "fn f() -> A { A { é: 1, b: 2, ..c } }",
                &[("b: 2, ", "")],
                "fn f() -> A { (if is_none_of(&[0]) { A { é: 1, b: 2, ..c } } else { A { é: 1, ..c } }) }",
            ),
            (
                "fn f() { match a { 1 if b => 2, _ => 3 } }",
                &[("1 if b => 2,", ""), ("b", "false")],
                "fn f() { (if is_none_of(&[0]) { match a { 1 if (if is_none_of(&[1]) { b } else { false }) => 2, _ => 3 } } \
                 else { match a {  _ => 3 } }) }",
            ),
            // What has `let` in it may stand in a condition only.
            (
                "fn f() { if let a = b && c { d } }",
                &[("&&", "||"), ("c", "true")],
                "fn f() { (if is_none_of(&[0]) { if let a = b && (if is_none_of(&[1]) { c } else { true }) { d } } \
                 else { if let a = b || c { d } }) }",
            ),
            (
                "fn f() { a += 1; }",
                &[("+=", "-=")],
                "fn f() { (if is_none_of(&[0]) { a += 1 } else { a -= 1 }); }",
            ),
        ];
        for (source, mutants, expected) in cases {
            check(source, mutants, expected);
        }
    }

    #[test]
    fn what_does_not_compile_is_laid_to_the_mutants_around_it() {
        let source = "fn f() -> bool { (a < b) && !c }";
        let mutants = [("&&", "||"), ("<", "<=")].map(|(what, with)| mutant(source, what, with));
        let rewritten = rewrite(source, mutants.iter().enumerate()).unwrap();
        for (text, expected) in
            [("fn f", &[][..]), ("!c }", &[0]), ("a < b }", &[1]), ("<=", &[1]), ("||", &[0])]
        {
            let at = rewritten.text.find(text).expect("it is there");
            assert_eq!(rewritten.mutants_at(at), expected, "{text}");
        }
    }

    #[test]
    fn what_is_compiled_for_planted_bugs_only_is_found() {
        let source = "fn f() {\n#[cfg(staykey_planted)]\nlet a = b;\n#[cfg(not(staykey_planted))]\nlet c = d;\n\
                      match e { #[cfg(staykey_planted)]\n1 => 2, _ => 3 }\n#[cfg(staykey_planted)]\nif g { h } }";
        let planted: Vec<_> = planted(source).unwrap().into_iter().map(|part| &source[part]).collect();
        let [local, arm, condition] = &planted[..] else { panic!("{planted:?}") };
        for (part, end) in [(local, "let a = b;"), (arm, "1 => 2,"), (condition, "if g { h }")] {
            assert!(part.ends_with(end), "{part}");
        }
    }

    #[test]
    fn the_module_that_chooses_is_rust() {
        syn::parse_file(&module()).unwrap();
    }

    #[test]
    fn what_is_not_in_the_file_cannot_be_put_into_it() {
        let elsewhere = super::super::list::tests::mutant("plan.rs", 9, true);
        assert!(rewrite("fn f() {}", [(0, &elsewhere)]).is_err());
    }
}
