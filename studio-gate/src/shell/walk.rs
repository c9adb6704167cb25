//! A script, node by node: each kind of node has a rule, and what has none is no script that can be judged.

use super::names::Names;
use super::report::{Note, Report};
use super::{Why, bounds, readable};
use crate::command::Finding;
use brush_parser::ast::{
    AndOr, AndOrList, Command, CommandPrefixOrSuffixItem, CompoundCommand, CompoundList, CompoundListItem, ExtendedTestExprCommand, FunctionBody,
    FunctionDefinition, Pipeline, Program, SeparatorOperator, SimpleCommand, SourceLocation,
};
use brush_parser::{ParserOptions, parse_tokens, uncached_tokenize_str};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use studio_core::gate::Class;
use studio_core::limits::{SCRIPT_BYTES_MAX, SHELL_COMMANDS_MAX, SHELL_DEPTH_MAX};

/// What a script is judged with.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'s> {
    /// Judges one command by its words.
    pub(crate) judge: &'s dyn Fn(&[&str]) -> Finding,
    /// Returns the file at a path of the repository, if the script may use it.
    pub(crate) file: &'s dyn Fn(&str) -> Option<&'s [u8]>,
    /// What the step works on.
    pub(crate) target: &'s str,
    /// The values that each of its arguments may have, if they are known.
    pub(crate) arguments: Option<&'s [Vec<String>]>,
}

/// What is known at a place of a script.
#[derive(Clone, Default)]
pub(super) struct Scope {
    /// Variables with every value they may have here.
    pub(super) known: Rc<BTreeMap<String, Vec<String>>>,
    /// The folder that commands work in, below the root; nothing if nobody can tell.
    pub(super) folder: Option<String>,
    /// Whether the arguments are those of the script.
    pub(super) arguments: bool,
    /// The line.
    pub(super) line: usize,
    /// Lines before the text that is read here, of the file that it stands in.
    pub(super) above: usize,
    /// Texts around this one.
    pub(super) depth: usize,
}

impl Scope {
    /// What the variable holds is not known from here on.
    pub(super) fn forget(&mut self, name: &str) {
        if self.known.contains_key(name) {
            Rc::make_mut(&mut self.known).remove(name);
        }
    }
}

/// A walk through a script and what it uses.
pub(super) struct Walk<'s> {
    pub(super) setting: Setting<'s>,
    pub(super) report: Report,
    pub(super) names: Names,
    /// The script that was started.
    pub(super) main: String,
    /// The file that is read, and those that lead to it.
    pub(super) files: Vec<String>,
    /// Functions that were defined.
    pub(super) functions: BTreeSet<String>,
    /// Programs that nothing knows, unless they are functions.
    pub(super) unknown: Vec<(String, Note)>,
    /// Whether it ends where a command fails.
    pub(super) strict: bool,
    /// Whether it gives itself other arguments.
    pub(super) sets_arguments: bool,
    pub(super) commands: usize,
}

/// Returns the most that a script could do.
pub(crate) fn script(path: &str, bytes: &[u8], setting: &Setting<'_>) -> Report {
    let mut walk = Walk {
        setting: *setting,
        report: Report::new(),
        names: Names::default(),
        main: path.to_string(),
        files: Vec::new(),
        functions: BTreeSet::new(),
        unknown: Vec::new(),
        strict: false,
        sets_arguments: false,
        commands: 0,
    };
    let mut scope = Scope { folder: Some(String::new()), arguments: true, line: 1, ..Scope::default() };
    walk.file(path, bytes, &mut scope);
    for (name, note) in std::mem::take(&mut walk.unknown) {
        if !walk.functions.contains(&name) {
            walk.report.add(note);
        }
    }
    if !walk.strict {
        let why = "it goes on after a command failed, so its end says nothing".into();
        let better = Some("write set -Eeuo pipefail at its top".into());
        walk.report.mask(Note { path: path.into(), line: 1, class: Class::Observe, rule: "cannot-fail".into(), why, better });
    }
    walk.report
}

