//! The scripts that a script names, and those that they name in turn: by their words, never by running anything.
//!
//! It finds what people write (`. lib/common.sh`, `bash "$HERE/check.sh"`), not what a script makes up as it
//! goes; so it can only show more of a script, and never proves that there is no more.

use crate::limits::{CLOSURE_FILES_MAX, SCRIPT_BYTES_MAX};
use crate::name::RelPath;
use crate::plan::Edit;
use crate::tree::{Tree, TreeError, after};
use std::collections::BTreeSet;

/// A script and its bytes.
pub type Used = (RelPath, Vec<u8>);

/// Returns the scripts that the one at `path` names, with their bytes as they stand after `edits`, in the
/// order in which they are met, without the one at `path`; at most [`CLOSURE_FILES_MAX`].
///
/// # Errors
/// The repository cannot be read.
pub fn closure(tree: &dyn Tree, edits: &[Edit], path: &RelPath) -> Result<Vec<Used>, TreeError> {
    let (mut seen, mut used) = (BTreeSet::from([path.clone()]), Vec::new());
    let mut open = vec![(path.clone(), after(tree, edits, path)?.unwrap_or_default())];
    while let Some((script, bytes)) = open.pop() {
        for named in named(&script, &bytes) {
            if used.len() >= CLOSURE_FILES_MAX || !seen.insert(named.clone()) {
                continue;
            }
            if let Some(bytes) = after(tree, edits, &named)? {
                open.push((named.clone(), bytes.clone()));
                used.push((named, bytes));
            }
        }
    }
    Ok(used)
}

/// Returns the paths that the words of a script may mean: from the root, and from its own folder.
fn named(script: &RelPath, bytes: &[u8]) -> Vec<RelPath> {
    let text = String::from_utf8_lossy(bytes.get(..SCRIPT_BYTES_MAX).unwrap_or(bytes));
    let folder = script.as_str().rsplit_once('/').map_or("", |(folder, _)| folder);
    let apart =
        |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '(' | ')' | '<' | '>' | ';' | '|' | '&' | '=' | ',' | '{' | '}' | '$' | '\\');
    let mut paths = Vec::new();
    for word in text.split(apart).filter(|word| word.ends_with(".sh") || word.ends_with(".bash")) {
        let word = word.trim_start_matches("./");
        // `$HERE/x.sh` leaves `HERE/x.sh`: the first part may be a variable's name.
        let rest = word.split_once('/').map_or(word, |(_, rest)| rest);
        for tail in [word, rest.trim_start_matches("./")] {
            let own = if folder.is_empty() { tail.to_string() } else { format!("{folder}/{tail}") };
            paths.extend([tail.to_string(), own].into_iter().filter_map(|path| RelPath::try_from(path).ok()));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::MemoryTree;

    #[test]
    fn what_a_script_names_is_found_in_turn() {
        let path = |text: &str| RelPath::try_from(text).unwrap();
        let file = |name: &str, text: &str| (path(name), text.as_bytes().to_vec());
        let tree = MemoryTree(
            [
                file("infra/check.sh", ". infra/lib/common.sh\nbash \"$HERE/more.sh\" --x\n"),
                file("infra/lib/common.sh", "source ./wipe-node.sh; bash nothing.sh\n"),
                file("infra/lib/wipe-node.sh", "bash infra/check.sh\n"),
                file("infra/more.sh", "\"${DIR}/lib/common.sh\""),
                file("other.sh", "true"),
            ]
            .into(),
        );
        let found = |edits: &[Edit]| -> Vec<String> {
            let mut found: Vec<String> =
                closure(&tree, edits, &path("infra/check.sh")).unwrap().into_iter().map(|(path, _)| path.to_string()).collect();
            found.sort();
            found
        };
        assert_eq!(found(&[]), ["infra/lib/common.sh", "infra/lib/wipe-node.sh", "infra/more.sh"]);
        let edit = Edit::Write { path: path("infra/lib/common.sh"), text: "bash other.sh".into() };
        assert_eq!(found(&[edit]), ["infra/lib/common.sh", "infra/more.sh", "other.sh"]);
    }
}
