//! Options: how a grammar writes one, and how the words of a command are read as options.

use super::kind::Kind;
use std::collections::BTreeMap;
use studio_core::gate::Class;

/// One option, under all its names.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// Its names, the main one last.
    pub names: Vec<String>,
    pub value: Value,
    /// It may stand more than once.
    pub repeats: bool,
    /// What the command becomes by it, and why.
    pub raise: Option<(Class, String)>,
    /// It selects objects, so nobody knows how many there are.
    pub selects: bool,
    /// The form is only this one if the option stands there.
    pub needed: bool,
    /// It stands with any verb: it chooses where the command works, not what it does.
    pub shared: bool,
}

/// How a program reads short options that stand in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Joined {
    /// Nobody looked: each stands alone.
    #[default]
    Never,
    /// `-abc` and `-n5`, as getopt does.
    Getopt,
    /// `-abc`, `-n5` and `-n=5`, as the programs of Kubernetes do.
    Pflag,
}

/// Whether an option takes a value, and how.
#[derive(Clone, Debug)]
pub(super) enum Value {
    None,
    /// `--name value` or `--name=value`.
    Follows(Kind),
    /// `--name value value`.
    Two(Kind, Kind),
    /// `--name=value` only.
    Joined(Kind),
    /// `--name` or `--name=value`.
    Maybe(Kind),
    /// The option is a number, as in `-20`.
    Digits,
}

/// An option that a command has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'g, 'a> {
    /// What the grammar says about it.
    pub spec: &'g Spec,
    /// Its value.
    pub value: Option<&'a str>,
}

impl Spec {
    /// Reads an option: `-n|--name KIND`, `--name=KIND`, `--name[=KIND]` or `--flag`, then `...` if it
    /// may be repeated, then ` => class: why` if it raises.
    pub(super) fn parse(text: &str, own: &BTreeMap<String, String>) -> Result<Spec, String> {
        let (form, raise) = match text.split_once(" => ") {
            Some((form, raise)) => (form.trim_end(), Some(raised(raise)?)),
            None => (text, None),
        };
        let (form, repeats) = form.strip_suffix("...").map_or((form, false), |form| (form, true));
        let end = form.find([' ', '=', '[']).unwrap_or(form.len());
        let (names, rest) = form.split_at(end);
        let kind = |kind: &str| Kind::parse(kind, own).map_err(|why| format!("{text}: {why}"));
        let value = match rest.strip_prefix("[=").map(|kind| kind.strip_suffix(']')) {
            Some(Some(optional)) => Value::Maybe(kind(optional)?),
            Some(None) => return Err(format!("{text}: close the bracket of its value")),
            None if names == "-NUMBER" => Value::Digits,
            None => match (rest.strip_prefix(' '), rest.strip_prefix('=')) {
                (Some(follows), _) => match follows.split_once(' ') {
                    Some((first, second)) => Value::Two(kind(first)?, kind(second)?),
                    None => Value::Follows(kind(follows)?),
                },
                (None, Some(joined)) => Value::Joined(kind(joined)?),
                (None, None) => Value::None,
            },
        };
        let names: Vec<String> = names.split('|').map(Into::into).collect();
        if names.iter().any(|name| !name.starts_with(['-', '+']) || name.len() < 2) {
            return Err(format!("{text}: an option starts with a dash"));
        }
        Ok(Spec { names, value, repeats, raise, selects: rest.contains("SELECTOR"), needed: false, shared: false })
    }

    /// Returns its main name.
    pub(super) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// Says whether `name` is one of its names.
    pub(super) fn is(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }

    /// Says whether it is a flag: it has no value.
    pub(super) fn is_flag(&self) -> bool {
        matches!(self.value, Value::None)
    }

    /// Says whether it may stand where `seen` already stand.
    pub(super) fn again(&self, seen: &[Seen<'_, '_>]) -> bool {
        self.repeats || !seen.iter().any(|seen| seen.spec.name() == self.name())
    }

    /// Writes it as in a grammar, without its reason.
    pub(super) fn usage(text: &str) -> &str {
        text.split(" => ").next().unwrap_or(text)
    }
}

/// Reads the option at the start of `args` into `seen`; returns how many words it takes.
pub(super) fn take<'g, 'a>(specs: &'g [Spec], joined: Joined, args: &[&'a str], seen: &mut Vec<Seen<'g, 'a>>) -> Result<usize, String> {
    let Some((word, rest)) = args.split_first() else { return Err("there is no option".into()) };
    let start = seen.len();
    let (used, found) = match alone(specs, joined, word, rest) {
        Ok(found) => found,
        Err(None) if joined != Joined::Never => (letters(specs, joined, word, rest.first().copied(), seen)?, None),
        Err(why) => return Err(why.unwrap_or_else(|| format!("the option {word} is not listed"))),
    };
    seen.extend(found);
    let twice = (start..seen.len()).find_map(|at| {
        let one = seen.get(at)?;
        (!one.spec.again(seen.get(..at)?)).then(|| one.spec.name())
    });
    twice.map_or(Ok(used), |name| Err(format!("the option {name} stands twice")))
}

