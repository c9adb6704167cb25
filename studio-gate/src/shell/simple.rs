//! One command of a script: what it sets, what it is, and the class of its words.

use super::expand::Value;
use super::list::filtered;
use super::names::{changes, handed, is_name};
use super::walk::{Scope, Walk};
use super::word::{decode, names_only};
use brush_parser::ast::{Assignment, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem, SimpleCommand};
use std::rc::Rc;
use studio_core::gate::{Class, Verdict};
use studio_core::limits::{PROGRAMS_MAX, SHELL_DEPTH_MAX, SHELL_VALUES_MAX};
use studio_core::text::one_line;

/// A word of a command: as it is written, and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Arg<'a> {
    pub(super) raw: &'a str,
    pub(super) value: Value,
    pub(super) sets: Option<&'a Assignment>,
}

impl<'a> Arg<'a> {
    /// A word that is written plainly.
    pub(super) fn plain(text: &'a str) -> Self {
        Arg { raw: text, value: Value::Known(vec![text.to_string()]), sets: None }
    }

    /// Returns the word, if it is known to be one word only.
    pub(super) fn literal(&self) -> Option<&str> {
        self.value.literal()
    }
}

impl Walk<'_> {
    /// Judges a simple command.
    pub(super) fn simple(&mut self, simple: &SimpleCommand, scope: &mut Scope) {
        let (mut args, mut sets) = (Vec::new(), Vec::new());
        for item in simple.prefix.iter().flat_map(|prefix| &prefix.0) {
            match item {
                CommandPrefixOrSuffixItem::AssignmentWord(assignment, _) => sets.push(assignment),
                CommandPrefixOrSuffixItem::IoRedirect(redirect) => self.redirect(redirect, scope),
                CommandPrefixOrSuffixItem::Word(_) | CommandPrefixOrSuffixItem::ProcessSubstitution(..) => {
                    self.note(scope, Class::Opaque, "unread", "a word stands before the command".into(), "write the command first");
                }
            }
        }
        let Some(program) = &simple.word_or_name else {
            for assignment in sets {
                self.set(assignment, scope);
            }
            return;
        };
        args.push(Arg { raw: &program.value, value: self.value(&program.value, scope), sets: None });
        for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
            match item {
                CommandPrefixOrSuffixItem::Word(word) => args.push(Arg { raw: &word.value, value: self.value(&word.value, scope), sets: None }),
                CommandPrefixOrSuffixItem::AssignmentWord(assignment, word) => {
                    let value = match assignment.value {
                        AssignmentValue::Scalar(_) => self.value(&word.value, scope),
                        AssignmentValue::Array(_) => Value::Many,
                    };
                    args.push(Arg { raw: &word.value, value, sets: Some(assignment) });
                }
                CommandPrefixOrSuffixItem::IoRedirect(redirect) => self.redirect(redirect, scope),
                CommandPrefixOrSuffixItem::ProcessSubstitution(_, shell) => {
                    self.shell(shell, scope);
                    args.push(Arg { raw: "<(…)", value: Value::Data, sets: None });
                }
            }
        }
        if program_shows_names(&args) {
            // Whatever the pattern is like, this shows what it is called and no more.
            for arg in args.iter_mut().filter(|arg| arg.value == Value::Many) {
                arg.value = decode(arg.raw).map_or(Value::Many, |word| Value::Known(vec![word.text]));
            }
        }
        for assignment in sets {
            self.hand(assignment, program.value.as_str(), scope);
        }
        self.run(&args, scope);
    }

    /// Judges a command by its words.
    pub(super) fn run(&mut self, args: &[Arg<'_>], scope: &mut Scope) {
        let Some((first, rest)) = args.split_first() else { return };
        let written = !first.raw.contains(['$', '`', '*', '?', '~']);
        let Some(program) = first.literal().filter(|program| (written || program.contains('/')) && program.is_ascii() && !program.is_empty()) else {
            let why = format!("{} stands for a program that nobody sees", one_line(first.raw, 80));
            return self.note(scope, Class::Opaque, "program", why, "write the program's name");
        };
        if scope.depth > SHELL_DEPTH_MAX {
            return self.note(scope, Class::Opaque, "too-much", "commands stand in commands too deep".into(), "write it flatter");
        }
        let known = self.functions.contains(program) || super::builtin::is_one(program);
        if !known && !self.report.name(program) {
            return self.note(scope, Class::Opaque, "too-much", format!("more than {PROGRAMS_MAX} programs are named"), "split the script");
        }
        if program.contains('/') {
            return self.started(program, written, rest, scope);
        }
        if first.raw != program && super::builtin::is_one(program) {
            let why = format!("{} is {program}, a word of the shell, in disguise", one_line(first.raw, 80));
            return self.note(scope, Class::Opaque, "program", why, "write it plainly");
        }
        if self.functions.contains(program) || self.builtin(program, rest, scope) {
            return;
        }
        let mut inner = Scope { depth: scope.depth + 1, ..scope.clone() };
        let starts = self.wrapper(program, rest, &mut inner) || self.interpreter(program, rest, &mut inner) || self.remote(program, rest, &mut inner);
        if !starts && !self.recipe(program, rest, &inner) {
            self.words(args, scope);
        }
    }

    /// Judges the words of a command that is none of the shell's.
    pub(super) fn words(&mut self, args: &[Arg<'_>], scope: &Scope) {
        let unknown = args.iter().find(|arg| arg.value.clone().known().is_none());
        let mut lines: Vec<Vec<String>> = vec![Vec::new()];
        for arg in args {
            let values = match &arg.value {
                Value::Known(values) => values.clone(),
                Value::Data => vec!["x".to_string()],
                Value::Many => continue,
            };
            if lines.len() * values.len() > SHELL_VALUES_MAX {
                let why = format!("its words have more than {SHELL_VALUES_MAX} values, taken together");
                return self.note(scope, Class::Opaque, "too-much", why, "write fewer at once");
            }
            lines = lines.iter().flat_map(|line| values.iter().map(move |value| line.iter().cloned().chain([value.clone()]).collect())).collect();
        }
        for line in &lines {
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            let found = filtered(&words, self.setting.judge);
            let program = words.first().copied().unwrap_or_default();
            let class = match found.class {
                Class::Forbidden => Class::Opaque,
                _ if found.verdict == Verdict::Auto => Class::Observe,
                class @ (Class::Observe | Class::LocalWrite | Class::Mutate | Class::Destroy | Class::Opaque) => class,
            };
            let note = self.finding(scope, class, found.rule, format!("{}: {}", one_line(&words.join(" "), 120), found.why), found.better);
            if note.rule.starts_with("unknown-program") && is_name(&program.replace(['-', '.', ':'], "_")) {
                self.unknown.push((program.to_string(), note));
                return;
            }
            self.report.add(note);
        }
        if let Some(arg) = unknown {
            let why = format!("nobody can tell what {} stands for", one_line(arg.raw, 80));
            self.note(scope, Class::Opaque, "unknown-word", why, "write the word, or give it to the script as a declared parameter");
        }
    }

    /// Says whether `name` is a word of the shell, or a program that something knows.
    pub(super) fn is_known(&self, name: &str) -> bool {
        super::builtin::is_one(name)
            || super::wrapper::is_one(name)
            || super::remote::is_one(name)
            || !(self.setting.judge)(&[name]).rule.starts_with("unknown-program")
    }

    /// Gives a variable its values here, if nothing else ever sets it.
    pub(super) fn bind(&mut self, name: &str, values: Option<Vec<String>>, scope: &mut Scope) {
        if changes(name) && name != "IFS" {
            let why = format!("{name} changes what other commands do");
            self.note(scope, Class::Opaque, "environment", why, "leave it as it is, or name it in the side file");
        }
        match values.filter(|values| (1..=SHELL_VALUES_MAX).contains(&values.len()) && self.names.once(name)) {
            Some(values) => drop(Rc::make_mut(&mut scope.known).insert(name.to_string(), values)),
            None => scope.forget(name),
        }
    }

    /// Sets a variable of the shell.
    pub(super) fn set(&mut self, assignment: &Assignment, scope: &mut Scope) {
        let values = match &assignment.value {
            AssignmentValue::Scalar(word) => self.assigned(&word.value, scope).filter(|_| !assignment.append),
            AssignmentValue::Array(items) => {
                for (key, item) in items {
                    key.iter().for_each(|key| self.pattern(&key.value, scope));
                    self.value(&item.value, scope);
                }
                None
            }
        };
        match &assignment.name {
            AssignmentName::VariableName(name) => self.bind(name, values, scope),
            AssignmentName::ArrayElementName(name, index) => {
                self.bind(name, None, scope);
                if index.contains(['$', '`', '[']) || !(self.names.number(index) || super::arithmetic::digits(index)) {
                    self.note(
                        scope,
                        Class::Opaque,
                        "subscript",
                        format!("{name}[{}] runs what its subscript holds", one_line(index, 40)),
                        "use a number",
                    );
                }
            }
        }
    }

    /// Hands a variable to one command.
    fn hand(&mut self, assignment: &Assignment, program: &str, scope: &mut Scope) {
        let AssignmentName::VariableName(name) = &assignment.name else { return self.set(assignment, scope) };
        let mut inner = scope.clone();
        match &assignment.value {
            AssignmentValue::Scalar(word) => drop(self.assigned(&word.value, &inner)),
            AssignmentValue::Array(_) => self.set(assignment, &mut inner),
        }
        let parts = name == "IFS" && matches!(program, "read" | "mapfile" | "readarray");
        if !(handed(name) || parts) {
            let why = format!("{name}=… before {} can change what it does", one_line(program, 40));
            self.note(scope, Class::Opaque, "environment", why, "leave it out, or name it in the side file");
        }
    }
}

fn program_shows_names(args: &[Arg<'_>]) -> bool {
    args.first().and_then(Arg::literal).is_some_and(names_only)
}
