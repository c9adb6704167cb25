//! What a word of a script stands for: words that are known, one that is not, or any number of them.

use super::Why;
use super::names::is_name;
use super::walk::{Scope, Walk, options};
use super::word::decode;
use brush_parser::word::{self, Parameter, ParameterExpr, ParameterTransformOp, SpecialParameter, WordPiece, WordPieceWithSource};
use studio_core::gate::Class;
use studio_core::limits::SHELL_VALUES_MAX;

/// What a word stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// One word, which is one of these.
    Known(Vec<String>),
    /// One word, whatever it is.
    Data,
    /// Any number of words.
    Many,
}

/// A word while it is put together.
struct Parts {
    values: Vec<String>,
    known: bool,
    one: bool,
}

/// Texts that stand for the folder of the script that was started, and of the file they stand in.
const OF_MAIN: &[&str] = &["dirname $0", "dirname -- $0", "cd $(dirname $0) && pwd", "cd $(dirname -- $0) && pwd", "cd -- $(dirname -- $0) && pwd"];
const OF_FILE: &[&str] = &[
    "dirname ${BASH_SOURCE[0]}",
    "dirname -- ${BASH_SOURCE[0]}",
    "cd $(dirname ${BASH_SOURCE[0]}) && pwd",
    "cd $(dirname -- ${BASH_SOURCE[0]}) && pwd",
    "cd -- $(dirname -- ${BASH_SOURCE[0]}) && pwd",
];

impl Value {
    /// Returns the words it may be, if they are known.
    pub(super) fn known(self) -> Option<Vec<String>> {
        match self {
            Value::Known(values) => Some(values),
            Value::Data | Value::Many => None,
        }
    }

    /// Returns the word it is, if it is known.
    pub(super) fn literal(&self) -> Option<&str> {
        match self {
            Value::Known(values) => values.first().filter(|_| values.len() == 1).map(String::as_str),
            Value::Data | Value::Many => None,
        }
    }
}

