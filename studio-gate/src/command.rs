//! Judging commands: the order in which the rules are asked, strictest first where they could disagree.

mod tables;

use crate::danger;
use crate::place::{listed, secret};
use crate::reader::{self, Reader, Reading};
use crate::{binding, script};
use serde::Serialize;
use studio_core::gate::{Case, Class, Verdict};
use tables::{CHANGERS, Changer, IN_A_DANGEROUS_SCRIPT, IN_A_SCRIPT, OPAQUE, REFUSED};

/// What the rules found, before it is bound to a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What may happen to the step.
    pub verdict: Verdict,
    /// How much it could do.
    pub class: Class,
    /// Which rule decided.
    pub rule: String,
    /// Why, for a human.
    pub why: String,
    /// What would be better, for whoever proposed it.
    pub better: Option<String>,
}

/// Returns the tables, for the digest of the rules.
pub(crate) fn tables() -> impl Serialize {
    (REFUSED, OPAQUE, CHANGERS)
}

impl Finding {
    /// Refuses, for `why`; `better` is what may be done instead.
    pub(crate) fn refused(class: Class, rule: &str, why: String, better: &str) -> Finding {
        Finding { verdict: Verdict::Refuse, class, rule: rule.into(), why, better: Some(better.into()) }
    }
}

/// Judges a step.
pub(crate) fn judge(case: &Case<'_>) -> Finding {
    let argv = &case.step.argv;
    if let Some(path) = argv.script() {
        return script::judge(case, &path);
    }
    let (program, words) = (argv.program(), argv.words().collect::<Vec<&str>>());
    if let Some(finding) = refused(program).or_else(|| linked(case)).or_else(|| binding::judge(&words, &case.step.target)) {
        return finding;
    }
    let near = match reader::read(&words) {
        Reading::Listed(row) => {
            let why = format!("{} only reads, and this form of it is listed", row.name());
            return Finding { verdict: Verdict::Auto, class: Class::Observe, rule: format!("reader {}", row.name()), why, better: None };
        }
        Reading::Near(row, why) => Some((row, why)),
        Reading::Other => None,
    };
    let Some((_, args)) = reader::at_verb(&words) else {
        let better = format!("write the verb right after {program}, and its options behind it");
        return Finding::refused(
            Class::Opaque,
            "option-before-verb",
            format!("no rule knows an option that stands before the verb of {program}"),
            &better,
        );
    };
    let verb = args.first().copied().unwrap_or_default();
    let changer = CHANGERS.iter().find(|row| row.program == program);
    let known = changer.is_some() || near.is_some() || danger::word(program);
    let strict = secret_place(&words).or_else(|| opaque(program, verb, &words)).or_else(|| destroys(&words).filter(|_| known));
    strict.unwrap_or_else(|| match near {
        Some((row, why)) => not_listed(row, &why),
        None => changes(program, verb, changer),
    })
}

/// Refuses programs that are never started by name.
fn refused(program: &str) -> Option<Finding> {
    if program.contains('/') {
        let why = format!("{program} names a file; programs are looked up by name in fixed folders");
        return Some(Finding::refused(Class::Forbidden, "program-path", why, "name the program alone, without its folder"));
    }
    let row = REFUSED.iter().find(|row| listed(row.programs, program))?;
    let class = if row.rule == "secrets" { Class::Forbidden } else { Class::Opaque };
    Some(Finding::refused(class, row.rule, format!("{program}: {}", row.why), row.better))
}

/// Refuses a command that names a secret place.
fn secret_place(words: &[&str]) -> Option<Finding> {
    let word = words.iter().skip(1).find(|word| word.split(['=', ':', '@', ',']).any(secret))?;
    let why = format!("{word} names a place that holds secrets");
    Some(Finding::refused(Class::Forbidden, "secret-place", why, "leave it out; a step gets the credentials it needs by itself"))
}

/// Refuses a command that names a link to a secret place.
fn linked(case: &Case<'_>) -> Option<Finding> {
    let (word, end) = case.closure.links.iter().find(|(_, end)| secret(end.as_str()))?;
    let why = format!("{word} is a link to {end}, a place that holds secrets");
    Some(Finding::refused(Class::Forbidden, "secret-place", why, "leave it out; a step gets the credentials it needs by itself"))
}

/// Refuses a command that hands its words on to another program or another parser.
fn opaque(program: &str, verb: &str, words: &[&str]) -> Option<Finding> {
    let row = OPAQUE.iter().find(|row| row.program == program)?;
    let word = Some(&verb).filter(|verb| listed(row.verbs, verb)).or_else(|| words.iter().skip(1).find(|word| listed(row.words, word)))?;
    Some(Finding::refused(Class::Opaque, "opaque", format!("{program} {word} hands the rest to something that no rule sees"), IN_A_SCRIPT))
}

/// Sends a command that destroys into a script.
fn destroys(words: &[&str]) -> Option<Finding> {
    let why = format!("{} shows that it destroys", danger::shown(words)?);
    Some(Finding { verdict: Verdict::ScriptOnly, class: Class::Destroy, rule: "danger-word".into(), why, better: Some(IN_A_DANGEROUS_SCRIPT.into()) })
}

/// Asks about a read in a form that its row does not list.
fn not_listed(row: &Reader, why: &str) -> Finding {
    let (name, better) = (row.name(), Some(row.usage()));
    let why = format!("{name} in a form that is not listed: {why}");
    Finding { verdict: Verdict::Ask, class: Class::Mutate, rule: format!("not-listed {name}"), why, better }
}

/// Asks about a verb that changes things; refuses what no rule knows.
fn changes(program: &str, verb: &str, changer: Option<&Changer>) -> Finding {
    let Some(row) = changer else {
        let better = "use a program the rules know, change files with edits, or put it into a script below infrastructure/";
        return Finding::refused(Class::Opaque, "unknown-program", format!("no rule knows {program}"), better);
    };
    if row.verbs.is_empty() || listed(row.verbs, verb) {
        let why = format!("{program} {} may change things, so a human decides", if row.verbs.is_empty() { "" } else { verb }).replace("  ", " ");
        return Finding { verdict: Verdict::Ask, class: Class::Mutate, rule: format!("changer {program}"), why, better: None };
    }
    let better = format!("use one of: {}", row.verbs);
    Finding::refused(Class::Opaque, "unknown-verb", format!("no rule knows {program} with {verb:?} as its verb"), &better)
}

#[cfg(test)]
pub(crate) mod tests;