/// A reading of one word as one option: how many words it takes and what it is.
type One<'g, 'a> = (usize, Option<Seen<'g, 'a>>);

/// Reads a word that is one option; `Err(None)` if no option has its name.
fn alone<'g, 'a>(specs: &'g [Spec], joined: Joined, word: &'a str, rest: &[&'a str]) -> Result<One<'g, 'a>, Option<String>> {
    let (mut why, next) = (None, rest.first().copied());
    let (name, value) = match word.split_once('=') {
        // getopt takes all behind a letter for its value, the sign too.
        Some((name, value)) if name.len() > 1 && (joined != Joined::Getopt || word.starts_with("--")) => (name, Some(value)),
        Some(_) | None => (word, None),
    };
    for spec in specs {
        if let Value::Digits = spec.value {
            if word.strip_prefix('-').is_some_and(|digits| !digits.is_empty() && digits.len() <= 9 && digits.chars().all(|c| c.is_ascii_digit())) {
                return Ok((1, Some(Seen { spec, value: None })));
            }
            continue;
        }
        if !spec.is(name) {
            continue;
        }
        let wrong = |kind: &str| Some(format!("{kind} is no value for {name} that is listed"));
        match (&spec.value, value) {
            (Value::None | Value::Maybe(_), None) => return Ok((1, Some(Seen { spec, value: None }))),
            // `-n=x` is read one way by one program and another way by the next.
            (Value::Follows(_), Some(_)) if name.len() == 2 && joined != Joined::Pflag => {
                why = Some(format!("write the value of {name} as a word of its own"))
            }
            (Value::Follows(kind) | Value::Joined(kind) | Value::Maybe(kind), Some(value)) if kind.fits(value) => {
                return Ok((1, Some(Seen { spec, value: Some(value) })));
            }
            (Value::Follows(kind), None) => match next {
                Some(next) if kind.fits(next) => return Ok((2, Some(Seen { spec, value: Some(next) }))),
                Some(next) => why = wrong(&format!("{next:?}")),
                None => why = Some(format!("{name} has no value")),
            },
            (Value::Two(first, second), None) => match rest {
                [one, two, ..] if first.fits(one) && second.fits(two) => return Ok((3, Some(Seen { spec, value: Some(two) }))),
                _ => why = Some(format!("{name} needs two values that are listed")),
            },
            (Value::Joined(_), None) => why = Some(format!("write the value of {name} as {name}=VALUE")),
            (_, Some(value)) => why = wrong(&format!("{value:?}")),
            (Value::Digits, None) => {}
        }
    }
    Err(why)
}

/// Reads `-abc`: letters without a value, and a last one that may have one. Returns the words taken.
fn letters<'g, 'a>(specs: &'g [Spec], joined: Joined, word: &'a str, next: Option<&'a str>, seen: &mut Vec<Seen<'g, 'a>>) -> Result<usize, String> {
    let unlisted = |what: &str| format!("the option {what} is not listed");
    let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty() && !letters.starts_with('-') && letters.is_ascii());
    let Some(letters) = letters else { return Err(unlisted(word)) };
    for (at, letter) in letters.char_indices() {
        let name = format!("-{letter}");
        let after = letters.get(at + 1..).unwrap_or_default();
        // Where nothing behind it is its value, the same letter may be a flag.
        let valued = |spec: &Spec| matches!(&spec.value, Value::Follows(kind) if after.is_empty() && !next.is_some_and(|next| kind.fits(next)));
        let mut own = specs.iter().filter(|spec| spec.is(&name));
        let Some(first) = own.next() else { return Err(unlisted(word)) };
        let spec = if valued(first) { own.find(|spec| spec.is_flag()).unwrap_or(first) } else { first };
        let rest = after.strip_prefix('=').filter(|_| joined == Joined::Pflag).unwrap_or(after);
        match &spec.value {
            Value::None => seen.push(Seen { spec, value: None }),
            Value::Follows(kind) => {
                let (value, used) = if rest.is_empty() { (next, 2) } else { (Some(rest), 1) };
                let Some(value) = value else { return Err(format!("{name} has no value")) };
                if !kind.fits(value) {
                    return Err(format!("{value:?} is no value for {name} that is listed"));
                }
                seen.push(Seen { spec, value: Some(value) });
                return Ok(used);
            }
            // getopt would take what follows for the value of such an option.
            Value::Maybe(_) if after.is_empty() || (joined == Joined::Pflag && !after.starts_with('=')) => seen.push(Seen { spec, value: None }),
            Value::Two(..) | Value::Joined(_) | Value::Maybe(_) | Value::Digits => return Err(unlisted(word)),
        }
    }
    Ok(1)
}

