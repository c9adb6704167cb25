//! Which files of the repository a persona is shown: names of many, texts of few, always the same for the same run.

use crate::dossier::{Dossier, FileView};
use crate::limits::{FILE_SHOWN_BYTES_MAX, FILES_SHOWN_MAX};
use crate::name::RelPath;
use crate::place::secret;
use crate::plan::{Check, Edit};
use crate::tree::{Tree, TreeError, after};

/// Puts files into the dossier: those the ticket or the plan names, then those of the ticket's
/// scope, as they stand after the edits of this round. `listed` are the names in `tree`. Of a file of a secret
/// place no persona sees more than its name, whatever it is called after the edits.
pub(super) fn show(tree: &dyn Tree, listed: Vec<RelPath>, dossier: &mut Dossier) -> Result<(), TreeError> {
    let words = words(dossier);
    let named = |path: &&RelPath| mentions(&words, path.as_str());
    let checked = dossier.plan.iter().flat_map(|plan| &plan.criteria).filter_map(|criterion| match &criterion.check {
        Some(Check::File { path, .. }) => Some(path),
        Some(Check::Step { .. } | Check::ReadBack { .. }) | None => None,
    });
    let scope = &dossier.ticket.scope;
    let inside = |path: &&RelPath| scope.iter().any(|scope| path.starts_with(scope));
    let mut wanted: Vec<RelPath> = Vec::new();
    let paths = dossier.ticket.script.iter().chain(checked).chain(listed.iter().filter(named)).chain(listed.iter().filter(inside));
    for path in paths {
        if wanted.len() < FILES_SHOWN_MAX && !wanted.contains(path) {
            wanted.push(path.clone());
        }
    }
    let edits = dossier.change.as_ref().map(|change| change.edits.as_slice()).unwrap_or_default();
    let taken = edits.iter().any(|edit| matches!(edit, Edit::Rename { path, .. } if secret(path.as_str())));
    let renamed = |path: &RelPath| edits.iter().any(|edit| matches!(edit, Edit::Rename { to, .. } if to == path));
    for path in wanted {
        let Some(bytes) = after(tree, edits, &path)? else { continue };
        let hidden = secret(path.as_str()) || (taken && renamed(&path));
        let text = String::from_utf8(bytes).ok().filter(|_| !hidden);
        let text = text.filter(|text| text.len() <= FILE_SHOWN_BYTES_MAX);
        dossier.files.push(FileView { path, text });
    }
    dossier.listed = listed;
    Ok(())
}

/// Returns all prose in one text, which is searched faster than many; no path runs over the end of a line.
fn words(dossier: &Dossier) -> String {
    let ticket = &dossier.ticket;
    let prose = [Some(&ticket.title), ticket.body.as_ref(), dossier.brief.as_ref(), dossier.plan.as_ref().map(|plan| &plan.goal)];
    let spoken = prose.into_iter().flatten().chain(&ticket.criteria).chain(&ticket.constraints).map(|prose| prose.to_string());
    let plan = dossier.plan.iter().flat_map(|plan| &plan.criteria).map(|criterion| criterion.text.to_string());
    spoken.chain(plan).chain(dossier.feedback.iter().map(|remark| remark.text.to_string())).collect::<Vec<_>>().join("\n")
}

/// Says whether `text` names the path, as a whole word.
fn mentions(text: &str, path: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '-');
    text.match_indices(path).any(|(at, _)| !text[..at].ends_with(part) && !text[at + path.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Change;
    use crate::text::Prose;
    use crate::ticket::{Source, Ticket};
    use crate::tree::MemoryTree;

    #[test]
    fn secrets_are_named_and_never_shown() {
        let path = |text: &str| RelPath::try_from(text).unwrap();
        let names = ["config/env/prod.env", "talos/id_ed25519", ".talos/main/talosconfig", "docs/a.md", "docs/c.md"];
        let tree = MemoryTree(names.map(|name| (path(name), b"S3CR3T".to_vec())).into());
        let mut ticket = Ticket::new("t".parse().unwrap(), Prose::tamed("x"), Source { path: path("ai/backlog.md"), line: 1 });
        ticket.body = Some(Prose::tamed(&format!("{} docs/b.md", names.join(" "))));
        let rename = |from: &str, to: &str| Edit::Rename { path: path(from), to: path(to) };
        let edits = vec![rename("config/env/prod.env", "docs/mid.md"), rename("docs/mid.md", "docs/b.md"), rename("docs/c.md", "docs/d.md")];
        let change = Some(Change { summary: Prose::tamed("s"), edits, runbook: Vec::new() });
        let (brief, plan) = (None, None);
        let mut dossier = Dossier {
            ticket,
            round: 1,
            brief,
            plan,
            change,
            steps: Vec::new(),
            checks: Vec::new(),
            feedback: Vec::new(),
            failures: Vec::new(),
            files: Vec::new(),
            listed: Vec::new(),
            queue: Vec::new(),
        };
        show(&tree, names.iter().map(|name| path(name)).chain([path("docs/b.md")]).collect(), &mut dossier).unwrap();
        let shown: Vec<(&str, bool)> = dossier.files.iter().map(|file| (file.path.as_str(), file.text.is_some())).collect();
        assert_eq!(shown, [("talos/id_ed25519", false), (".talos/main/talosconfig", false), ("docs/a.md", true), ("docs/b.md", false)]);
    }

    #[test]
    fn a_path_is_named_as_a_whole_word() {
        for text in ["see a/b.md", "a/b.md", "(a/b.md)", "one\na/b.md\ntwo", "x/a/b.md, then a/b.md."] {
            assert!(mentions(text, "a/b.md"), "{text}");
        }
        for text in ["", "x/a/b.md", "a/b.mdx", "a/\nb.md", "a/b.md/c", "-a/b.md"] {
            assert!(!mentions(text, "a/b.md"), "{text}");
        }
    }
}
