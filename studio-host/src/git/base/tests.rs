//! Files, folders and links of a commit, and commits that are damaged.

use super::*;
use crate::git::fixture::{Fixture, put, text};
use gix::objs::tree::EntryKind;

/// Puts `main` at a commit of these entries.
fn tree(fixture: &Fixture, entries: &[(&str, EntryKind, ObjectId)]) -> Base {
    let commit = fixture.commit(fixture.tree(entries), &[], "m");
    fixture.git("refs/heads/main", commit.to_string());
    fixture.base()
}

#[test]
fn only_regular_files_are_read() {
    let fixture = Fixture::new();
    let (file, empty) = (fixture.blob(b"text"), fixture.blob(b""));
    let base = tree(
        &fixture,
        &[
            ("README.md", EntryKind::Blob, file),
            ("a/b/run.sh", EntryKind::BlobExecutable, file),
            ("a/empty", EntryKind::Blob, empty),
            ("link", EntryKind::Link, fixture.blob(b"README.md")),
            ("folder-link", EntryKind::Link, fixture.blob(b"a")),
            ("module", EntryKind::Commit, file),
        ],
    );
    for (path, seen) in [("README.md", "text"), ("a/b/run.sh", "text"), ("a/empty", "")] {
        assert_eq!(text(&base, path).unwrap().as_deref(), Some(seen), "{path}");
    }
    for path in ["link", "folder-link", "folder-link/empty", "module", "module/x", "a", "a/b", "README.md/x", "readme.md", "b", "a/c"] {
        assert_eq!(text(&base, path).unwrap(), None, "{path}");
    }
    let links: Vec<_> = base.links(9).unwrap().into_iter().map(|(path, target)| format!("{path} {target}")).collect();
    assert_eq!((links, base.links(1).unwrap().len()), (vec!["folder-link a".into(), "link README.md".into()], 1));
    assert_eq!((base.name(), base.notes()), ("main", [].as_slice()));
    assert_eq!(base.commit().unwrap().as_str().len(), 40);
}

#[test]
fn what_lies_below_a_folder_is_what_the_whole_list_has_there() {
    let fixture = Fixture::new();
    let (file, link) = (fixture.blob(b"text"), fixture.blob(b"a"));
    let base = tree(
        &fixture,
        &[
            ("a/b/c/run.sh", EntryKind::BlobExecutable, file),
            ("a/b.md", EntryKind::Blob, file),
            ("a/b/x.md", EntryKind::Blob, file),
            ("ab/x.md", EntryKind::Blob, file),
            ("a/link", EntryKind::Link, link),
            ("a/module", EntryKind::Commit, file),
        ],
    );
    let all = base.list(usize::MAX).unwrap();
    assert_eq!(all.len(), 4);
    for folder in ["a", "a/b", "a/b/c", "a/b/c/run.sh", "a/b.md", "ab", "a/link", "a/link/x", "a/module", "absent", "a/b.md/x"] {
        let folder = RelPath::try_from(folder).unwrap();
        for most in [0, 1, 2, usize::MAX] {
            let expected: Vec<_> = all.iter().filter(|path| path.starts_with(&folder)).take(most).cloned().collect();
            assert_eq!(base.list_below(&folder, most).unwrap(), expected, "{folder} {most}");
        }
    }
    assert_eq!(Fixture::new().base().list_below(&RelPath::try_from("a").unwrap(), 9).unwrap(), []);
}

#[test]
fn a_folder_is_read_once() {
    let fixture = Fixture::with(&[("a/b/c", "1")]);
    let base = fixture.base();
    assert_eq!(text(&base, "a/b/c").unwrap().as_deref(), Some("1"));
    let folder = ObjectId::from_hex(fixture.tree(&[("c", EntryKind::Blob, fixture.blob(b"1"))]).to_string().as_bytes()).unwrap();
    std::fs::remove_file(fixture.loose(folder)).unwrap();
    assert_eq!((text(&base, "a/b/c").unwrap().as_deref(), base.list(9).unwrap().len()), (Some("1"), 1));
    assert!(fixture.base().list(9).is_err(), "another base reads it anew");
}

#[test]
fn before_the_first_commit_there_are_no_files_and_no_identity() {
    let base = Fixture::new().base();
    assert_eq!((base.commit(), base.repo_id().unwrap(), text(&base, "a").unwrap()), (None, None, None));
    assert_eq!(base.name(), "main");
    assert!(base.notes()[0].contains("no commits"), "{:?}", base.notes());
}

#[test]
fn a_large_file_is_refused_by_its_header() {
    let fixture = Fixture::new();
    let most = usize::try_from(FILE_BYTES_MAX).unwrap();
    let (fits, large, huge) = (fixture.blob(&vec![b'a'; most]), fixture.blob(&vec![b'a'; most + 1]), fixture.blob(&vec![b'a'; most * 20]));
    let base = tree(&fixture, &[("fits", EntryKind::Blob, fits), ("large", EntryKind::Blob, large), ("huge", EntryKind::Blob, huge)]);
    assert_eq!(text(&base, "fits").unwrap().unwrap().len(), most);
    for (name, size) in [("large", FILE_BYTES_MAX + 1), ("huge", FILE_BYTES_MAX * 20)] {
        let error = text(&base, name).unwrap_err();
        assert!(matches!(&error, TreeError::Large(path, seen) if path.as_str() == name && *seen == size), "{error}");
    }
}