impl Walk<'_> {
    /// Returns what the word `raw` stands for, and judges the commands in it.
    pub(super) fn value(&mut self, raw: &str, scope: &Scope) -> Value {
        match decode(raw) {
            Ok(word) if word.secret.is_some() => Value::Many,
            Ok(word) => Value::Known(vec![word.text]),
            Err(Why::Glob | Why::Brace) if !raw.contains(['$', '`']) => Value::Many,
            Err(Why::Tilde) if !raw.contains(['$', '`']) => Value::Data,
            Err(_) => self.expanded(raw, false, scope),
        }
    }

    /// Returns what a variable holds that the word `raw` is assigned to: nothing is split there, and no file looked for.
    pub(super) fn assigned(&mut self, raw: &str, scope: &Scope) -> Option<Vec<String>> {
        match decode(raw) {
            Ok(word) if !word.glob => Some(vec![word.text]),
            Ok(_) | Err(_) => self.expanded(raw, true, scope).known(),
        }
    }

    fn expanded(&mut self, raw: &str, quoted: bool, scope: &Scope) -> Value {
        // Most words that are not plain are of this form, and it needs no parser.
        let only = raw.strip_prefix("\"$").and_then(|rest| rest.strip_suffix('"')).filter(|name| is_name(name));
        if let Some(name) = only {
            return scope.known.get(name).map_or(Value::Data, |values| Value::Known(values.clone()));
        }
        if let Some(why) = two_readings(raw) {
            self.note(scope, Class::Opaque, "unread", why.into(), "write it in plainer shell");
            return Value::Many;
        }
        let mut parts = Parts { values: vec![String::new()], known: true, one: true };
        match pieces(raw.strip_prefix('~').unwrap_or(raw)) {
            Some(pieces) => pieces.iter().for_each(|piece| self.piece(&piece.piece, quoted, &mut parts, scope)),
            None => {
                self.note(scope, Class::Opaque, "unread", "a word cannot be read".into(), "write it in plainer shell");
                return Value::Many;
            }
        }
        match parts {
            Parts { one: false, .. } => Value::Many,
            Parts { known: true, values, .. } if !raw.contains('~') => Value::Known(values),
            Parts { .. } => Value::Data,
        }
    }

    /// Judges the commands in a word that is only compared, however it is expanded.
    pub(super) fn pattern(&mut self, raw: &str, scope: &Scope) {
        if raw.contains(['$', '`']) {
            self.value(raw, scope);
        }
    }

    /// Judges the commands in the text of a here document.
    pub(super) fn document(&mut self, text: &str, scope: &Scope) {
        if !text.contains(['$', '`']) {
            return;
        }
        let mut parts = Parts { values: vec![String::new()], known: true, one: true };
        match std::panic::catch_unwind(|| word::parse_heredoc(text, &options())) {
            Ok(Ok(pieces)) => pieces.iter().for_each(|piece| self.piece(&piece.piece, true, &mut parts, scope)),
            Ok(Err(_)) | Err(_) => self.note(scope, Class::Opaque, "unread", "a here document cannot be read".into(), "quote its mark: <<'END'"),
        }
    }

    /// Returns the values of an argument of the script, from 1.
    pub(super) fn positional(&self, at: usize, scope: &Scope) -> Option<Vec<String>> {
        let arguments = self.setting.arguments.filter(|_| scope.arguments && self.names.never("shift") && !self.sets_arguments)?;
        arguments.get(at.checked_sub(1)?).cloned()
    }

    fn piece(&mut self, piece: &WordPiece, quoted: bool, parts: &mut Parts, scope: &Scope) {
        match piece {
            WordPiece::Text(text) => {
                parts.one &= quoted || !text.contains(['*', '?', '[', '{', '\n']);
                parts.push(text);
            }
            WordPiece::SingleQuotedText(text) => parts.push(text),
            WordPiece::DoubleQuotedSequence(inner) => inner.iter().for_each(|inner| self.piece(&inner.piece, true, parts, scope)),
            WordPiece::GettextDoubleQuotedSequence(inner) => {
                inner.iter().for_each(|inner| self.piece(&inner.piece, true, parts, scope));
                parts.known = false;
            }
            WordPiece::AnsiCQuotedText(_) | WordPiece::TildeExpansion(_) => parts.known = false,
            WordPiece::EscapeSequence(text) => match text.strip_prefix('\\') {
                Some(c) if !quoted || matches!(c, "\"" | "\\" | "$" | "`") => parts.push(c),
                Some(_) | None => parts.known = false,
            },
            WordPiece::ArithmeticExpression(expr) => {
                self.arithmetic(&expr.value, scope);
                parts.known = false;
            }
            WordPiece::CommandSubstitution(text) => match self.folder_of(text) {
                Some(folder) => parts.either(Some(vec![folder]), quoted),
                None => {
                    self.inner(text, scope);
                    parts.either(None, quoted);
                }
            },
            WordPiece::BackquotedCommandSubstitution(_) => {
                self.note(scope, Class::Opaque, "backquotes", "a command between backquotes is not read".into(), "write $(…)");
                parts.either(None, quoted);
            }
            WordPiece::ParameterExpansion(expr) => {
                let values = self.parameter(expr, parts, scope);
                parts.either(values, quoted);
            }
        }
    }

    /// Returns the values of an expansion, if they are known.
    fn parameter(&mut self, expr: &ParameterExpr, parts: &mut Parts, scope: &Scope) -> Option<Vec<String>> {
        match expr {
            ParameterExpr::Parameter { parameter, indirect } => {
                let all = matches!(
                    parameter,
                    Parameter::Special(SpecialParameter::AllPositionalParameters { concatenate: false })
                        | Parameter::NamedWithAllIndices { concatenate: false, .. }
                );
                parts.one &= !all;
                self.read(parameter, *indirect, scope)
            }
            ParameterExpr::UseDefaultValues { parameter, indirect, default_value, .. } => {
                let default = self.inside(default_value.as_deref(), scope);
                match self.read(parameter, *indirect, scope) {
                    Some(values) if values.iter().all(|value| !value.is_empty()) => Some(values),
                    Some(_) => None,
                    None => default.filter(|_| self.is_absent(parameter, scope)),
                }
            }
            ParameterExpr::IndicateErrorIfNullOrUnset { parameter, indirect, error_message: more, .. } => {
                self.inside(more.as_deref(), scope);
                self.read(parameter, *indirect, scope)
            }
            ParameterExpr::AssignDefaultValues { parameter, indirect, default_value: more, .. }
            | ParameterExpr::UseAlternativeValue { parameter, indirect, alternative_value: more, .. }
            | ParameterExpr::UppercaseFirstChar { parameter, indirect, pattern: more }
            | ParameterExpr::UppercasePattern { parameter, indirect, pattern: more }
            | ParameterExpr::LowercaseFirstChar { parameter, indirect, pattern: more }
            | ParameterExpr::LowercasePattern { parameter, indirect, pattern: more }
            | ParameterExpr::RemoveSmallestSuffixPattern { parameter, indirect, pattern: more }
            | ParameterExpr::RemoveLargestSuffixPattern { parameter, indirect, pattern: more }
            | ParameterExpr::RemoveSmallestPrefixPattern { parameter, indirect, pattern: more }
            | ParameterExpr::RemoveLargestPrefixPattern { parameter, indirect, pattern: more } => {
                self.inside(more.as_deref(), scope);
                self.read(parameter, *indirect, scope);
                self.folder_cut(expr)
            }
            ParameterExpr::ReplaceSubstring { parameter, indirect, pattern, replacement, .. } => {
                self.inside(Some(pattern), scope);
                self.inside(replacement.as_deref(), scope);
                self.read(parameter, *indirect, scope);
                None
            }
            ParameterExpr::Substring { parameter, indirect, offset, length } => {
                std::iter::once(offset).chain(length).for_each(|expr| self.arithmetic(&expr.value, scope));
                self.read(parameter, *indirect, scope);
                None
            }
            ParameterExpr::Transform { parameter, indirect, op } => {
                self.transform(op, scope);
                self.read(parameter, *indirect, scope);
                None
            }
            ParameterExpr::ParameterLength { parameter, indirect } => {
                self.read(parameter, *indirect, scope);
                None
            }
            ParameterExpr::VariableNames { .. } | ParameterExpr::MemberKeys { .. } => {
                parts.one = false;
                None
            }
        }
    }

    /// Returns what a parameter holds, if that is known.
    fn read(&mut self, parameter: &Parameter, indirect: bool, scope: &Scope) -> Option<Vec<String>> {
        if indirect {
            self.note(scope, Class::Opaque, "indirect", "${!x} reads a variable that another one names".into(), "name the variable itself");
            return None;
        }
        match parameter {
            Parameter::Named(name) => scope.known.get(name).cloned(),
            Parameter::Positional(0) | Parameter::Special(SpecialParameter::ShellName) => Some(vec![self.main.clone()]),
            Parameter::Positional(at) => self.positional(usize::try_from(*at).ok()?, scope),
            Parameter::NamedWithIndex { name, index } => {
                if !(name == "BASH_SOURCE" && index == "0") {
                    self.arithmetic(index, scope);
                    return None;
                }
                self.files.last().map(|path| vec![path.clone()])
            }
            Parameter::NamedWithAllIndices { .. } => None,
            Parameter::Special(
                SpecialParameter::AllPositionalParameters { .. }
                | SpecialParameter::PositionalParameterCount
                | SpecialParameter::LastExitStatus
                | SpecialParameter::CurrentOptionFlags
                | SpecialParameter::ProcessId
                | SpecialParameter::LastBackgroundProcessId,
            ) => None,
        }
    }

    /// Says whether a parameter is certainly not set: an argument that the script was not given.
    fn is_absent(&self, parameter: &Parameter, scope: &Scope) -> bool {
        let known = self.setting.arguments.filter(|_| scope.arguments && self.names.never("shift") && !self.sets_arguments);
        matches!((parameter, known), (Parameter::Positional(at), Some(given)) if usize::try_from(*at).is_ok_and(|at| at > given.len()))
    }

    /// Judges the commands in a word inside an expansion.
    fn inside(&mut self, text: Option<&str>, scope: &Scope) -> Option<Vec<String>> {
        let inner = Scope { depth: scope.depth + 1, ..scope.clone() };
        if inner.depth > studio_core::limits::SHELL_DEPTH_MAX {
            self.note(scope, Class::Opaque, "too-much", Why::Deep.to_string(), "");
            return None;
        }
        self.value(text.unwrap_or_default(), &inner).known()
    }

    fn transform(&mut self, op: &ParameterTransformOp, scope: &Scope) {
        match op {
            ParameterTransformOp::PromptExpand => {
                self.note(scope, Class::Opaque, "prompt", "${x@P} runs the commands that x holds".into(), "use the variable as it is");
            }
            ParameterTransformOp::CapitalizeInitial
            | ParameterTransformOp::ExpandEscapeSequences
            | ParameterTransformOp::PossiblyQuoteWithArraysExpanded { .. }
            | ParameterTransformOp::Quoted
            | ParameterTransformOp::ToAssignmentLogic
            | ParameterTransformOp::ToAttributeFlags
            | ParameterTransformOp::ToLowerCase
            | ParameterTransformOp::ToUpperCase => {}
        }
    }

    /// Returns the folder that a command in a word says: that of the script.
    fn folder_of(&self, text: &str) -> Option<String> {
        let bare = text.replace('"', "");
        let bare = bare.trim();
        let file = if OF_MAIN.contains(&bare) { Some(&self.main) } else { self.files.last().filter(|_| OF_FILE.contains(&bare)) };
        file.map(|path| folder(path))
    }

    /// Returns the folder that `${0%/*}` says.
    fn folder_cut(&self, expr: &ParameterExpr) -> Option<Vec<String>> {
        let ParameterExpr::RemoveSmallestSuffixPattern { parameter, indirect: false, pattern: Some(pattern) } = expr else { return None };
        let file = match parameter {
            Parameter::Positional(0) | Parameter::Special(SpecialParameter::ShellName) => Some(&self.main),
            Parameter::NamedWithIndex { name, index } if name == "BASH_SOURCE" && index == "0" => self.files.last(),
            Parameter::Named(name) if name == "BASH_SOURCE" => self.files.last(),
            Parameter::Named(_)
            | Parameter::Positional(_)
            | Parameter::NamedWithIndex { .. }
            | Parameter::NamedWithAllIndices { .. }
            | Parameter::Special(_) => None,
        };
        file.filter(|_| pattern == "/*").map(|path| vec![folder(path)])
    }
}

