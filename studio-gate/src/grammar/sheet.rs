//! A grammar as its file writes it, and how it becomes one.

use super::kind::Kind;
use super::option::{Joined, Spec, raised};
use super::row::{Look, Row, Token};
use super::{Grammar, Target, Whole};
use serde::Deserialize;
use std::collections::BTreeMap;
use studio_core::gate::{Class, Effect};

/// The file of one program. README.md in `grammars/` says what each field means.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    program: Vec<String>,
    class: Option<Class>,
    why: Option<String>,
    better: Option<String>,
    #[serde(default)]
    target: Target,
    #[serde(default)]
    anywhere: Vec<String>,
    #[serde(default)]
    before: Vec<String>,
    #[serde(default)]
    joined: Joined,
    plugins: Option<String>,
    #[serde(default)]
    kinds: BTreeMap<String, String>,
    #[serde(default)]
    sets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    verb: Vec<Form>,
}

/// One `[[verb]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    path: Vec<String>,
    class: Class,
    why: Option<String>,
    better: Option<String>,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    words: String,
    #[serde(default)]
    needs: Vec<String>,
    many: Option<Class>,
    #[serde(default)]
    hides: Vec<String>,
    effect: Option<Effect>,
    probe: Option<Look>,
    #[serde(default)]
    yes: Vec<String>,
    #[serde(default)]
    no: Vec<String>,
    #[serde(default)]
    raises: Vec<(String, String)>,
}

/// Reads the text of a grammar's file.
pub(super) fn parse(file: &'static str, text: &str) -> Result<Grammar, SheetError> {
    let sheet: Sheet = toml_edit::de::from_str(text).map_err(|error| SheetError::Toml(file.into(), error.to_string()))?;
    let bad = |why: String| SheetError::Form(file.into(), why);
    let whole = sheet.whole().map_err(bad)?;
    if sheet.program.is_empty() || (whole.is_none() && sheet.verb.is_empty()) {
        return Err(bad("name a program, and verbs or a class of the whole program".into()));
    }
    let specs = |texts: &[String]| texts.iter().map(|text| Spec::parse(text, &sheet.kinds)).collect::<Result<Vec<Spec>, String>>();
    let shared = |texts: &[String]| specs(texts).map(|specs| specs.into_iter().map(|spec| Spec { shared: true, ..spec }).collect::<Vec<Spec>>());
    let anywhere = shared(&sheet.anywhere).map_err(bad)?;
    let before: Vec<Spec> = anywhere.iter().cloned().chain(specs(&sheet.before).map_err(bad)?).collect();
    let mut rows: Vec<Row> = Vec::new();
    for form in &sheet.verb {
        let name = form.path.first().map_or("", String::as_str);
        let number = 1 + rows.iter().filter(|row| row.paths.first().map(|path| path.join(" ")).as_deref() == Some(name)).count();
        let inherited = if form.path.iter().all(String::is_empty) { &before } else { &anywhere };
        rows.push(sheet.row(form, number, inherited).map_err(|why| bad(format!("verb {name:?}: {why}")))?);
    }
    Ok(Grammar { file, programs: sheet.program, whole, target: sheet.target, before, joined: sheet.joined, plugins: sheet.plugins, rows })
}

impl Sheet {
    fn whole(&self) -> Result<Option<Whole>, String> {
        match (self.class, &self.why, &self.better) {
            (None, None, None) => Ok(None),
            (Some(class @ (Class::Opaque | Class::Forbidden)), Some(why), Some(better)) => {
                Ok(Some(Whole { class, why: why.clone(), better: better.clone() }))
            }
            (Some(Class::Observe | Class::LocalWrite | Class::Mutate | Class::Destroy), ..)
            | (Some(_), None, _)
            | (Some(_), _, None)
            | (None, ..) => Err("a whole program is opaque or forbidden, and says why and what is better".into()),
        }
    }

