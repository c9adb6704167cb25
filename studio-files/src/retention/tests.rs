//! Retention of made-up runs: which go, and that nothing else does.

use super::*;

fn stored(id: &str, bytes: u64, closed: bool) -> Stored {
    let day = format!("{}-{}-{}", &id[..4], &id[4..6], &id[6..8]).parse().unwrap();
    Stored { id: RunId::try_from(id).unwrap(), home: Home::Simulated, bytes, closed, day }
}

fn goes(runs: &[Stored], days: u32, bytes: u64) -> Vec<String> {
    plan(runs, days, bytes, "2026-11-22".parse().unwrap()).iter().map(|run| run.id.as_str()[..8].to_string()).collect()
}

#[test]
fn age_and_size_take_the_oldest_first_and_never_an_open_one() {
    let runs = [
        stored("20261121-101112-b-0a1f", 30, true),
        stored("20251001-101112-a-0a1f", 10, false),
        stored("20260801-101112-c-0a1f", 20, true),
        stored("20261122-101112-d-0a1f", 5, true),
    ];
    assert_eq!(goes(&runs, 90, 1000), ["20260801"]);
    assert_eq!(goes(&runs, 1000, 1000), [""; 0]);
    assert_eq!(goes(&runs, 1000, 50), ["20260801"]);
    assert_eq!(goes(&runs, 1000, 44), ["20260801", "20261121"]);
    assert_eq!(goes(&runs, 0, 0), ["20260801", "20261121", "20261122"]);
    assert_eq!(goes(&runs, 113, 1000), [""; 0]);
    assert_eq!(goes(&runs, 112, 1000), ["20260801"]);
}

/// A checkout with one run and its memory.
fn lab(run: &Stored) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for folder in [run.home.folder(), MEMORY] {
        fs::create_dir_all(root.path().join(folder).join(run.id.as_str()).join("deep")).unwrap();
        fs::write(root.path().join(folder).join(run.id.as_str()).join("journal.jsonl"), "x").unwrap();
    }
    root
}

#[test]
fn a_run_weighs_what_it_holds_itself() {
    let run = stored("20261121-101112-b-0a1f", 8, false);
    let root = lab(&run);
    let folder = root.path().join(run.home.folder()).join(run.id.as_str());
    fs::write(folder.join("deep/blob"), "1234567").unwrap();
    std::os::unix::fs::symlink("/", folder.join("away")).unwrap();
    assert_eq!(weigh(root.path(), run.home, &run.id, false).unwrap(), run);
    assert_eq!(weigh(root.path(), Home::Runs, &run.id, false).unwrap().bytes, 0);
    let odd = RunId::try_from("20261399-101112-b-0a1f").unwrap();
    assert!(matches!(weigh(root.path(), run.home, &odd, true), Err(RetentionError::Day(_))));
}

#[test]
fn holes_in_a_file_weigh_nothing() {
    let run = stored("20261121-101112-b-0a1f", 8, true);
    let root = lab(&run);
    let sparse = fs::File::create(root.path().join(run.home.folder()).join(run.id.as_str()).join("sparse")).unwrap();
    sparse.set_len(5 << 30).unwrap();
    assert!(weigh(root.path(), run.home, &run.id, true).unwrap().bytes < 1 << 20);
}

fn names(root: &Path, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_goes_with_its_memory_and_what_a_crash_left() {
    let run = stored("20261121-101112-b-0a1f", 1, true);
    let root = lab(&run);
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("precious"), "x").unwrap();
    let folder = root.path().join(run.home.folder());
    std::os::unix::fs::symlink(other.path(), folder.join(run.id.as_str()).join("away")).unwrap();
    std::os::unix::fs::symlink(other.path(), folder.join(".going-20261120-101112-b-0a1f")).unwrap();
    for left in [".going-20261121-101112-b-0a1f", ".going-20261119-101112-x-0a1f", ".going-else", "20261101-101112-z-0a1f"] {
        fs::create_dir_all(folder.join(left).join("half")).unwrap();
    }
    fs::create_dir(root.path().join(MEMORY).join(".going-20261118-101112-x-0a1f")).unwrap();
    remove(root.path(), &run).unwrap();
    assert_eq!(
        names(root.path(), run.home.folder()),
        [".going-20261119-101112-x-0a1f", ".going-20261120-101112-b-0a1f", ".going-else", "20261101-101112-z-0a1f"]
    );
    assert_eq!(sweep_all(root.path()).unwrap(), 3);
    assert_eq!(names(root.path(), run.home.folder()), [".going-else", "20261101-101112-z-0a1f"]);
    assert_eq!(names(root.path(), MEMORY), [""; 0]);
    assert_eq!(sweep_all(root.path()).unwrap(), 0);
    assert!(other.path().join("precious").exists());
    remove(root.path(), &run).unwrap();
}

