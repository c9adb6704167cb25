//! Judging commands: the order in which the rules are asked, strictest first where they could disagree.

use crate::danger;
use crate::grammar::{self, Fit, Grammar, Reading, Row};
use crate::place::secret;
use crate::{binding, script};
use studio_core::gate::{Case, Class, Effect, Verdict};
use studio_core::name::Target;
use studio_core::step::{Argv, Probe};

/// What the rules found, before it is bound to a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What may happen to the step.
    pub verdict: Verdict,
    /// How much it could do.
    pub class: Class,
    /// What a second run would mean.
    pub effect: Effect,
    /// Which rule decided.
    pub rule: String,
    /// Why, for a human.
    pub why: String,
    /// What would be better, for whoever proposed it.
    pub better: Option<String>,
    /// How to look whether it happened.
    pub probe: Option<Probe>,
}

const IN_A_SCRIPT: &str = "put it into a script below infrastructure/ and run it with: bash --noprofile --norc PATH";
const IN_A_DANGEROUS_SCRIPT: &str = "put it into a script whose name says so (danger, wipe, reset, destroy, format or purge), below infrastructure/, \
    and run it with: bash --noprofile --norc PATH";
const NO_SECRETS: &str = "leave it out; a step gets the credentials it needs by itself";

impl Finding {
    /// A verdict on something that nobody may run twice unseen.
    pub(crate) fn once(verdict: Verdict, class: Class, rule: &str, why: String, better: Option<&str>) -> Finding {
        Finding { verdict, class, effect: Effect::OneShot, rule: rule.into(), why, better: better.map(Into::into), probe: None }
    }

    /// Refuses, for `why`; `better` is what may be done instead.
    pub(crate) fn refused(class: Class, rule: &str, why: String, better: &str) -> Finding {
        Finding::once(Verdict::Refuse, class, rule, why, Some(better))
    }
}

/// Judges a step.
pub(crate) fn judge(case: &Case<'_>) -> Finding {
    let argv = &case.step.argv;
    if let Some(path) = argv.script() {
        return script::judge(case, &path);
    }
    linked(case).unwrap_or_else(|| of_argv(argv, Some(&case.step.target)))
}

/// Judges the words of a command, on `target` or, without one, on whatever it names itself.
pub(crate) fn of_words(words: &[&str], target: Option<&Target>) -> Finding {
    match Argv::try_from(words.iter().map(ToString::to_string).collect::<Vec<_>>()) {
        Ok(argv) => of_argv(&argv, target),
        Err(error) => Finding::refused(Class::Opaque, "words", error.to_string(), "write a shorter, plainer command"),
    }
}

fn of_argv(argv: &Argv, target: Option<&Target>) -> Finding {
    let (program, words) = (argv.program(), argv.words().collect::<Vec<&str>>());
    if program.contains('/') {
        let why = format!("{program} names a file; programs are looked up by name in fixed folders");
        return Finding::refused(Class::Forbidden, "program-path", why, "name the program alone, without its folder");
    }
    match grammar::find(program) {
        Some(Ok(grammar)) => weigh(grammar, &words, target),
        Some(Err(error)) => {
            let better = "mend the grammar; until then, nothing of this program runs";
            Finding::refused(Class::Opaque, "broken-grammar", error.to_string(), better)
        }
        None => unknown(program, &words),
    }
}

/// Judges the words of a command by its program's grammar; without a target, any will do.
pub(crate) fn weigh(grammar: &Grammar, words: &[&str], target: Option<&Target>) -> Finding {
    let program = words.first().copied().unwrap_or_default();
    let reading = grammar.read(words);
    if let (Some(whole), false) = (&grammar.whole, matches!(reading, Reading::Listed(..))) {
        return Finding::refused(whole.class, &format!("{}.toml", grammar.file), format!("{program}: {}", whole.why), &whole.better);
    }
    let near = |what: &str| format!("{}.toml, {what}", grammar.file);
    let fit = if let Reading::Listed(_, fit) = &reading { Some(fit) } else { None };
    if let Some(stray) = target.and_then(|target| binding::judge(&grammar.target, words, fit, target)) {
        return stray;
    }
    match reading {
        Reading::Listed(row, fit) => listed(grammar, row, &fit, words),
        Reading::Hidden(row, word) => {
            let why = format!("{word:?} would show secrets");
            Finding::refused(Class::Forbidden, &rule(grammar, program, row), why, row.better.as_deref().unwrap_or(NO_SECRETS))
        }
        Reading::Unlisted(row, why) => {
            let (name, usage) =
                (row.name(program), row.better.clone().unwrap_or_else(|| format!("a listed form: {} {}", row.name(program), row.usage)));
            opaque(words, &near(&format!("not listed: {name}")), format!("{name} in a form that is not listed: {why}"), &usage)
        }
        Reading::Unknown(verb) => {
            let why = format!("no rule knows {program} with {verb:?} as its verb");
            if let Some(plugins) = &grammar.plugins {
                let better = format!("use one of: {}", grammar.verbs());
                return Finding::refused(Class::Opaque, &near("unknown verb"), format!("{why}; {plugins}"), &better);
            }
            opaque(words, &near("unknown verb"), why, &format!("use one of: {}", grammar.verbs()))
        }
        Reading::Before(why) => {
            let better = format!("write the verb right after {program}, and its options behind it");
            opaque(words, &near("option before the verb"), format!("before the verb of {program}: {why}"), &better)
        }
    }
}