impl Walk<'_> {
    /// Reads a whole file, in a scope that it may change.
    pub(super) fn file(&mut self, path: &str, bytes: &[u8], scope: &mut Scope) {
        let line = scope.line;
        if self.files.iter().any(|other| other == path) || self.files.len() >= SHELL_DEPTH_MAX || bytes.len() > SCRIPT_BYTES_MAX {
            return self.note(scope, Class::Opaque, "too-much", format!("{path} uses itself, or is too deep or too long to be judged"), "split it");
        }
        self.files.push(path.to_string());
        let own = (scope.above, scope.line);
        (scope.above, scope.line) = (0, 1);
        match readable(bytes) {
            Ok(text) => {
                self.names.count(text);
                let names = &self.names;
                Rc::make_mut(&mut scope.known).retain(|name, _| names.once(name));
                self.text(text, scope);
            }
            Err(why) => self.note(scope, Class::Opaque, "unreadable", why.to_string(), "write it as plain text"),
        }
        self.files.pop();
        (scope.above, scope.line) = own;
        scope.line = line;
    }

    /// Reads shell text, in a scope that it may change.
    pub(super) fn text(&mut self, text: &str, scope: &mut Scope) {
        let parsed = if scope.depth > SHELL_DEPTH_MAX { Err(Why::Deep) } else { parse(text) };
        match parsed {
            Ok(program) => {
                self.ending(&program, scope);
                program.complete_commands.iter().for_each(|list| self.list(list, scope));
            }
            Err(why) => {
                let line = if let Why::Unread(line, _) = why { line } else { 1 };
                let place = Scope { line: scope.above + line, ..scope.clone() };
                self.note(&place, Class::Opaque, "unread", why.to_string(), "write it in plainer shell");
            }
        }
    }

    /// Reads text that runs in a shell of its own.
    pub(super) fn inner(&mut self, text: &str, scope: &Scope) {
        let mut inner = Scope { above: scope.line.saturating_sub(1), depth: scope.depth + 1, ..scope.clone() };
        self.text(text, &mut inner);
    }

    /// Takes a finding at the line of `scope`.
    pub(super) fn note(&mut self, scope: &Scope, class: Class, rule: &str, why: String, better: &str) {
        let better = (!better.is_empty()).then(|| better.to_string());
        let note = self.finding(scope, class, rule.to_string(), why, better);
        self.report.add(note);
    }

    pub(super) fn finding(&self, scope: &Scope, class: Class, rule: String, why: String, better: Option<String>) -> Note {
        let path = self.files.last().unwrap_or(&self.main).clone();
        Note { path, line: scope.line, class, rule, why, better }
    }

    pub(super) fn mask(&mut self, scope: &Scope, why: &str) {
        let better = Some("let the failure end the script, or handle it".to_string());
        let note = self.finding(scope, Class::Observe, "cannot-fail".into(), why.into(), better);
        self.report.mask(note);
    }

    fn list(&mut self, list: &CompoundList, scope: &mut Scope) {
        for CompoundListItem(and_or, separator) in &list.0 {
            match separator {
                SeparatorOperator::Sequence => self.and_or(and_or, scope),
                SeparatorOperator::Async => self.and_or(and_or, &mut scope.clone()),
            }
        }
    }

    /// The first pipeline of a chain always runs; the others may.
    fn and_or(&mut self, list: &AndOrList, scope: &mut Scope) {
        self.pipeline(&list.first, scope);
        if list.additional.is_empty() {
            return;
        }
        let mut later = scope.clone();
        for next in &list.additional {
            match next {
                AndOr::And(pipeline) => self.pipeline(pipeline, &mut later),
                AndOr::Or(pipeline) => {
                    self.pipeline(pipeline, &mut later);
                    if nothing(pipeline) {
                        self.mask(&later, "a failure before || true is forgotten");
                    }
                }
            }
        }
    }

    /// Each command of a longer pipeline runs in a shell of its own.
    fn pipeline(&mut self, pipeline: &Pipeline, scope: &mut Scope) {
        match &pipeline.seq[..] {
            [only] => self.command(only, scope),
            several => several.iter().for_each(|command| self.command(command, &mut scope.clone())),
        }
    }

    fn command(&mut self, command: &Command, scope: &mut Scope) {
        self.commands += 1;
        if self.commands > SHELL_COMMANDS_MAX {
            return self.note(scope, Class::Opaque, "too-much", format!("it has more than {SHELL_COMMANDS_MAX} commands"), "split it");
        }
        if let Some(place) = line_of(command) {
            scope.line = scope.above + place;
        }
        match command {
            Command::Simple(simple) => self.simple(simple, scope),
            Command::Compound(compound, redirects) => {
                self.redirects(redirects.as_ref(), scope);
                self.compound(compound, scope);
            }
            Command::Function(function) => self.function(function, scope),
            Command::ExtendedTest(ExtendedTestExprCommand { expr, .. }, redirects) => {
                self.redirects(redirects.as_ref(), scope);
                self.test(expr, scope);
            }
        }
    }

    pub(super) fn compound(&mut self, compound: &CompoundCommand, scope: &mut Scope) {
        match compound {
            CompoundCommand::Arithmetic(command) => self.arithmetic(&command.expr.value, scope),
            CompoundCommand::ArithmeticForClause(clause) => {
                for expr in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.arithmetic(&expr.value, scope);
                }
                self.list(&clause.body.list, &mut scope.clone());
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list, scope),
            CompoundCommand::Subshell(shell) => {
                if shell.list.0.first().is_some_and(|CompoundListItem(first, _)| starts_with_shell(first)) {
                    self.note(scope, Class::Opaque, "unread", "(( may begin arithmetic or two shells".into(), "part the parentheses, or use one");
                }
                self.list(&shell.list, &mut scope.clone());
            }
            CompoundCommand::ForClause(clause) => {
                let mut inner = scope.clone();
                let values: Option<Vec<String>> = match &clause.values {
                    Some(words) => {
                        let values: Vec<_> = words.iter().map(|word| self.value(&word.value, scope).known()).collect();
                        values.into_iter().collect::<Option<Vec<_>>>().map(|values| values.concat())
                    }
                    None => None,
                };
                self.bind(&clause.variable_name, values, &mut inner);
                self.list(&clause.body.list, &mut inner);
            }
            CompoundCommand::CaseClause(clause) => {
                self.value(&clause.value.value, scope);
                for item in &clause.cases {
                    item.patterns.iter().for_each(|pattern| self.pattern(&pattern.value, scope));
                    item.cmd.iter().for_each(|list| self.list(list, &mut scope.clone()));
                }
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition, scope);
                self.list(&clause.then, &mut scope.clone());
                for part in clause.elses.iter().flatten() {
                    let mut inner = scope.clone();
                    part.condition.iter().for_each(|list| self.list(list, &mut inner));
                    self.list(&part.body, &mut inner);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                let mut inner = scope.clone();
                self.list(&clause.0, &mut inner);
                self.list(&clause.1.list, &mut inner);
            }
            CompoundCommand::Coprocess(_) => {
                self.note(scope, Class::Opaque, "coproc", "coproc runs a command beside the script".into(), "run it plainly, or leave it out");
            }
        }
    }

    /// A function is judged where it is written; what it is called with is not known there.
    fn function(&mut self, function: &FunctionDefinition, scope: &Scope) {
        let FunctionDefinition { fname, body: FunctionBody(body, redirects) } = function;
        let name = fname.value.as_str();
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || self.is_known(name) {
            let why = format!("the function {name} stands for a program or a word of the shell");
            self.note(scope, Class::Opaque, "shadow", why, "call it by a name of its own");
        }
        self.functions.insert(name.to_string());
        let folder = scope.folder.clone().filter(|_| self.names.never("cd"));
        let mut inner = Scope { arguments: false, folder, ..scope.clone() };
        self.redirects(redirects.as_ref(), &inner);
        self.compound(body, &mut inner);
    }

    /// Says where the last command of the main text hides that something failed.
    fn ending(&mut self, program: &Program, scope: &Scope) {
        let last = program.complete_commands.last().and_then(|list| list.0.last());
        let last = last.map(|CompoundListItem(and_or, _)| and_or).filter(|and_or| and_or.additional.is_empty() && nothing(&and_or.first));
        if let Some(and_or) = last.filter(|_| scope.depth == 0 && self.files.len() == 1) {
            let line = and_or.first.seq.first().and_then(line_of).unwrap_or(1);
            self.mask(&Scope { line, ..scope.clone() }, "it ends with a command that never fails");
        }
    }
}

