//! Where the grammars stand: which program is in which file, and the check of their examples.

use super::Grammar;
use super::files::FILES;
use super::sheet::{SheetError, parse};
use crate::place::like;
use crate::{command, digest};
use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};
use studio_core::gate::{Class, Verdict};
use studio_core::name::Digest;

/// A file of grammars, read when it is first asked for.
struct Slot {
    file: &'static str,
    text: &'static str,
    read: OnceLock<Result<Grammar, SheetError>>,
}

/// The slots, and which of them a program is in.
struct Shelf {
    slots: Vec<Slot>,
    exact: BTreeMap<&'static str, usize>,
    patterns: Vec<(&'static str, usize)>,
}

static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
    let slots: Vec<Slot> = FILES.iter().map(|(file, text)| Slot { file, text, read: OnceLock::new() }).collect();
    let named = || slots.iter().enumerate().flat_map(|(at, slot)| programs(slot.text).map(move |program| (program, at)));
    let (patterns, exact) = (named().filter(|(name, _)| name.contains('*')).collect(), named().filter(|(name, _)| !name.contains('*')).collect());
    Shelf { slots, exact, patterns }
});

/// The digest of every byte of every grammar.
static DIGEST: LazyLock<Digest> = LazyLock::new(|| digest::of_tables(&FILES));

/// Returns the digest of the files.
pub(crate) fn digest() -> &'static Digest {
    &DIGEST
}

/// Returns the grammar of `program`, or why it cannot be used; nothing if no file is about it.
pub(crate) fn find(program: &str) -> Option<&'static Result<Grammar, SheetError>> {
    let shelf = &*SHELF;
    let pattern = || shelf.patterns.iter().find(|(pattern, _)| like(pattern, program)).map(|(_, at)| *at);
    let slot = shelf.slots.get(shelf.exact.get(program).copied().or_else(pattern)?)?;
    Some(slot.read.get_or_init(|| load(slot.file, slot.text)))
}

/// Reads a grammar and checks its examples.
fn load(file: &'static str, text: &str) -> Result<Grammar, SheetError> {
    let grammar = parse(file, text)?;
    if !grammar.programs.iter().map(String::as_str).eq(programs(text)) {
        return Err(SheetError::Form(file.into(), "write its programs in one line that starts with: program = [".into()));
    }
    match broken(&grammar).into_iter().next() {
        Some(why) => Err(SheetError::Example(file.into(), why)),
        None => Ok(grammar),
    }
}

/// Returns the programs that a file names, without reading all of it.
fn programs(text: &str) -> impl Iterator<Item = &str> {
    let line = text.lines().find_map(|line| line.strip_prefix("program = ["));
    line.unwrap_or_default().split('"').skip(1).step_by(2)
}

/// Returns every example that does not hold, as a sentence.
fn broken(grammar: &Grammar) -> Vec<String> {
    let judged = |line: &str| command::weigh(grammar, &split(line).iter().map(String::as_str).collect::<Vec<_>>(), None);
    let mut broken = Vec::new();
    for row in &grammar.rows {
        for line in &row.yes {
            let program = line.split_whitespace().next().unwrap_or_default();
            let (found, rule) = (judged(line), command::rule(grammar, program, row));
            if found.class != row.class || found.rule != rule || !grammar.programs.iter().any(|own| like(own, program)) {
                broken.push(format!("{line:?} should be {} by {rule}, and is {} by {}: {}", row.class, found.class, found.rule, found.why));
            }
            let looks = found.probe.map(|probe| command::weigh(grammar, &probe.argv.words().collect::<Vec<_>>(), None));
            if looks.is_some_and(|look| look.class != Class::Observe) {
                broken.push(format!("{line:?}: its probe is no read that this grammar lists"));
            }
        }
        let auto = row.no.iter().filter(|line| judged(line).verdict == Verdict::Auto);
        broken.extend(auto.map(|line| format!("{line:?} should not be a read, and is")));
        let raised = row.raises.iter().map(|(line, class)| (line, class, judged(line)));
        let other = raised.filter(|(_, class, found)| found.class != **class);
        broken.extend(other.map(|(line, class, found)| format!("{line:?} should be {class}, and is {}: {}", found.class, found.why)));
    }
    broken
}

