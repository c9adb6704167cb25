//! The memory of made-up runs, and what a search of it finds.

use super::*;
use crate::projection::made_up::{End, run};
use std::fs;

const ID: &str = "20261122-101112-add-node-0a1f";

fn prompt(prompt: &str, answer: &str) -> Prompt {
    Prompt { persona: PersonaName::try_from("planner").unwrap(), turn: 1, prompt: prompt.into(), answer: answer.into() }
}

fn remember(root: &Path, end: &End, prompts: &[Prompt], diffs: &[(u32, &str)]) -> Vec<String> {
    let (log, run) = run(ID, "live", end);
    let diffs = diffs.iter().map(|(round, diff)| (*round, diff.to_string())).collect();
    let written = write(root, &log, &run, prompts, &diffs).unwrap();
    written.iter().map(|path| path.as_str().strip_prefix("ai/studio/memory/runs/").unwrap().to_string()).collect()
}

fn text(root: &Path, name: &str) -> String {
    fs::read_to_string(root.join("ai/studio/memory/runs").join(ID).join(name)).unwrap()
}

#[test]
fn a_run_is_told_in_pages() {
    let root = tempfile::tempdir().unwrap();
    let written = remember(root.path(), &End::Failed("x"), &[prompt("What?", "This.")], &[(1, "diff --git a/a b/a\n")]);
    let names = ["prompts.md", "decisions.md", "snapshots/state.json", "snapshots/round-1.diff"];
    assert_eq!(written, names.map(|name| format!("{ID}/{name}")));
    let prompts = text(root.path(), "prompts.md");
    assert!(prompts.starts_with(
        "---\ntitle: \"Add <a> ``` node: prompts\"\nslug: \"add-node\"\ndate: 2026-11-22\nowner: studio\ntags: [run, prompts]\nstatus: failed\n"
    ));
    assert!(prompts.ends_with("## planner, call 1\n\nAsked:\n\n```\nWhat?\n```\n\nAnswered:\n\n```\nThis.\n```\n\n"), "{prompts}");
    let decisions = text(root.path(), "decisions.md");
    for line in [
        "   1  2026-11-22T10:00:00.250Z  opened: Add <a> ``` node (add-node), live at ai/backlog.md:3\n",
        "   3  2026-11-22T10:00:02.250Z  rule plans: the script ran\n   3  2026-11-22T10:00:02.250Z  criterion node: it exits 0\n",
        "  step 01 is auto (observe), by rule listed: it only looks\n",
        "  step 01 ended: exit 7: it ended with 7, not 0\n",
        "  closed as failed: step node ended with 7\n````\n",
    ] {
        assert!(decisions.contains(line), "{line}\n{decisions}");
    }
    let state: serde_json::Value = serde_json::from_str(&text(root.path(), "snapshots/state.json")).unwrap();
    assert_eq!(state["id"], serde_json::json!(ID));
    assert_eq!(text(root.path(), "snapshots/round-1.diff"), "diff --git a/a b/a\n");
}

#[test]
fn written_again_it_is_the_same_and_whole() {
    let root = tempfile::tempdir().unwrap();
    remember(root.path(), &End::Begun, &[], &[]);
    let written = remember(root.path(), &End::Done, &[], &[]);
    assert_eq!(written.len(), 3);
    assert_eq!(remember(root.path(), &End::Done, &[], &[]), [""; 0]);
    fs::remove_dir_all(root.path().join("ai/studio/memory")).unwrap();
    assert_eq!(remember(root.path(), &End::Done, &[], &[]), written);
}