/// Parses text, or says why bash might read it in another way than the parser does.
fn parse(text: &str) -> Result<Program, Why> {
    bounds::shallow(text)?;
    if let Some(at) = text.find("\\$'").or_else(|| text.find("\\$\"")) {
        let line = text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        return Err(Why::Unread(line, "\\$ before a quote is read in two ways".into()));
    }
    // The parser is not ours: whatever it meets in hostile text, the answer is that the text cannot be judged.
    let parsed = std::panic::catch_unwind(|| {
        let tokens = uncached_tokenize_str(text, &options().tokenizer_options()).map_err(|error| Why::Unread(1, error.to_string()))?;
        bounds::flat(&tokens)?;
        parse_tokens(&tokens, &options()).map_err(|error| Why::Unread(error_line(&error), format!("it is no shell that can be read: {error}")))
    });
    parsed.unwrap_or_else(|_| Err(Why::Unread(1, "the parser gave up on it".into())))
}

pub(super) fn options() -> ParserOptions {
    ParserOptions { enable_extended_globbing: false, ..ParserOptions::default() }
}

fn error_line(error: &brush_parser::ParseError) -> usize {
    match error {
        brush_parser::ParseError::ParsingNear(position) => position.line,
        brush_parser::ParseError::Tokenizing { position, .. } => position.as_ref().map_or(1, |position| position.line),
        brush_parser::ParseError::ParsingAtEndOfInput => 1,
    }
}

