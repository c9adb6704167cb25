//! One row of a grammar: a form of a program, what it could do, and whether a command is of it.

use super::kind::Kind;
use super::option::{Joined, Seen, Spec, take};
use crate::place::{fold, like};
use studio_core::gate::{Class, Effect};

/// A form of a program.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its place among the rows of the same path, from 1.
    pub number: usize,
    /// The words that make it this form; an empty path: the program has no verb.
    pub paths: Vec<Vec<String>>,
    /// How much it could do.
    pub class: Class,
    /// Why, for a human.
    pub why: Option<String>,
    /// What would be better.
    pub better: Option<String>,
    /// What a second run would mean.
    pub effect: Effect,
    /// How to look whether it happened.
    pub probe: Option<Look>,
    /// How it is written, for whoever wrote another form.
    pub usage: String,
    pub(super) options: Vec<Spec>,
    pub(super) words: Vec<Token>,
    pub(super) hides: Vec<String>,
    pub(super) many: Option<Class>,
    pub(super) yes: Vec<String>,
    pub(super) no: Vec<String>,
    pub(super) raises: Vec<(String, Class)>,
}

/// A read that shows whether a command happened; `{1}` is its first word, `{--name}` the value of an option.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Look {
    /// The command.
    pub argv: Vec<String>,
    /// A pattern of its output.
    pub expect: String,
}

/// A word of a form, and how often it may stand.
#[derive(Debug)]
pub(super) struct Token {
    name: String,
    kind: Kind,
    least: usize,
    most: usize,
}

/// What a command of a row has.
#[derive(Debug)]
pub(crate) struct Fit<'g, 'a> {
    /// How much it could do.
    pub class: Class,
    /// What made it more than its row says.
    pub raised: Option<String>,
    pub(super) options: Vec<Seen<'g, 'a>>,
    pub(super) words: Vec<&'a str>,
}

impl Token {
    /// Reads `KIND`, `KIND?`, `KIND*` or `KIND+`.
    pub(super) fn parse(text: &str, kind: impl Fn(&str) -> Result<Kind, String>) -> Result<Token, String> {
        let (name, least, most) = match (text.strip_suffix('?'), text.strip_suffix('*'), text.strip_suffix('+')) {
            (Some(name), _, _) => (name, 0, 1),
            (_, Some(name), _) => (name, 0, usize::MAX),
            (_, _, Some(name)) => (name, 1, usize::MAX),
            (None, None, None) => (text, 1, 1),
        };
        Ok(Token { name: name.into(), kind: kind(name)?, least, most })
    }

    /// Says whether it is data: whatever stands there is only looked for or printed.
    #[cfg(test)]
    pub(super) fn is_data(&self) -> bool {
        ["TEXT", "PLAIN", "SPOT", "SAID", "FILTER", "EXPRESSION"].iter().any(|data| self.name.contains(data))
    }

    /// Says whether it names `word` itself.
    #[cfg(test)]
    pub(super) fn names(&self, word: &str) -> bool {
        self.kind.names(word)
    }
}

impl Row {
    /// Returns how many words of `args` are its verb, if they are; the longest of its paths counts.
    pub(super) fn verb(&self, args: &[&str]) -> Option<usize> {
        let starts = |path: &&Vec<String>| args.len() >= path.len() && path.iter().zip(args).all(|(own, word)| own == word);
        self.paths.iter().filter(starts).map(Vec::len).max()
    }

    /// Reads the words after the verb, with the options before it in `seen`; says why they are not of this form.
    pub(super) fn fit<'g, 'a>(&'g self, joined: Joined, seen: &[Seen<'g, 'a>], args: &[&'a str]) -> Result<Fit<'g, 'a>, String> {
        let (mut rest, mut options, mut words) = (args, seen.to_vec(), Vec::new());
        while let Some(word) = rest.first() {
            if *word == "--" && self.options.iter().any(|spec| spec.is("--")) {
                words.extend(rest.iter().skip(1).copied());
                break;
            }
            let used = if word.starts_with('-') {
                take(&self.options, joined, rest, &mut options)?
            } else {
                words.push(*word);
                1
            };
            rest = rest.get(used..).unwrap_or_default();
        }
        // A flag that is needed may stand before the verb too, where it is another one of the same name.
        let has = |spec: &Spec| {
            options.iter().any(|seen| std::ptr::eq(seen.spec, spec) || (spec.is_flag() && seen.spec.is_flag() && seen.spec.is(spec.name())))
        };
        if let Some(missing) = self.options.iter().find(|spec| spec.needed && !has(spec)) {
            return Err(format!("{} is missing", missing.name()));
        }
        let last = self.lay(&words)?;
        let raise = options.iter().filter_map(|seen| seen.spec.raise.as_ref()).max_by_key(|(class, _)| *class);
        let many = self.many.filter(|_| last > 1 || self.many_in(&options, &words)).map(|class| (class, "it names more than one thing".to_string()));
        let (class, raised) = match raise.cloned().into_iter().chain(many).max_by_key(|(class, _)| *class) {
            Some((class, why)) if class > self.class => (class, Some(why)),
            Some(_) | None => (self.class, None),
        };
        Ok(Fit { class, raised, options, words })
    }

    /// Returns a word that would show secrets.
    pub(super) fn hidden<'a>(&self, args: &[&'a str]) -> Option<&'a str> {
        let hides = |word: &str| fold(word).split([',', '/', '.', '=', ':']).any(|part| self.hides.iter().any(|hidden| like(hidden, part)));
        if self.hides.is_empty() { None } else { args.iter().copied().find(|word| hides(word)) }
    }

    /// Lays `found` over the words of the form; returns how many the last one took that may stand often.
    fn lay(&self, found: &[&str]) -> Result<usize, String> {
        let (mut left, mut last) = (found, 0);
        for (at, token) in self.words.iter().enumerate() {
            let later: usize = self.words.iter().skip(at + 1).map(|token| token.least).sum();
            let most = token.most.min(left.len().saturating_sub(later));
            let taken = left.iter().take(most).take_while(|word| token.kind.fits(word)).count();
            if taken < token.least {
                let name = &token.name;
                return Err(left.get(taken).map_or_else(|| format!("{name} is missing"), |word| format!("{word:?} is no {name} that is listed")));
            }
            if token.most > 1 {
                last = taken;
            }
            left = left.get(taken..).unwrap_or_default();
        }
        left.first().map_or(Ok(last), |word| Err(format!("{word:?} is one word too many, or of another kind")))
    }

    fn many_in(&self, options: &[Seen<'_, '_>], words: &[&str]) -> bool {
        words.iter().any(|word| word.contains(',')) || options.iter().any(|seen| seen.spec.selects)
    }
}