    fn row(&self, form: &Form, number: usize, inherited: &[Spec]) -> Result<Row, String> {
        let texts = self.texts(&form.options)?;
        let needed = form.needs.iter().map(|text| Ok(Spec { needed: true, ..Spec::parse(text, &self.kinds)? }));
        let own = texts.iter().map(|text| Spec::parse(text, &self.kinds));
        let options = needed.chain(own).chain(inherited.iter().cloned().map(Ok)).collect::<Result<Vec<Spec>, String>>()?;
        shared_letter(&options).map_or(Ok(()), Err)?;
        let words =
            form.words.split_whitespace().map(|token| Token::parse(token, |kind| Kind::parse(kind, &self.kinds))).collect::<Result<_, _>>()?;
        let paths: Vec<Vec<String>> = form.path.iter().map(|path| path.split_whitespace().map(Into::into).collect()).collect();
        let usage = form
            .needs
            .iter()
            .map(String::as_str)
            .chain(texts.iter().copied())
            .map(|text| format!("[{}]", Spec::usage(text)))
            .collect::<Vec<_>>()
            .join(" ");
        let effect = match (form.class, form.effect, &form.probe) {
            (Class::Observe, None, None) => Effect::Read,
            (Class::Observe, _, _) | (_, Some(Effect::Read), _) => return Err("a read has no other effect, and nothing else is a read".into()),
            (_, None, None) => Effect::OneShot,
            (_, None | Some(Effect::Probed), Some(_)) => Effect::Probed,
            (_, Some(effect @ (Effect::Idempotent | Effect::OneShot)), _) => effect,
            (_, Some(Effect::Probed), None) => return Err("what is probed names its probe".into()),
        };
        let raises = form.raises.iter().map(|(line, class)| Ok((line.clone(), raised(&format!("{class}: -"))?.0))).collect::<Result<_, String>>()?;
        Ok(Row {
            number,
            paths: if paths.is_empty() { vec![Vec::new()] } else { paths },
            class: form.class,
            why: form.why.clone(),
            better: form.better.clone(),
            effect,
            probe: form.probe.clone(),
            usage: format!("{} {usage}", form.words).trim().to_string(),
            options,
            words,
            hides: form.hides.clone(),
            many: form.many,
            yes: form.yes.clone(),
            no: form.no.clone(),
            raises,
        })
    }

    /// Returns the options with what the sets hold instead of their `@name`.
    fn texts<'s>(&'s self, options: &'s [String]) -> Result<Vec<&'s str>, String> {
        let mut texts = Vec::new();
        for option in options {
            match option.strip_prefix('@') {
                None => texts.push(option.as_str()),
                Some(set) => {
                    let set = self.sets.get(set).ok_or_else(|| format!("there is no set {set}"))?;
                    texts.extend(set.iter().map(String::as_str));
                }
            }
        }
        Ok(texts)
    }
}

/// Says which letter is short for two options: a program takes one of them, and nobody sees which.
fn shared_letter(options: &[Spec]) -> Option<String> {
    let long = |spec: &&Spec| spec.name().starts_with("--") && spec.name() != "--";
    let short = |spec: &Spec, other: &Spec| spec.names.iter().find(|name| name.len() == 2 && other.is(name)).cloned();
    let mut pairs = options.iter().enumerate().flat_map(|(at, one)| options.iter().skip(at + 1).map(move |other| (one, other)));
    pairs.find_map(|(one, other)| {
        let letter = short(one, other).filter(|_| long(&one) && long(&other) && one.name() != other.name())?;
        Some(format!("{letter} is short for {} and for {}; list the letter apart, with what it means here", one.name(), other.name()))
    })
}

/// Why a grammar's file is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SheetError {
    /// It is not TOML of this shape.
    #[error("grammars/{0}.toml is no grammar: {1}; see grammars/README.md")]
    Toml(String, String),
    /// A part of it means nothing.
    #[error("grammars/{0}.toml: {1}; see grammars/README.md")]
    Form(String, String),
    /// An example does not hold.
    #[error("grammars/{0}.toml: {1}")]
    Example(String, String),
}