/// Parts an example into words; what stands in `'…'` is one word, or part of one.
fn split(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let (mut open, mut inside) = (false, false);
    for c in line.chars() {
        match c {
            '\'' => {
                if !inside {
                    words.push(String::new());
                }
                (open, inside) = (!open, true);
            }
            ' ' if !open => inside = false,
            c => {
                if !inside {
                    words.push(String::new());
                }
                inside = true;
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns every grammar.
    pub(crate) fn all() -> impl Iterator<Item = &'static Grammar> {
        FILES.iter().map(|(file, text)| {
            let program = programs(text).next().unwrap_or_else(|| panic!("{file}.toml names no program"));
            find(program).unwrap().as_ref().unwrap_or_else(|error| panic!("{error}"))
        })
    }

    /// Parts an example into words.
    pub(crate) fn words(line: &str) -> Vec<String> {
        split(line)
    }

    #[test]
    fn every_example_of_every_grammar_holds() {
        let mut wrong = Vec::new();
        for (file, text) in FILES {
            match parse(file, text) {
                Ok(grammar) => wrong.extend(broken(&grammar).into_iter().map(|why| format!("{file}.toml: {why}"))),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_row_has_examples() {
        for grammar in all() {
            assert!(grammar.whole.is_some() || !grammar.rows.is_empty(), "{}", grammar.file);
            for row in &grammar.rows {
                assert!(!row.yes.is_empty(), "{}.toml: {} has no examples", grammar.file, row.name(grammar.file));
            }
        }
    }

    /// One name means one option: of two that share it, the first would take what belongs to the other.
    #[test]
    fn no_two_options_share_a_name() {
        let mut wrong = Vec::new();
        for grammar in all() {
            for row in &grammar.rows {
                let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
                // What stands before the verb may have a name that the verb uses again.
                let own = row.options.iter().filter(|spec| !spec.shared);
                for (spec, name) in own.flat_map(|spec| spec.names.iter().map(move |name| (spec, name))) {
                    if owners.insert(name, spec.name()).is_some_and(|owner| owner != spec.name()) {
                        wrong.push(format!("{}.toml: {name} in {}", grammar.file, row.name(grammar.file)));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// The table names every file of the folder, in order, and no program has two grammars.
    #[test]
    fn every_file_is_on_the_shelf_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/grammars");
        let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.retain(|name| name.ends_with(".toml"));
        assert_eq!(FILES.iter().map(|(file, _)| format!("{file}.toml")).collect::<Vec<_>>(), names, "list the files in files.rs");
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for (file, text) in FILES {
            for program in programs(text) {
                assert_eq!(owners.insert(program, file), None, "{program} stands in two files");
            }
        }
    }

    #[test]
    fn an_example_may_quote() {
        assert_eq!(split("a 'b c'  d'e f' ''"), ["a", "b c", "de f", ""]);
    }

    #[test]
    fn a_broken_grammar_says_where() {
        for (text, says) in [
            ("program = [\"x\"]\nfrob = 1\n[[verb]]\nclass = \"observe\"", "frob"),
            ("program = [\"x\"]", "verbs"),
            ("program = [\"x\"]\nclass = \"observe\"\nwhy = \"w\"\nbetter = \"b\"", "opaque or forbidden"),
            ("program = [\"x\"]\n[[verb]]\nclass = \"observe\"\nwords = \"FROB\"", "FROB"),
            ("program = [\"x\"]\n[[verb]]\nclass = \"observe\"\noptions = [\"@none\"]", "no set none"),
            ("program = [\"x\"]\n[[verb]]\nclass = \"observe\"\neffect = \"one-shot\"", "a read"),
            (
                "program = [\"x\"]\n[[verb]]\nclass = \"observe\"\noptions = [\"-r|--role NAME\", \"-r|--rule NAME\"]",
                "-r is short for --role and for --rule",
            ),
            ("program = [\"x\"]\n[[verb]]\nclass = \"mutate\"\neffect = \"probed\"", "names its probe"),
            ("program = [\"x\"]\n[[verb]]\nclass = \"observe\"\nyes = [\"x y\"]", "should be observe"),
            ("program = [\"x\"]\n[[verb]]\nclass = \"observe\"\nwords = \"NAME*\"\nno = [\"x y\"]", "should not be a read"),
            ("program = [\"x\"]\n[[verb]]\nclass = \"observe\"\nraises = [[\"x\", \"destroy\"]]", "should be destroy"),
            ("program = [\n\"x\"]\n[[verb]]\nclass = \"observe\"", "in one line"),
        ] {
            let error = load("x", text).unwrap_err().to_string();
            assert!(error.contains("grammars/x.toml") && error.contains(says), "{error}");
        }
    }
}
