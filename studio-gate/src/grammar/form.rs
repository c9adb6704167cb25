//! Reading a command by its program's grammar: which row it is of, what it could do, and how to look whether it happened.

use super::Grammar;
use super::option::{Seen, take};
use super::row::{Fit, Look, Row};
use studio_core::step::{Argv, Expect, Pattern, Probe};

/// What a grammar says about a command.
#[derive(Debug)]
pub(crate) enum Reading<'g, 'a> {
    /// A row lists it.
    Listed(&'g Row, Fit<'g, 'a>),
    /// Its verb is known; it would show secrets.
    Hidden(&'g Row, &'a str),
    /// Its verb is known; no row lists this form of it.
    Unlisted(&'g Row, String),
    /// Its verb is not known.
    Unknown(&'a str),
    /// An option that is not listed stands before the verb.
    Before(String),
}

impl Grammar {
    /// Reads the words of a command of this program.
    pub(crate) fn read<'g, 'a>(&'g self, words: &[&'a str]) -> Reading<'g, 'a> {
        let args = words.get(1..).unwrap_or_default();
        let (mut rest, mut seen, mut stuck) = (args, Vec::new(), None);
        while rest.first().is_some_and(|word| word.starts_with('-')) {
            match take(&self.before, self.joined, rest, &mut seen) {
                Ok(used) => rest = rest.get(used..).unwrap_or_default(),
                Err(why) => {
                    stuck = Some(why);
                    break;
                }
            }
        }
        let depth = self.rows.iter().filter_map(|row| row.verb(rest)).max().unwrap_or_default();
        let bare = self.rows.iter().any(|row| row.paths.iter().any(Vec::is_empty));
        let verbs = self.rows.iter().any(|row| row.paths.iter().any(|path| !path.is_empty()));
        if depth == 0 && (!bare || (verbs && stuck.is_none() && !rest.is_empty())) {
            return match stuck {
                Some(why) => Reading::Before(why),
                None => Reading::Unknown(rest.first().copied().unwrap_or_default()),
            };
        }
        // Without a verb, every option is the row's own.
        let (args, seen) = if depth == 0 { (args, Vec::new()) } else { (rest.get(depth..).unwrap_or_default(), seen) };
        self.of_rows(depth, &seen, rest, args)
    }

    /// Reads the words after a verb of `depth` words: the first row that lists them decides.
    fn of_rows<'g, 'a>(&'g self, depth: usize, seen: &[Seen<'g, 'a>], verb: &[&'a str], args: &[&'a str]) -> Reading<'g, 'a> {
        let mut near: Option<(&Row, String)> = None;
        let shown: Vec<&str> = seen.iter().filter_map(|seen| seen.value).chain(args.iter().copied()).collect();
        for row in self.rows.iter().filter(|row| if depth == 0 { row.paths.iter().any(Vec::is_empty) } else { row.verb(verb) == Some(depth) }) {
            if let Some(word) = row.hidden(&shown) {
                return Reading::Hidden(row, word);
            }
            match row.fit(self.joined, seen, args) {
                Ok(fit) if self.spreads(row, verb.get(..depth).unwrap_or_default(), &fit.words) => {
                    return Reading::Unlisted(row, "options stand between the words of its verb".into());
                }
                Ok(fit) => return Reading::Listed(row, fit),
                // The reason of the widest row says most.
                Err(why) => near = near.filter(|(near, _)| !near.options.iter().any(|spec| spec.needed)).or(Some((row, why))),
            }
        }
        near.map_or_else(|| Reading::Unknown(verb.first().copied().unwrap_or_default()), |(row, why)| Reading::Unlisted(row, why))
    }

    /// Says whether `words` would make a longer verb of `verb` that could do more than `row`: many programs take
    /// options between the words of a verb.
    fn spreads(&self, row: &Row, verb: &[&str], words: &[&str]) -> bool {
        let whole = [verb, words].concat();
        let longer = |other: &&Row| other.class > row.class && other.verb(&whole).is_some_and(|depth| depth > verb.len());
        !words.is_empty() && self.rows.iter().any(|other| longer(&other))
    }
}

impl Row {
    /// Returns its name, for people.
    pub(crate) fn name(&self, program: &str) -> String {
        let path = self.paths.first().map(|path| path.join(" ")).unwrap_or_default();
        format!("{program} {path}").trim_end().to_string()
    }

    /// Returns the read that shows whether the command happened, if all it needs stands in the command.
    pub(crate) fn probe(&self, fit: &Fit<'_, '_>) -> Option<Probe> {
        let Look { argv, expect } = self.probe.as_ref()?;
        let mut words = argv.iter().map(|word| fit.fill(word)).collect::<Option<Vec<String>>>()?;
        // What chose the namespace or the node for the command chooses it for the look.
        words.extend(fit.options.iter().filter(|seen| seen.spec.shared).filter_map(|seen| Some(format!("{}={}", seen.spec.name(), seen.value?))));
        let pattern = Pattern::try_from(fit.fill(expect)?).ok()?;
        Some(Probe { argv: Argv::try_from(words).ok()?, expect: Expect { stdout_matches: vec![pattern], ..Expect::default() } })
    }
}

impl<'a> Fit<'_, 'a> {
    /// Returns the options that it has, by all their names, with their values.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&[String], Option<&'a str>)> {
        self.options.iter().map(|seen| (seen.spec.names.as_slice(), seen.value))
    }

    /// Puts what the command has into `{1}` and `{--name}`.
    fn fill(&self, text: &str) -> Option<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let place = after.split_once('}').filter(|(name, _)| name.starts_with("--") || name.parse::<usize>().is_ok());
            let Some((name, after)) = place else {
                // A brace of the probe's own, as in `jsonpath={.status}`.
                filled.push_str(before);
                filled.push('{');
                rest = after;
                continue;
            };
            let value = match name.parse::<usize>() {
                Ok(at) => self.words.get(at.checked_sub(1)?).copied(),
                Err(_) => self.options.iter().find(|seen| seen.spec.is(name)).and_then(|seen| seen.value),
            };
            let plain = |value: &&str| !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/'));
            filled.push_str(before);
            filled.push_str(value.filter(plain)?);
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }
}
