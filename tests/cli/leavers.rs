//! What an open run rests on goes away: the approver, its commit, trust, its journal's end. No run is shut in for good.

use super::Lab;
use super::never::rechained;
use super::trusted::DANGER;
use std::fs;

/// A script that ends all who could know how it ended.
const UNSEEN: &str = "echo once >> artifacts/facts/log\nkill -9 $(awk '/^PPid/ {print $2}' /proc/$PPID/status) $PPID $$\n";

/// A lab with a run whose step nobody saw the end of.
fn unseen() -> Lab {
    let lab = Lab::dangerous(UNSEEN, "writes = [\"artifacts/facts\"]\n", &[]);
    lab.approved("facts");
    lab.studio(4, "resume 2");
    lab
}

/// `ops` leaves, and `boss` approves from now on.
fn leaves(lab: &Lab) {
    for file in ["approver.key", "approvers"] {
        fs::remove_file(lab.operator().join(file)).unwrap();
    }
    lab.studio(0, "init --name boss");
    lab.studio(0, "trust --yes");
    if lab.repo().join(DANGER).exists() {
        lab.studio(0, &format!("script register {DANGER} --yes"));
    }
}

/// The user's own history moves on, and git collects what nothing leads to.
fn collected(lab: &Lab) {
    lab.git("commit -q --amend --allow-empty -m other");
    lab.git("reflog expire --expire=now --all");
    lab.git("gc -q --prune=now");
}

/// What keeps commits from being collected.
fn kept(lab: &Lab) -> String {
    lab.git("for-each-ref --format='%(refname)' refs/studio")
}

/// Says that the ticket may be worked again, by a new run.
fn is_free(lab: &Lab) {
    assert!(lab.json(4, "run facts --mode live").iter().any(|line| line["kind"] == "approval-asked"));
    assert_eq!(lab.read("artifacts/facts/log"), "once\n");
}

#[test]
fn a_run_goes_on_when_its_approver_left() {
    let lab = unseen();
    leaves(&lab);
    let said = lab.studio(4, "resume 2");
    assert!(said.out.contains("needs-human: nobody knows whether step 01 ran"), "{}", said.out);
    let said = lab.studio(0, "verify 2");
    assert!(said.out.contains("\nsignatures  1, 0 by listed approvers\n") && said.out.contains("who is not listed any more"), "{}", said.out);
    lab.studio(0, "settle 2 1 happened --reason looked");
    assert!(lab.studio(4, "resume 2").out.contains("settled     step 01 by boss"));
    // A word that was changed since is found by the anchor.
    let path = lab.live_run().join("journal.jsonl");
    let changed = rechained(&fs::read_to_string(&path).unwrap().replace("looked", "saw it"));
    fs::write(path, changed).unwrap();
    assert!(lab.studio(6, "resume 2").err.contains("was set back or rewritten"));
    assert!(lab.studio(6, "verify 2").err.contains("was set back or rewritten"));
}

#[test]
fn whoever_left_before_their_word_was_used_is_not_believed() {
    let lab = Lab::facts();
    lab.approved("facts");
    leaves(&lab);
    let said = lab.studio(4, "resume 2");
    assert!(said.err.contains("not on the list of approvers") && said.out.contains("\nneeds-human: step 01 waits for an approval"), "{}", said.err);
    lab.studio(0, "approve 2");
    assert!(lab.studio(0, "resume 2").out.contains("\ndone: "));
    leaves(&lab);
    assert!(lab.studio(0, "verify 2").out.contains("\nanchored    up to event "));
}

#[test]
fn a_word_of_a_listed_approver_gives_up_any_run() {
    type Harm = fn(&Lab);
    let harms: [(&str, Harm); 4] = [
        ("the list", |lab| {
            leaves(lab);
            // Restored, the store remembers nothing of the run, so nothing stands behind the word of who left.
            let anchor = super::never::store(lab).join("anchors");
            fs::read_dir(anchor).unwrap().for_each(|file| fs::remove_file(file.unwrap().path()).unwrap());
        }),
        ("the commit", |lab| {
            let kept = kept(lab);
            lab.git(&format!("update-ref -d {}", kept.trim()));
            collected(lab);
            lab.studio(0, "trust --yes");
        }),
        ("trust", |lab| {
            lab.write("ai/studio/policy.toml", &lab.read("ai/studio/policy.toml").replace("engineer/", "robot/"));
            lab.commit();
        }),
        ("the journal", |lab| {
            let path = lab.live_run().join("journal.jsonl");
            let journal = fs::read(&path).unwrap();
            let lines: Vec<&[u8]> = journal.split_inclusive(|byte| *byte == b'\n').collect();
            fs::write(path, lines[..lines.len() - 1].concat()).unwrap();
        }),
    ];
    for (what, harm) in harms {
        for (word, exit, resume) in [("cancel 2 --reason enough", 0, 2), ("settle 2 1 abort --reason enough", 0, 7)] {
            let lab = unseen();
            harm(&lab);
            if what == "the journal" && word.starts_with("settle") {
                continue; // by what is left of it, nothing is to be settled
            }
            lab.studio(exit, word);
            if resume == 7 {
                let said = lab.studio(7, "resume 2");
                assert!(said.out.contains(" gave the run up at step "), "{what}: {}", said.out);
            }
            assert_eq!(kept(&lab), "", "{what}");
            assert!(lab.studio(2, "cancel 2").err.contains("is over already"), "{what}");
            if what != "trust" {
                is_free(&lab);
            }
        }
    }
}

#[test]
fn the_commit_of_an_open_run_is_kept_until_it_is_over() {
    let lab = Lab::facts();
    lab.approved("facts");
    let run = lab.live_run().file_name().unwrap().to_str().unwrap().to_string();
    assert_eq!(kept(&lab), format!("refs/studio/runs/{run}\n"));
    collected(&lab);
    assert!(lab.studio(0, "resume 2").out.contains("\ndone: "));
    assert_eq!(kept(&lab), "");
}

#[test]
fn what_a_run_in_another_checkout_holds_is_not_let_go() {
    let lab = Lab::facts();
    lab.approved("facts");
    let (run, place) = (lab.live_run(), lab.repo().with_file_name("copy"));
    lab.shell(0, "cp -r . ../copy");
    let id = run.file_name().unwrap().to_str().unwrap();
    let hold = studio_host::claim::holds::Hold {
        run: id.try_into().unwrap(),
        targets: ["attic".try_into().unwrap()].into(),
        paths: Default::default(),
        place: Some(lab.repo()),
    };
    let store = studio_host::claim::ClaimStore::find(&super::never::store(&lab)).unwrap().unwrap();
    store.hold(&hold, &|_| false).unwrap();
    fs::remove_dir_all(place.join("ai/state/runs").join(id)).unwrap();
    let adopt = format!("adopt --yes --repo {}", place.display());
    let said = lab.studio(0, &adopt);
    assert!(said.err.contains("stays held: it lives in ") && said.out.starts_with("nothing to adopt"), "{}{}", said.out, said.err);
    assert_eq!(store.holds().unwrap(), [hold]);
    fs::remove_dir_all(&run).unwrap();
    assert!(lab.studio(0, &adopt).out.contains("lets go     what 2"));
    assert!(store.holds().unwrap().is_empty());
}