impl Parts {
    fn push(&mut self, text: &str) {
        self.values.iter_mut().for_each(|value| value.push_str(text));
    }

    /// Adds what is one of `values`, if they are known; without quotes it may become several words.
    fn either(&mut self, values: Option<Vec<String>>, quoted: bool) {
        self.one &= quoted;
        match values {
            Some(values) if self.values.len() * values.len() <= SHELL_VALUES_MAX && !values.is_empty() => {
                self.values = self.values.iter().flat_map(|value| values.iter().map(move |more| format!("{value}{more}"))).collect();
            }
            Some(_) | None => self.known = false,
        }
    }
}

/// Says why bash may read the word in another way than the parser, if it may.
fn two_readings(raw: &str) -> Option<&'static str> {
    let quoted_inside = raw.match_indices("${").any(|(at, _)| {
        let rest = raw.get(at..).unwrap_or_default();
        rest.split('}').next().is_some_and(|inner| inner.contains(['\'', '\\', '`']))
    });
    quoted_inside.then_some("a quote or a backslash inside ${…} is read in two ways")
}

fn pieces(raw: &str) -> Option<Vec<WordPieceWithSource>> {
    std::panic::catch_unwind(|| word::parse(raw, &options()).ok()).ok().flatten()
}

fn folder(path: &str) -> String {
    path.rsplit_once('/').map_or_else(|| ".".to_string(), |(folder, _)| folder.to_string())
}