#[test]
fn hostile_words_stay_in_their_fence_and_large_ones_are_cut() {
    let root = tempfile::tempdir().unwrap();
    let hostile = "```\n# Out\n`````\n\u{1b}[2J\u{202e}<!--";
    let large = "y".repeat(100_000);
    let many: Vec<Prompt> = std::iter::once(prompt(hostile, hostile)).chain((0..40).map(|_| prompt(&large, "z"))).collect();
    remember(root.path(), &End::Done, &many, &[(1, &"x\n".repeat(1_000_000))]);
    let prompts = text(root.path(), "prompts.md");
    assert!(prompts.contains("\n``````\n```\n# Out\n`````\n\\u{1b}[2J\\u{202e}<!--\n``````\n"));
    assert!(prompts.contains("(cut: 65536 of 100000 bytes are shown)") && prompts.ends_with(" more calls do not fit here.\n"));
    assert!(text(root.path(), "snapshots/round-1.diff").ends_with("of 2000000 bytes are shown)\n"));
    for name in ["prompts.md", "snapshots/round-1.diff"] {
        assert!(text(root.path(), name).len() as u64 <= FILE_BYTES_MAX);
    }
}

#[test]
fn a_symlink_is_not_written_through() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(root.path().join("ai/studio")).unwrap();
    std::os::unix::fs::symlink(other.path(), root.path().join("ai/studio/memory")).unwrap();
    let (log, run) = run(ID, "live", &End::Done);
    assert!(matches!(write(root.path(), &log, &run, &[], &BTreeMap::new()), Err(MemoryError::Disk(DiskError::Symlink(_)))));
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
}

#[test]
fn what_an_interrupted_write_left_is_in_nobodys_way() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = root.path().join("ai/studio/memory/runs").join(ID);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(".studio.decisions.md.tmp"), "half").unwrap();
    fs::write(other.path().join("f"), "x").unwrap();
    std::os::unix::fs::symlink(other.path().join("f"), folder.join(".studio.prompts.md.tmp")).unwrap();
    fs::write(folder.join("prompts.md"), "old").unwrap();
    let (log, run) = run(ID, "live", &End::Done);
    assert_eq!(write(root.path(), &log, &run, &[], &BTreeMap::new()).unwrap().len(), 3);
    let shown = fs::read_dir(&folder).unwrap().filter(|entry| !entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!((shown.count(), fs::read(other.path().join("f")).unwrap()), (3, b"x".to_vec()));
    assert_ne!(text(root.path(), "prompts.md"), "old");
    assert_eq!(write(root.path(), &log, &run, &[], &BTreeMap::new()).unwrap(), []);
}

#[test]
fn a_search_wants_every_word_and_ranks_titles_first() {
    let root = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let place = root.path().join("ai/studio").join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    };
    put("reports/2026-11-20-a.md", "---\ntitle: Ceph node\n---\n\nfirst\nThe CEPH node rebooted\n");
    put("reports/2026-11-21-b.md", "ceph\nnode node node ceph\n");
    put("memory/runs/20261122-101112-x-0a1f/decisions.md", "ceph node\n\u{1b}[2J ceph node\n");
    put("memory/news/20261119-1000Z-c.md", "ceph node\nceph node\n");
    put("reports/only-one.md", "ceph\n");
    put("reports/script.sh", "ceph node\n");
    put("memory/.hidden.md", "ceph node\n");
    std::os::unix::fs::symlink("2026-11-20-a.md", root.path().join("ai/studio/reports/link.md")).unwrap();
    std::os::unix::fs::symlink(root.path(), root.path().join("ai/studio/memory/loop")).unwrap();
    let hits = search(root.path(), "Node  ceph", 10).unwrap();
    let found: Vec<(&str, u32, u32)> = hits.iter().map(|hit| (hit.path.file_name(), hit.line, hit.score)).collect();
    assert_eq!(found, [("2026-11-20-a.md", 2, 202), ("2026-11-21-b.md", 2, 5), ("decisions.md", 1, 4), ("20261119-1000Z-c.md", 1, 4)]);
    assert_eq!(hits[0].text, "title: Ceph node");
    assert_eq!(search(root.path(), "Node  ceph", 1).unwrap().len(), 1);
    assert_eq!(search(root.path(), "nothing", 10).unwrap(), []);
    assert!(matches!(search(root.path(), " ", 10), Err(MemoryError::Words(0))));
    assert_eq!(search(&root.path().join("none"), "x", 10).unwrap(), []);
}
