//! Where a script's commands read from and write to.

use super::expand::Value;
use super::walk::{Scope, Walk};
use brush_parser::ast::{CompoundCommand, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect, RedirectList, SubshellCommand};
use studio_core::gate::Class;
use studio_core::place::{listed, secret};
use studio_core::text::one_line;

/// Devices that lose nothing.
const SINKS: &str = "/dev/null /dev/stdin /dev/stdout /dev/stderr /dev/tty /dev/fd/*";
/// Folders that a run throws away: what is written there is lost with it, or kept as its own.
const OWN: &[&str] = &["$STUDIO_OUT", "${STUDIO_OUT}", "$TMPDIR", "${TMPDIR}", "$STUDIO_RUN", "${STUDIO_RUN}"];

impl Walk<'_> {
    /// Judges the redirections of a block.
    pub(super) fn redirects(&mut self, redirects: Option<&RedirectList>, scope: &Scope) {
        redirects.iter().flat_map(|list| &list.0).for_each(|redirect| self.redirect(redirect, scope));
    }

    /// Judges one redirection.
    pub(super) fn redirect(&mut self, redirect: &IoRedirect, scope: &Scope) {
        match redirect {
            IoRedirect::File(_, kind, target) => match target {
                IoFileRedirectTarget::Filename(word) => self.opened(kind, &word.value, scope),
                IoFileRedirectTarget::Fd(_) => {}
                IoFileRedirectTarget::Duplicate(word) => {
                    let stream = word.value.trim_end_matches('-');
                    if !stream.chars().all(|c| c.is_ascii_digit()) {
                        self.opened(&IoFileRedirectKind::Write, &word.value, scope);
                    }
                }
                IoFileRedirectTarget::ProcessSubstitution(_, shell) => self.shell(shell, scope),
            },
            IoRedirect::OutputAndError(word, _) => self.opened(&IoFileRedirectKind::Write, &word.value, scope),
            IoRedirect::HereString(_, word) => drop(self.value(&word.value, scope)),
            IoRedirect::HereDocument(_, document) => {
                let mark = document.here_end.value.trim_matches(['\'', '"']);
                let plain = !mark.is_empty() && mark.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
                let ends = document.doc.value.lines().any(|line| line.trim() == mark);
                if !plain || ends {
                    let why = "nobody can tell where a here document ends".into();
                    self.note(scope, Class::Opaque, "unread", why, "end it with a word of letters, alone on its line");
                }
                if document.requires_expansion {
                    self.document(&document.doc.value, scope);
                }
            }
        }
    }

    /// Judges the commands in parentheses.
    pub(super) fn shell(&mut self, shell: &SubshellCommand, scope: &Scope) {
        let block = CompoundCommand::Subshell(shell.clone());
        self.compound(&block, &mut scope.clone());
    }

    fn opened(&mut self, kind: &IoFileRedirectKind, raw: &str, scope: &Scope) {
        let value = self.value(raw, scope);
        let shown = one_line(raw, 80);
        let reads = match kind {
            IoFileRedirectKind::Read | IoFileRedirectKind::DuplicateInput => true,
            IoFileRedirectKind::Write
            | IoFileRedirectKind::Append
            | IoFileRedirectKind::ReadAndWrite
            | IoFileRedirectKind::Clobber
            | IoFileRedirectKind::DuplicateOutput => false,
        };
        let path = match &value {
            Value::Known(_) => value.literal(),
            Value::Data | Value::Many => None,
        };
        match path {
            Some(path) if listed(SINKS, path) => {}
            Some(path) if reads && !path.starts_with('/') && self.path(path, scope).is_some_and(|path| !secret(&path)) => {}
            Some(path) if !reads && path.starts_with('/') && !path.starts_with("/tmp/") => {
                self.note(scope, Class::Destroy, "overwrites", format!("it writes over {shown}"), "write below \"$STUDIO_OUT\"");
            }
            // Its copy of the repository is sealed but for the folders that its side file declares; what it runs stays as it is.
            Some(path) if !reads && self.path(path, scope).is_some_and(|path| !secret(&path) && (self.setting.file)(&path).is_none()) => {
                self.note(scope, Class::LocalWrite, "writes", format!("it writes {shown}, in its copy of the repository"), "");
            }
            None if !reads && self.own(raw) => {
                self.note(scope, Class::LocalWrite, "writes", format!("it writes {shown}, in a folder of the run"), "");
            }
            Some(_) | None => {
                let what = if reads { "reads" } else { "writes" };
                let why = format!("it {what} {shown}");
                self.note(scope, Class::Opaque, "redirect", why, "write below \"$STUDIO_OUT\", read files of the repository by their path");
            }
        }
    }

    /// Says whether a word is a file below a folder of the run, which the script itself does not set.
    fn own(&self, raw: &str) -> bool {
        let bare: String = raw.chars().filter(|c| *c != '"').collect();
        OWN.iter().any(|folder| {
            let rest = bare.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
            rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain) && !rest.split('/').any(|part| part == ".."))
                && self.names.never(folder.trim_matches(['$', '{', '}']))
        })
    }
}