/// Reads `class: why`.
pub(super) fn raised(text: &str) -> Result<(Class, String), String> {
    let Some((class, why)) = text.split_once(": ") else { return Err(format!("{text}: write CLASS: WHY behind =>")) };
    let all = [Class::Observe, Class::LocalWrite, Class::Mutate, Class::Destroy, Class::Opaque, Class::Forbidden];
    let found = all.into_iter().find(|known| known.to_string() == class);
    found.map(|class| (class, why.trim().to_string())).ok_or_else(|| format!("{class} is no class"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[&str] = &[
        "-n|--namespace NAME",
        "-v...",
        "--dry-run=client|server",
        "--color[=never]",
        "-l|--lines NUMBER",
        "-q",
        "-NUMBER",
        "-lock=false",
        "--force => destroy: now",
        "--arg NAME NUMBER...",
        "-b NUMBER",
        "-b",
        "-d TEXT",
    ];

    fn read(line: &str, joined: Joined) -> Result<Vec<(String, Option<String>)>, String> {
        let specs: Vec<Spec> = SPECS.iter().map(|text| Spec::parse(text, &BTreeMap::new()).unwrap()).collect();
        let words: Vec<&str> = line.split_whitespace().collect();
        let (mut rest, mut seen) = (&words[..], Vec::new());
        while !rest.is_empty() {
            let used = take(&specs, joined, rest, &mut seen)?;
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(seen.iter().map(|seen| (seen.spec.name().to_string(), seen.value.map(ToString::to_string))).collect())
    }

    #[test]
    fn options_are_read_exactly() {
        let one = |name: &str, value: Option<&str>| Ok(vec![(name.to_string(), value.map(ToString::to_string))]);
        assert_eq!(read("-n a", Joined::Never), one("--namespace", Some("a")));
        assert_eq!(read("--namespace a", Joined::Never), one("--namespace", Some("a")));
        assert_eq!(read("--namespace=a", Joined::Never), one("--namespace", Some("a")));
        assert_eq!(read("--dry-run=client", Joined::Never), one("--dry-run", Some("client")));
        assert_eq!(read("--color", Joined::Never), one("--color", None));
        assert_eq!(read("-20", Joined::Never), one("-NUMBER", None));
        assert_eq!(read("-lock=false", Joined::Never), one("-lock", Some("false")));
        assert_eq!(read("--arg a 5", Joined::Never), one("--arg", Some("5")));
        assert_eq!(read("--arg a 5 --arg b 6", Joined::Never).unwrap().len(), 2);
        assert_eq!(read("-v -v", Joined::Never).unwrap().len(), 2);
        for bad in [
            "--name a",
            "--namespac=a",
            "-na",
            "-n=a",
            "-n",
            "--namespace",
            "--namespace=",
            "-n -x",
            "-n a --namespace b",
            "-q -q",
            "--dry-run client",
            "--dry-run",
            "--dry-run=none",
            "--color never",
            "--color=always",
            "-qv",
            "-x",
            "--",
            "-",
            "-2x",
            "-lock",
            "--force=x",
            "--q",
            "--arg",
            "--arg a",
            "--arg a b",
            "--arg=a 5",
        ] {
            assert!(read(bad, Joined::Never).is_err(), "{bad}");
        }
    }

    #[test]
    fn short_options_are_joined_where_the_program_does() {
        assert_eq!(read("-qvn a", Joined::Getopt).unwrap().len(), 3);
        assert_eq!(read("-vna", Joined::Getopt).unwrap()[1], ("--namespace".into(), Some("a".into())));
        assert_eq!(read("-vl20", Joined::Getopt).unwrap()[1], ("--lines".into(), Some("20".into())));
        assert_eq!(read("-qn=a", Joined::Pflag).unwrap()[1], ("--namespace".into(), Some("a".into())));
        assert_eq!(read("-n=a", Joined::Pflag).unwrap()[0], ("--namespace".into(), Some("a".into())));
        assert_eq!(read("-qd=", Joined::Getopt).unwrap()[1], ("-d".into(), Some("=".into())));
        assert_eq!(read("-d=", Joined::Getopt).unwrap()[0], ("-d".into(), Some("=".into())));
        assert_eq!(read("-qb", Joined::Getopt).unwrap()[1], ("-b".into(), None));
        assert_eq!(read("-qb 5", Joined::Getopt).unwrap()[1], ("-b".into(), Some("5".into())));
        for bad in ["-qbx", "-d", "-qx", "-qq", "-qn", "-q-v", "-vlx", "--qv", "-vlock=false", "-n=a", "-q\u{e9}"] {
            assert!(read(bad, Joined::Getopt).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_written_badly_is_an_error() {
        for bad in ["name", "-n FROB", "--x[=a", "--x => now", "--x => fatal: y", "-"] {
            assert!(Spec::parse(bad, &BTreeMap::new()).is_err(), "{bad}");
        }
        assert_eq!(
            Spec::parse("--force => destroy: skips the wait", &BTreeMap::new()).unwrap().raise,
            Some((Class::Destroy, "skips the wait".into()))
        );
    }
}
