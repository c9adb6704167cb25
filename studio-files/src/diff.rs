//! Diffs: what edits change in a tree, as git writes it and `git apply` reads it.

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;
use studio_core::limits::DIFF_LINES_MAX;
use studio_core::name::RelPath;
use studio_core::plan::Edit;
use studio_core::tree::{Tree, TreeError, after};

/// Lines shown around a change.
const CONTEXT_LINES: usize = 3;

/// Returns what `edits`, taken together, change in `base`: one entry a file, by path. A file that
/// was written and then renamed is one rename with changes; one that ends as it began is left out.
///
/// Modes are not known here: new and removed files are shown as plain ones.
///
/// # Errors
/// The tree cannot be read.
pub fn unified(base: &dyn Tree, edits: &[Edit]) -> Result<String, TreeError> {
    let paths: BTreeSet<&RelPath> = edits.iter().flat_map(Edit::paths).collect();
    let mut moved = BTreeSet::new();
    let mut changes = Vec::new();
    for path in &paths {
        let (mut old, new) = (base.read(path)?, after(base, edits, path)?);
        let mut from = *path;
        if old.is_none() && new.is_some() {
            let origin = origin(edits, path);
            let gone = origin != *path && after(base, edits, origin)?.is_none();
            if let Some(bytes) = base.read(origin)?.filter(|_| gone) {
                (old, from) = (Some(bytes), origin);
                moved.insert(origin);
            }
        }
        changes.push((from, *path, old, new));
    }
    let mut text = String::new();
    for (from, path, old, new) in changes {
        let renamed_away = new.is_none() && moved.contains(path);
        if !renamed_away && (old != new || from != path) {
            file(&mut text, from, path, old.as_deref(), new.as_deref());
        }
    }
    Ok(text)
}

/// Returns the name under which the file at `path` stood before the edits; `path` itself if it was
/// made by them.
fn origin<'a>(edits: &'a [Edit], path: &'a RelPath) -> &'a RelPath {
    let mut name = path;
    for edit in edits.iter().rev() {
        match edit {
            Edit::Rename { path: from, to } if to == name => name = from,
            Edit::Rename { path: gone, .. } | Edit::Remove { path: gone } if gone == name => return path,
            Edit::Write { .. } | Edit::Remove { .. } | Edit::Rename { .. } => {}
        }
    }
    name
}

fn file(text: &mut String, from: &RelPath, path: &RelPath, old: Option<&[u8]>, new: Option<&[u8]>) {
    let _ = writeln!(text, "diff --git a/{from} b/{path}");
    match (old, new) {
        (None, _) => text.push_str("new file mode 100644\n"),
        (_, None) => text.push_str("deleted file mode 100644\n"),
        (Some(old), Some(new)) if from != path => {
            let same = if old == new { "similarity index 100%\n" } else { "" };
            let _ = writeln!(text, "{same}rename from {from}\nrename to {path}");
        }
        (Some(_), Some(_)) => {}
    }
    let name = |side: &str, path: &RelPath, bytes: Option<&[u8]>| bytes.map_or("/dev/null".into(), |_| format!("{side}/{path}"));
    let (before, behind) = (name("a", from, old), name("b", path, new));
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    if old == new {
        return;
    }
    let (Some(old), Some(new)) = (plain(old), plain(new)) else {
        let _ = writeln!(text, "Binary files {before} and {behind} differ");
        return;
    };
    // A name with a space ends in a tab, or its reader would not know where it ends.
    let tab = |name: &str| if name.contains(' ') { "\t" } else { "" };
    let _ = writeln!(text, "--- {before}{}\n+++ {behind}{}", tab(&before), tab(&behind));
    hunks(text, &lines(old), &lines(new));
}

fn plain(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn hunks(text: &mut String, old: &[&str], new: &[&str]) {
    // Comparing takes lines times changes, so very long files are shown as replaced.
    let ops = if old.len() + new.len() <= DIFF_LINES_MAX {
        capture_diff_slices(Algorithm::Myers, old, new)
    } else {
        vec![DiffOp::Replace { old_index: 0, old_len: old.len(), new_index: 0, new_len: new.len() }]
    };
    for group in group_diff_ops(ops, CONTEXT_LINES) {
        // Only an equal op knows its place on both sides; a group without one in front begins the file.
        let equal = group.first().filter(|op| op.tag() == DiffTag::Equal);
        let begin = |range: fn(&DiffOp) -> Range<usize>| equal.map_or(0, |op| range(op).start);
        let count = |range: fn(&DiffOp) -> Range<usize>| group.iter().map(|op| range(op).len()).sum();
        let old_span = span(begin(DiffOp::old_range), count(DiffOp::old_range));
        let new_span = span(begin(DiffOp::new_range), count(DiffOp::new_range));
        let _ = writeln!(text, "@@ -{old_span} +{new_span} @@");
        for op in &group {
            match op.tag() {
                DiffTag::Equal => put(text, ' ', old.get(op.old_range())),
                DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
                    put(text, '-', old.get(op.old_range()));
                    put(text, '+', new.get(op.new_range()));
                }
            }
        }
    }
}

