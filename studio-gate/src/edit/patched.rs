//! Judging what a patch does to one file: its modes, its names, and its text as it is then.

use super::{Finding, PROSE, findings, located};

use crate::patch::FilePatch;
use crate::place::{self, Scopes};
use studio_core::gate::EditVerdict;
use studio_core::name::RelPath;
use studio_core::plan::Edit;
use studio_core::ticket::Stage;

/// Files that are no text and that people only look at.
const PICTURES: &str = "docs/*.png docs/*.jpg";

/// Returns everything that is found about what a patch does to one file.
///
/// # Errors
/// It held something else than the patch says.
pub(crate) fn patched(file: &FilePatch, before: Option<&[u8]>, stage: Stage, scopes: &Scopes) -> Result<Vec<Finding>, String> {
    let name = file.new.as_ref().or(file.old.as_ref()).cloned().unwrap_or_default();
    let mut found = modes(file, &name);
    let mut paths = Vec::new();
    for path in [&file.old, &file.new] {
        match path.as_deref().map(RelPath::try_from).transpose() {
            Ok(path) => paths.push(path),
            Err(error) => {
                found.push(Finding::of(EditVerdict::Block, "bad-path", &name, 1, error.to_string()));
                return Ok(found);
            }
        }
    }
    // What is no UTF-8 is seen by nobody either.
    let odd = before.is_some_and(|bytes| std::str::from_utf8(bytes).is_err()) || file.odd();
    let mut seen = file.clone();
    seen.binary |= odd;
    let file = &seen;
    let text = |path: &RelPath| {
        if file.binary {
            return Ok(None);
        }
        let text = file.apply(&before.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default());
        text.map(|text| Some(Edit::Write { path: path.clone(), text })).map_err(|why| format!("{path}: {why}"))
    };
    let edits = match paths.as_slice() {
        [Some(old), Some(new)] if old == new && file.lines() == 0 && !file.binary => Vec::new(),
        [Some(old), Some(new)] if old == new => vec![text(new)?],
        [Some(old), Some(new)] => {
            let rename = Some(Edit::Rename { path: old.clone(), to: new.clone() }).filter(|_| !file.copies);
            vec![rename, if file.lines() > 0 || file.copies { text(new)? } else { None }]
        }
        [None, Some(new)] => vec![text(new)?],
        [Some(old), None] => vec![Some(Edit::Remove { path: old.clone() })],
        [..] => Vec::new(),
    };
    // A copy is a new file: what it was made out of stays as it is.
    let before = before.filter(|_| !file.copies);
    found.extend(edits.iter().flatten().flat_map(|edit| findings(edit, before, stage, scopes)));
    if file.binary || edits.is_empty() {
        found.extend(paths.iter().flatten().flat_map(|path| located(path.as_str(), stage, scopes, file.new.is_none())));
        let prose = place::listed(if file.binary { PICTURES } else { PROSE }, &place::fold(&name));
        let verdict = if prose { EditVerdict::Pass } else { EditVerdict::Gate };
        let (rule, why) =
            if file.binary { ("binary", "its bytes are no text, so nobody sees what changes") } else { ("mode", "only its mode changes") };
        found.push(Finding::of(verdict, rule, &name, 1, why.into()));
    }
    Ok(found)
}

/// What the modes of a file say.
fn modes(file: &FilePatch, name: &str) -> Vec<Finding> {
    let kind = |mode: Option<u32>| mode.map(|mode| mode & 0o170_000);
    let finding = |verdict, rule, why: &str| Finding::of(verdict, rule, name, 1, why.into());
    match (kind(file.new_mode), file.new_mode) {
        (Some(0o160_000), _) => vec![finding(EditVerdict::Block, "gitlink", "it leads to another repository, whose files nobody here judges")],
        (Some(0o120_000), _) => {
            vec![finding(EditVerdict::Ask, "symlink", "it leads elsewhere: what is read or written there is not what is seen here")]
        }
        (Some(0o100_000), Some(mode)) if mode & 0o111 != 0 && file.old_mode != Some(mode) => {
            vec![finding(EditVerdict::Gate, "executable", "it can be run then")]
        }
        (Some(0o100_000) | None, _) => Vec::new(),
        (Some(_), _) => vec![finding(EditVerdict::Block, "mode", "git keeps no file of this mode")],
    }
}