/// Returns the name of a row's rule: its file, its form, and which of the form's rows it is.
pub(crate) fn rule(grammar: &Grammar, program: &str, row: &Row) -> String {
    let number = if row.number > 1 { format!(" #{}", row.number) } else { String::new() };
    format!("{}.toml: {}{number}", grammar.file, row.name(program))
}

/// Judges a command in a form that is listed. What is no read may still show a secret place or destruction.
fn listed(grammar: &Grammar, row: &Row, fit: &Fit<'_, '_>, words: &[&str]) -> Finding {
    let program = words.first().copied().unwrap_or_default();
    let (name, rule) = (row.name(program), rule(grammar, program, row));
    if fit.class != Class::Observe
        && let Some(stricter) = secret_place(words).or_else(|| destroys(words).filter(|found| found.class > fit.class))
    {
        return stricter;
    }
    let says = |default: &str| fit.raised.as_ref().or(row.why.as_ref()).map_or_else(|| format!("{name} {default}"), |why| format!("{name}: {why}"));
    let better = |default: &'static str| Some(row.better.clone().unwrap_or_else(|| default.into()));
    let (verdict, why, better) = match fit.class {
        Class::Observe => (Verdict::Auto, says("only reads, and this form of it is listed"), None),
        Class::LocalWrite => (Verdict::Ask, says("writes files here, so a human decides"), row.better.clone()),
        Class::Mutate => (Verdict::Ask, says("may change things, so a human decides"), row.better.clone()),
        Class::Destroy => (Verdict::ScriptOnly, says("destroys"), better(IN_A_DANGEROUS_SCRIPT)),
        Class::Opaque => (Verdict::ScriptOnly, says("hands the rest to something that no rule sees"), better(IN_A_SCRIPT)),
        Class::Forbidden => (Verdict::Refuse, says("is what only a human does"), better(NO_SECRETS)),
    };
    let plain = fit.class == row.class;
    let effect = if plain { row.effect } else { Effect::OneShot };
    let probe = if effect == Effect::Probed { row.probe(fit) } else { None };
    let effect = if effect == Effect::Probed && probe.is_none() { Effect::OneShot } else { effect };
    Finding { verdict, class: fit.class, effect, rule, why, better, probe }
}

/// Judges a command of a known program in a form that nobody listed: only a script may hold it.
fn opaque(words: &[&str], rule: &str, why: String, better: &str) -> Finding {
    let finding = || Finding::once(Verdict::ScriptOnly, Class::Opaque, rule, why, Some(better));
    secret_place(words).or_else(|| destroys(words)).unwrap_or_else(finding)
}

/// Refuses a program that no grammar knows; one whose name shows that it destroys belongs into a script.
fn unknown(program: &str, words: &[&str]) -> Finding {
    let better = "use a program the rules know, change files with edits, or put it into a script below infrastructure/";
    let refused = || Finding::refused(Class::Opaque, "unknown-program", format!("no rule knows {program}"), better);
    secret_place(words).or_else(|| destroys(words).filter(|_| danger::word(program))).unwrap_or_else(refused)
}

/// Refuses a command that names a secret place.
fn secret_place(words: &[&str]) -> Option<Finding> {
    let word = words.iter().skip(1).find(|word| word.split(['=', ':', '@', ',']).any(secret))?;
    Some(Finding::refused(Class::Forbidden, "secret-place", format!("{word} names a place that holds secrets"), NO_SECRETS))
}

/// Refuses a command that names a link to a secret place.
fn linked(case: &Case<'_>) -> Option<Finding> {
    let (word, end) = case.closure.links.iter().find(|(_, end)| secret(end.as_str()))?;
    Some(Finding::refused(Class::Forbidden, "secret-place", format!("{word} is a link to {end}, a place that holds secrets"), NO_SECRETS))
}

/// Sends a command that destroys into a script.
fn destroys(words: &[&str]) -> Option<Finding> {
    let why = format!("{} shows that it destroys", danger::shown(words)?);
    Some(Finding::once(Verdict::ScriptOnly, Class::Destroy, "danger-word", why, Some(IN_A_DANGEROUS_SCRIPT)))
}

#[cfg(test)]
pub(crate) mod tests;
