//! Journals that are damaged, cut, foreign, newer or held: nothing is guessed, and nothing is changed.

use super::Lab;
use expect_test::expect;
use std::fs::{self, File};

/// A lab with a run that waits for a human, so that there is something to resume.
fn asked() -> Lab {
    let lab = Lab::ready();
    lab.studio(4, "run wipe-scratch --approvals ask");
    lab
}

/// Expects that every command which reads the run refuses it, says why, and leaves its file alone.
fn refused(lab: &Lab, bytes: &[u8]) -> String {
    let (path, _) = lab.journal();
    fs::write(&path, bytes).unwrap();
    let mut why = String::new();
    for line in ["resume 2", "verify 2", "replay 2", "log 2", "approve 2"] {
        why = lab.studio(3, line).err;
        assert!(why.starts_with(&format!("studio: {}: ", path.display())), "{line}: {why}");
    }
    let row = &lab.json(0, "status")[0];
    assert_eq!((row["type"].as_str(), row["why"].as_str().unwrap()), (Some("unreadable"), why["studio: ".len()..].trim_end()));
    assert_eq!(lab.studio(0, "approvals").out, "nothing waits for a human\n");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    lab.mask(&why)
}

#[test]
fn a_flipped_byte_is_found_with_its_line() {
    let lab = asked();
    let (_, mut bytes) = lab.journal();
    let third = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 20;
    bytes[third] ^= 1;
    expect![[r#"
        studio: LAB/lab/ai/state/simulated/RUN-wipe-scratch/journal.jsonl: the journal is damaged at line 3: its bytes do not match its sum; nothing was changed; restore the file from a copy, or begin a new run
    "#]].assert_eq(&refused(&lab, &bytes));
}

#[test]
fn a_line_that_is_missing_is_found() {
    let lab = asked();
    let (_, bytes) = lab.journal();
    let text = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let without = format!("{}{}", lines[..2].concat(), lines[3..].concat());
    expect![[r#"
        studio: LAB/lab/ai/state/simulated/RUN-wipe-scratch/journal.jsonl: the journal is damaged at line 3: it does not follow the line before it; nothing was changed; restore the file from a copy, or begin a new run
    "#]].assert_eq(&refused(&lab, without.as_bytes()));
}

#[test]
fn a_torn_end_is_reported_and_cut_by_resume() {
    let lab = asked();
    let (path, bytes) = lab.journal();
    let torn = bytes.len() - 20;
    fs::write(&path, &bytes[..torn]).unwrap();
    let verified = lab.studio(0, "verify 2").out;
    assert!(verified.contains("bytes at the end were never finished; nobody acted on them"), "{verified}");
    let row = &lab.json(0, "status 2")[0];
    let cut = row["torn_bytes"].as_u64().unwrap();
    assert!(cut > 0 && row["state"] == "interrupted", "{row}");
    assert_eq!(fs::read(&path).unwrap().len(), torn, "looking changes nothing");
    let said = lab.studio(4, "resume 2");
    assert!(said.err.contains("a torn end is cut: nobody acted on it") && said.err.contains(&format!("bytes={cut}")), "{}", said.err);
    assert!(said.out.contains("asked       step 01 waits for a human"), "{}", said.out);
    assert!(!lab.studio(0, "verify 2").out.contains("torn"));
}

#[test]
fn a_run_that_never_began_says_so() {
    let lab = asked();
    let (path, bytes) = lab.journal();
    expect![[r#"
        studio: LAB/lab/ai/state/simulated/RUN-wipe-scratch/journal.jsonl: the journal is empty: the run never began; delete its folder
    "#]]
    .assert_eq(&refused(&lab, b""));
    refused(&lab, &bytes[..100]);
    fs::remove_file(&path).unwrap();
    assert!(lab.studio(3, "resume 2").err.contains("the folder is empty: the run never began; delete it"));
}

#[test]
fn another_runs_journal_is_refused() {
    let lab = asked();
    let (first, foreign) = (lab.run(), lab.journal().1);
    lab.studio(4, "run wipe-scratch --approvals ask");
    fs::remove_dir_all(first).unwrap();
    let (_, own) = lab.journal();
    expect![[r#"
        studio: LAB/lab/ai/state/simulated/RUN-wipe-scratch/journal.jsonl: the journal is damaged at line 1: it belongs to run RUN-wipe-scratch; nothing was changed; restore the file from a copy, or begin a new run
    "#]].assert_eq(&refused(&lab, &foreign));
    expect![[r#"
        studio: LAB/lab/ai/state/simulated/RUN-wipe-scratch/journal.jsonl: the journal is damaged at line 7: it does not follow the line before it; nothing was changed; restore the file from a copy, or begin a new run
    "#]].assert_eq(&refused(&lab, &[own, foreign].concat()));
}

#[test]
fn a_newer_format_is_refused() {
    let lab = asked();
    let (_, bytes) = lab.journal();
    let text = String::from_utf8(bytes).unwrap();
    expect![[r#"
        studio: LAB/lab/ai/state/simulated/RUN-wipe-scratch/journal.jsonl: the journal has format 2 at line 1, this version reads up to 1: use the newer studio that wrote it
    "#]].assert_eq(&refused(&lab, text.replacen("\"v\":1", "\"v\":2", 1).as_bytes()));
    let unknown = text.replacen("\"v\":1,", "\"v\":3,\"shape\":\"odd\",", 1);
    assert!(refused(&lab, unknown.as_bytes()).contains("format 3"));
}

#[test]
fn a_run_that_another_runtime_holds_is_left_to_it() {
    let lab = asked();
    let (path, bytes) = lab.journal();
    let held = File::open(&path).unwrap();
    held.try_lock().unwrap();
    let said = lab.studio(75, "resume 2");
    expect![[r#"
        studio: LAB/lab/ai/state/simulated/RUN-wipe-scratch/journal.jsonl is held by another studio: wait for it, or stop it
    "#]]
    .assert_eq(&lab.mask(&said.err));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(lab.json(0, "status 2")[0]["state"], "running");
    assert!(lab.studio(0, "approve 2").out.ends_with("the studio that works on it takes it from here\n"));
    drop(held);
    lab.studio(0, "resume 2");
}

#[test]
fn a_run_that_is_over_stays_as_it_is() {
    let lab = Lab::ready();
    lab.studio(0, "run collect-facts");
    let before = lab.files();
    assert!(lab.studio(0, "resume 2").out.starts_with("rehearsed: 1 criteria met by machine checks, 1 steps\n"));
    assert_eq!(lab.files(), before);
}

#[test]
fn a_blob_that_was_changed_is_found() {
    let lab = Lab::ready();
    let long = "x".repeat(70_000);
    let argv = "argv = [\"bash\", \"--noprofile\", \"--norc\", \"infrastructure/checks/facts.sh\"]";
    lab.settle_in("long.toml", &format!("[[step]]\n{argv}\nstdout = \"{long}\"\n"));
    lab.studio(0, &format!("run collect-facts --scenario {}", lab.operator().join("long.toml").display()));
    let blob = fs::read_dir(lab.run().join("blobs")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(&blob).unwrap(), long);
    lab.studio(0, "verify 2");
    fs::write(&blob, "y").unwrap();
    let said = lab.studio(3, "verify 2");
    assert!(said.err.contains("of the run is damaged or no text"), "{}", said.err);
}