#[test]
fn packed_objects_deltas_and_refs_are_read() {
    let fixture = Fixture::new();
    let (first, second) = (fixture.blob(b"one\n"), fixture.blob(b"one\ntwo\n"));
    let files = fixture.tree(&[("a", EntryKind::Blob, first), ("b", EntryKind::Blob, second)]);
    let commit = fixture.commit(files, &[], "m");
    fixture.pack(&[first, files, commit, second]);
    fixture.git("packed-refs", format!("# pack-refs with: peeled fully-peeled sorted \n{commit} refs/heads/main\n"));
    let base = fixture.base();
    assert_eq!(base.commit().unwrap().as_str(), commit.to_string());
    assert_eq!(text(&base, "a").unwrap().as_deref(), Some("one\n"));
    assert_eq!(text(&base, "b").unwrap().as_deref(), Some("one\ntwo\n"));
    assert!(base.repo_id().unwrap().is_some());
}

#[test]
fn an_object_that_is_not_what_its_name_says_is_an_error() {
    let fixture = Fixture::with(&[("a", "good"), ("b", "other")]);
    let (a, b) = (fixture.loose(fixture.blob(b"good")), fixture.loose(fixture.blob(b"other")));
    let base = fixture.base();
    put(&a, std::fs::read(&b).unwrap());
    let error = text(&base, "a").unwrap_err().to_string();
    assert!(error.contains("hash to"), "{error}");
    put(&a, b"garbage");
    assert!(text(&base, "a").is_err());
    std::fs::remove_file(&a).unwrap();
    let error = text(&base, "a").unwrap_err().to_string();
    assert!(error.starts_with("failed to read a from the repository") && error.contains("git fsck"), "{error}");
    assert_eq!(text(&base, "b").unwrap().as_deref(), Some("other"));
}

#[test]
fn a_folder_with_one_name_twice_is_an_error() {
    let fixture = Fixture::new();
    let entry = |text: &[u8]| gix::objs::tree::Entry { mode: EntryKind::Blob.into(), filename: "a".into(), oid: fixture.blob(text) };
    let files = fixture.repo.write_object(gix::objs::Tree { entries: vec![entry(b"1"), entry(b"2")] }).unwrap().detach();
    fixture.git("refs/heads/main", fixture.commit(files, &[], "m").to_string());
    let base = fixture.base();
    assert!(text(&base, "a").unwrap_err().to_string().contains("two entries"));
    assert_eq!(text(&base, "b").unwrap(), None);
}

#[test]
fn the_identity_is_made_of_the_sorted_roots() {
    let fixture = Fixture::new();
    let left = fixture.grow("refs/heads/left", &[("a", "1")], &[]);
    let right = fixture.grow("refs/heads/right", &[("b", "1")], &[]);
    fixture.git("refs/heads/main", left.to_string());
    let one = fixture.base().repo_id().unwrap().unwrap();
    let merged = fixture.grow("refs/heads/main", &[("a", "1")], &[right, left]);
    fixture.grow("refs/heads/main", &[("a", "2")], &[merged]);
    let two = fixture.base().repo_id().unwrap().unwrap();
    let mut roots = [left.to_string(), right.to_string()];
    roots.sort();
    let hex = |text: String| format!("{:x}", Sha256::digest(text))[..16].to_string();
    assert_eq!((one, two), (hex(left.to_string()), hex(roots.join("\n"))));
}

#[test]
fn a_broken_history_has_no_identity() {
    let fixture = Fixture::with(&[("a", "1")]);
    let root = fixture.repo.head_id().unwrap().detach();
    fixture.grow("refs/heads/main", &[("a", "2")], &[root]);
    std::fs::remove_file(fixture.loose(root)).unwrap();
    let base = fixture.base();
    assert!(base.repo_id().is_err());
    assert_eq!(text(&base, "a").unwrap().as_deref(), Some("2"));
}

#[test]
fn a_shallow_clone_is_read_but_has_no_identity() {
    let fixture = Fixture::with(&[("a", "1")]);
    let absent = ObjectId::from_hex(&[b'1'; 40]).unwrap();
    let tip = fixture.grow("refs/heads/main", &[("a", "2")], &[absent]);
    fixture.git("shallow", format!("{tip}\n"));
    let base = fixture.base();
    assert_eq!(text(&base, "a").unwrap().as_deref(), Some("2"));
    assert_eq!(base.repo_id().unwrap(), None);
    assert!(base.notes()[0].contains("shallow"), "{:?}", base.notes());
}

#[test]
fn threads_share_a_base() {
    let base = Fixture::with(&[("a", "1")]);
    let (base, _kept) = (base.base(), base);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(text(&base, "a").unwrap().as_deref(), Some("1")));
        }
    });
}