/// Writes a range as hunks count it: from 1, and of nothing the line before.
fn span(begin: usize, count: usize) -> String {
    match count {
        0 => format!("{begin},0"),
        1 => (begin + 1).to_string(),
        _ => format!("{},{count}", begin + 1),
    }
}

fn put(text: &mut String, sign: char, lines: Option<&[&str]>) {
    for line in lines.unwrap_or_default() {
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use studio_core::tree::MemoryTree;

    fn path(text: &str) -> RelPath {
        RelPath::try_from(text).unwrap()
    }

    fn write(name: &str, text: &str) -> Edit {
        Edit::Write { path: path(name), text: text.into() }
    }

    fn rename(from: &str, to: &str) -> Edit {
        Edit::Rename { path: path(from), to: path(to) }
    }

    fn diff(base: &[(&str, &[u8])], edits: &[Edit]) -> String {
        let base = MemoryTree(base.iter().map(|(name, bytes)| (path(name), bytes.to_vec())).collect());
        unified(&base, edits).unwrap()
    }

    #[test]
    fn a_change_shows_three_lines_around_it() {
        let shown = diff(&[("a", b"1\n2\n3\n4\n5\n6\n7\n8\n9\n")], &[write("a", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n")]);
        assert_eq!(shown, "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
    }

    #[test]
    fn files_come_and_go() {
        let shown =
            diff(&[("gone", b"x\n"), ("void", b"")], &[write("new", "y"), Edit::Remove { path: path("gone") }, Edit::Remove { path: path("void") }]);
        assert_eq!(
            shown,
            "diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
             diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+y\n\\ No newline at end of file\n\
             diff --git a/void b/void\ndeleted file mode 100644\n"
        );
    }

    #[test]
    fn a_write_and_a_rename_are_one_change() {
        let shown = diff(&[("a", b"1\n2\n")], &[write("a", "1\n3\n"), rename("a", "b c")]);
        assert_eq!(shown, "diff --git a/a b/b c\nrename from a\nrename to b c\n--- a/a\n+++ b/b c\t\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n");
        assert_eq!(diff(&[("a", b"1")], &[rename("a", "b"), rename("b", "c")]).lines().nth(1), Some("similarity index 100%"));
        assert_eq!(diff(&[("a", b"1")], &[rename("a", "b"), rename("b", "a")]), "");
        assert_eq!(diff(&[], &[write("a", "1"), Edit::Remove { path: path("a") }]), "");
    }

    #[test]
    fn a_name_that_is_taken_again_is_no_rename() {
        let shown = diff(&[("a", b"1\n")], &[rename("a", "b"), write("a", "2\n")]);
        assert!(!shown.contains("rename") && shown.contains("new file mode") && shown.contains("--- a/a\n+++ b/a\n"), "{shown}");
        let over = diff(&[("a", b"1\n"), ("b", b"2\n")], &[rename("a", "b")]);
        assert!(over.contains("deleted file mode") && over.contains("-2\n+1\n") && !over.contains("rename"), "{over}");
    }

    #[test]
    fn what_is_no_text_is_only_named() {
        let shown = diff(&[("a", b"\xff\xfe"), ("z", b"a\0b")], &[write("a", "x\n"), Edit::Remove { path: path("z") }]);
        assert!(shown.contains("Binary files a/a and b/a differ\n") && shown.contains("Binary files a/z and /dev/null differ\n"), "{shown}");
    }

    #[test]
    fn a_lone_carriage_return_ends_no_line() {
        let shown = diff(&[("a", b"x\ry\n")], &[write("a", "x\rz\n")]);
        assert!(shown.ends_with("@@ -1 +1 @@\n-x\ry\n+x\rz\n"), "{shown:?}");
    }

    #[test]
    fn a_group_without_context_begins_at_the_first_line() {
        let shown = diff(&[("a", b"w\nw\nx\ntail")], &[write("a", "x\nchg\nx\nchg")]);
        assert!(shown.contains("@@ -1,4 +1,4 @@\n-w\n-w\n x\n"), "{shown}");
    }

    #[test]
    fn very_long_files_are_shown_as_replaced() {
        let old = "a\n".repeat(DIFF_LINES_MAX);
        let shown = diff(&[("a", old.as_bytes())], &[write("a", "a\n")]);
        assert_eq!(shown.lines().filter(|line| *line == "-a").count(), DIFF_LINES_MAX);
    }
}