/// Returns the line that a command begins at, in its text.
fn line_of(command: &Command) -> Option<usize> {
    let word = match command {
        Command::Simple(SimpleCommand { prefix, word_or_name, .. }) => match (prefix, word_or_name) {
            (None, Some(word)) => word.loc.as_ref(),
            (Some(prefix), _) => prefix.0.iter().find_map(|item| match item {
                CommandPrefixOrSuffixItem::AssignmentWord(_, word) | CommandPrefixOrSuffixItem::Word(word) => word.loc.as_ref(),
                CommandPrefixOrSuffixItem::IoRedirect(_) | CommandPrefixOrSuffixItem::ProcessSubstitution(..) => None,
            }),
            (None, None) => None,
        },
        Command::Function(function) => function.fname.loc.as_ref(),
        Command::Compound(..) | Command::ExtendedTest(..) => None,
    };
    word.map(|place| place.start.line).or_else(|| command.location().map(|place| place.start.line))
}

/// Says whether the pipeline is `true` or `:`, which never fail.
fn nothing(pipeline: &Pipeline) -> bool {
    let [Command::Simple(SimpleCommand { prefix: None, word_or_name: Some(word), .. })] = &pipeline.seq[..] else { return false };
    matches!(word.value.as_str(), "true" | ":") && !pipeline.bang
}

fn starts_with_shell(list: &AndOrList) -> bool {
    matches!(list.first.seq.first(), Some(Command::Compound(CompoundCommand::Subshell(_), _)))
}