#[test]
fn a_run_that_is_open_or_held_stays() {
    let run = stored("20261121-101112-b-0a1f", 1, true);
    let root = lab(&run);
    assert!(matches!(remove(root.path(), &Stored { closed: false, ..run.clone() }), Err(RetentionError::Open(_))));
    let file = OsDisk.open(&root.path().join(run.home.folder()).join(run.id.as_str()).join("journal.jsonl")).unwrap();
    assert!(OsDisk.lock(&file).unwrap());
    assert!(matches!(remove(root.path(), &run), Err(RetentionError::Held(_))));
    assert_eq!((names(root.path(), run.home.folder()).len(), names(root.path(), MEMORY).len()), (1, 1));
    drop(file);
    remove(root.path(), &run).unwrap();
}

#[test]
fn a_symlink_in_the_place_of_a_run_is_refused() {
    let run = stored("20261121-101112-b-0a1f", 1, true);
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(root.path().join(run.home.folder())).unwrap();
    std::os::unix::fs::symlink(other.path(), root.path().join(run.home.folder()).join(run.id.as_str())).unwrap();
    assert!(matches!(remove(root.path(), &run), Err(RetentionError::Disk(DiskError::Symlink(_)))));
    assert!(root.path().join(run.home.folder()).join(run.id.as_str()).is_symlink());
}

/// A folder as a step may leave it: sealed and unreadable, with a link out of it.
fn sealed(place: &Path, away: &Path) {
    fs::create_dir_all(place.join("out/a/b")).unwrap();
    fs::write(place.join("out/a/b/blob"), "1234567").unwrap();
    std::os::unix::fs::symlink(away, place.join("out/a/away")).unwrap();
    for (folder, mode) in [("out/a/b", 0o000), ("out/a", 0o555), ("out", 0o444)] {
        fs::set_permissions(place.join(folder), fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn mode(place: &Path) -> u32 {
    fs::symlink_metadata(place).unwrap().permissions().mode() & 0o7777
}

#[test]
fn sealed_folders_go_and_what_links_lead_to_keeps_its_mode() {
    let run = stored("20261121-101112-b-0a1f", 1, true);
    let (root, other) = (lab(&run), tempfile::tempdir().unwrap());
    fs::set_permissions(other.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let runs = root.path().join(run.home.folder());
    let left = runs.join(".going-20261119-101112-x-0a1f");
    for place in [&runs.join(run.id.as_str()), &left] {
        sealed(place, other.path());
    }
    weigh(root.path(), run.home, &run.id, true).unwrap();
    remove(root.path(), &run).unwrap();
    assert_eq!(names(root.path(), run.home.folder()), [".going-20261119-101112-x-0a1f"]);
    // Whoever runs this may be root, to whom no folder is sealed.
    unseal(&left).unwrap();
    assert_eq!([mode(&left.join("out")), mode(&left.join("out/a")), mode(&left.join("out/a/b"))], [0o744, 0o755, 0o700]);
    assert_eq!(sweep_all(root.path()).unwrap(), 1);
    assert_eq!((names(root.path(), run.home.folder()).len(), mode(other.path())), (0, 0o500));
}

#[test]
fn a_folder_that_cannot_be_swept_keeps_no_other() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join(Home::Simulated.folder()).join(".going-20261119-101112-x-0a1f")).unwrap();
    fs::write(root.path().join(Home::Runs.folder()), "no folder").unwrap();
    assert!(matches!(sweep_all(root.path()), Err(RetentionError::Io("list", ..))));
    assert_eq!(names(root.path(), Home::Simulated.folder()), [""; 0]);
    assert_eq!(sweep_all(&root.path().join("none")).unwrap(), 0);
}
