//! Warrants that do not hold: each is refused, and nothing ran.

use super::lab::{Everything, Lab, RUN, noon, rel, signed, statement};
use crate::executor::Place;
use crate::executor::server::serve;
use crate::executor::wire::{self, Answer, Hello, Request};
use crate::git::Workshop;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use studio_core::approval::Word;
use studio_core::chores::CommitOrder;
use studio_core::event::Basis;
use studio_core::gate::{Class, Effect};
use studio_core::name::{CommitId, Digest};
use studio_core::plan::Edit;
use studio_core::text::Prose;
use studio_core::ticket::Stage;
use studio_core::warrant::Warrant;
use studio_gate::{Registration, ShortGate};

const BRANCH: &str = "engineer/add-node-20261122";
const TOUCH: &str = "touch \"$STUDIO_OUT/ran\"\n";

/// Changes a good warrant and returns why it is refused.
fn refused(change: impl FnOnce(&mut Warrant)) -> String {
    let lab = Lab::script(TOUCH);
    let mut warrant = lab.runs();
    change(&mut warrant);
    let why = lab.refused(warrant);
    assert!(!lab.there(&format!("ai/state/runs/{RUN}/out")) && !lab.there(&format!(".git/studio/worktrees/{RUN}")), "{why}");
    assert!(lab.run_file("steps/01-1.err").is_none_or(|log| log == format!("studio: {why}\n")), "{why}");
    why
}

#[test]
fn what_was_judged_otherwise_is_refused() {
    for (word, why) in [
        ("rules", refused(|warrant| warrant.policy = Digest::zero())),
        ("not what was judged", refused(|warrant| warrant.effect = Digest::zero())),
        ("not what was judged", refused(|warrant| warrant.stage = Stage::Studio)),
        ("not what was judged", refused(|warrant| warrant.step.target = "cp-1".try_into().unwrap())),
        ("not what was judged", refused(|warrant| warrant.edits = vec![Edit::Remove { path: rel("README.md") }])),
        ("no commit", refused(|warrant| warrant.base = None)),
        ("no such commit", refused(|warrant| warrant.base = Some(CommitId::try_from("0".repeat(40)).unwrap()))),
    ] {
        assert!(why.contains(word), "{word}: {why}");
    }
}

#[test]
fn only_a_word_that_counts_now_lets_a_step_run() {
    let sign = |warrant: &mut Warrant, change: &dyn Fn(&mut studio_core::approval::Statement), by: &str| {
        let mut said = statement(warrant, Word::Approve, "ada");
        change(&mut said);
        warrant.approval = Some(Box::new(signed(said, by)));
    };
    for (word, why) in [
        ("nobody was asked", refused(|warrant| warrant.basis = Basis::Auto)),
        ("rehearsal", refused(|warrant| warrant.basis = Basis::Assumed)),
        ("nobody's word", refused(|warrant| warrant.approval = None)),
        ("still to come", refused(|warrant| sign(warrant, &|said| said.at += jiff::SignedDuration::from_hours(1), "ada"))),
        ("expired", refused(|warrant| sign(warrant, &|said| said.expires = noon(), "ada"))),
        ("bob signed", refused(|warrant| sign(warrant, &|_| {}, "bob"))),
        ("somebody else", refused(|warrant| sign(warrant, &|said| said.by = "bob".try_into().unwrap(), "bob"))),
        ("no listed", refused(|warrant| sign(warrant, &|_| {}, "eve"))),
        ("something else", refused(|warrant| sign(warrant, &|said| said.word = Word::Deny, "ada"))),
        ("something else", refused(|warrant| sign(warrant, &|said| said.op.attempt = 2, "ada"))),
        ("something else", refused(|warrant| sign(warrant, &|said| said.effect = Digest::zero(), "ada"))),
        ("no listed", refused(|warrant| warrant.approval.as_mut().unwrap().statement.reason = Some(Prose::tamed("x")))),
        ("its form", refused(|warrant| warrant.approval.as_mut().unwrap().v = 2)),
    ] {
        assert!(why.contains(word), "{word}: {why}");
    }
    let lab = Lab::with(&[("README.md", "x")]);
    for (attempt, (argv, word)) in (1..).zip([(&["kubectl", "delete", "ns", "web"][..], "script-only"), (&["sh", "x.sh"], "refuse")]) {
        let mut warrant = lab.warrant(argv, &[], None);
        warrant.op.attempt = attempt;
        let said = statement(&warrant, Word::Approve, "ada");
        warrant.basis = Basis::Approved("ada".try_into().unwrap());
        warrant.approval = Some(Box::new(signed(said, "ada")));
        let why = lab.refused(warrant);
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn a_list_of_approvers_that_cannot_be_read_lists_nobody() {
    let lab = Lab::script(TOUCH);
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    wire::write(&mut ours, &Request::Hello(Hello::ours())).unwrap();
    wire::write(&mut ours, &Request::Run(Box::new(lab.runs()))).unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    serve(theirs, Place { approvers: Box::new(|| Err("approvers:3: this is no approver".into())), ..lab.place() }).unwrap();
    let answers: Vec<Answer> = std::iter::from_fn(|| wire::read(&mut ours).unwrap()).collect();
    assert!(matches!(&answers[..], [Answer::Hello(_), Answer::Refused(why)] if why.contains("approvers:3")), "{answers:?}");
    assert!(lab.run_file("steps/01-1.err").unwrap().contains("approvers:3"));
}

#[test]
fn an_op_begins_once_whoever_asks() {
    let lab = Lab::script("echo x >> \"$STUDIO_OUT/ran\"\n");
    let mut server = lab.serve();
    let request = Request::Run(Box::new(lab.runs()));
    let first = server.ask(&request);
    assert!(matches!(&first, Answer::Ended(report) if report.exit == Some(0)), "{first:?}");
    assert_eq!(server.ask(&request), first);
    server.end();
    assert_eq!(lab.run(lab.runs()), first);
    assert_eq!(lab.run_file("out/01-1/ran").unwrap(), "x\n");
    // Many at once: one wins.
    let mut warrant = lab.runs();
    warrant.op.attempt = 2;
    lab.sign(&mut warrant);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| lab.run(warrant.clone()))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // All are told of the one run.
    assert!(answers.iter().all(|answer| *answer == answers[0] && matches!(answer, Answer::Ended(report) if report.exit == Some(0))), "{answers:?}");
    assert_eq!(lab.run_file("out/01-2/ran").unwrap(), "x\n");
}

/// The rules may have been read before a registration was taken back.
#[test]
fn a_script_that_is_not_registered_any_more_does_not_run() {
    const WIPE: &str = "# studio:danger v1\n# verb: wipe\n# class: opaque\n# targets: none\n# params: --list\n# undo: none\n# expect: gone\n";
    let text = format!("{WIPE}echo x >> \"$STUDIO_OUT/ran\"\n");
    let mut lab = Lab::with(&[("infrastructure/wipe-all.sh", &text)]);
    let warrant = |lab: &Lab| lab.warrant(&["bash", "--noprofile", "--norc", "infrastructure/wipe-all.sh"], &[], None);
    let known = lab.of_case(&warrant(&lab), |case| Registration::propose(case, Class::Opaque)).unwrap();
    lab.gate = Arc::new(ShortGate::new().with_registrations(vec![known.clone()], None));
    let warrant = warrant(&lab);
    assert!(warrant.approval.is_some());
    assert!(lab.refused(warrant.clone()).contains("infrastructure/wipe-all.sh is not registered"));
    assert!(!lab.there(&format!("ai/state/runs/{RUN}/out")));
    lab.registered = vec![known];
    let mut warrant = warrant;
    warrant.op.attempt = 2; // what was refused never begins
    lab.sign(&mut warrant);
    assert_eq!(lab.ended(warrant).exit, Some(0));
    assert_eq!(lab.run_file("out/01-2/ran").unwrap(), "x\n");
}

#[test]
fn a_run_must_be_here() {
    let lab = Lab::script(TOUCH);
    let mut warrant = lab.runs();
    warrant.op.run = "20261122-101112-other-0a1f".try_into().unwrap();
    lab.sign(&mut warrant);
    assert!(lab.refused(warrant).contains("no run 20261122-101112-other-0a1f"));
}

/// An order for edits on the lab's base.
fn order(lab: &Lab, branch: &str, edits: &[Edit]) -> CommitOrder {
    use studio_core::tree::Tree;
    CommitOrder {
        run: RUN.try_into().unwrap(),
        ticket: "add-node".try_into().unwrap(),
        stage: studio_core::ticket::Stage::Infra,
        branch: branch.try_into().unwrap(),
        base: lab.repo().base(None).unwrap().commit().unwrap(),
        replaces: None,
        edits: edits.to_vec(),
        summary: Prose::tamed("a change"),
        at: noon(),
    }
}

#[test]
fn a_script_runs_as_it_was_committed() {
    let lab = Lab::script("echo old\n");
    let argv = ["bash", "--noprofile", "--norc", "infrastructure/run.sh"];
    let write = |path: &str, text: &str| Edit::Write { path: rel(path), text: text.into() };
    let edits = [write("infrastructure/run.sh", ". infrastructure/lib.sh\n"), write("infrastructure/lib.sh", "echo new\n")];
    let warrant = |attempt: u32, edits: &[Edit], commit: Option<CommitId>| {
        let mut warrant = lab.warrant(&argv, edits, commit);
        warrant.op.attempt = attempt;
        lab.sign(&mut warrant);
        warrant
    };
    assert!(lab.refused(warrant(1, &edits, None)).contains("not committed"));
    let workshop = Workshop::open(&lab.repo()).unwrap();
    // Commits of something else: a file that an edit writes, one that no edit names, and the base.
    let other = [edits[0].clone(), write("infrastructure/lib.sh", "echo evil\n")];
    let more = [edits[0].clone(), edits[1].clone(), write("infrastructure/more/x.sh", "")];
    let gone = [edits[0].clone(), edits[1].clone(), Edit::Remove { path: rel("README.md") }];
    let cases = [("engineer/a", &other[..], "lib.sh"), ("engineer/b", &more, "more/x.sh"), ("engineer/c", &gone, "README.md")];
    for (attempt, (branch, edits_of, word)) in (2..).zip(cases) {
        let commit = workshop.commit(&order(&lab, branch, edits_of)).unwrap();
        let why = lab.refused(warrant(attempt, &edits, Some(commit)));
        assert!(why.contains(word), "{why}");
    }
    let base = order(&lab, "engineer/d", &[]).base;
    assert!(lab.refused(warrant(5, &edits, Some(base))).contains("run.sh"));
    let commit = workshop.commit(&order(&lab, "engineer/e", &edits)).unwrap();
    let report = lab.ended(warrant(6, &edits, Some(commit)));
    assert_eq!((report.exit, report.stdout.as_str()), (Some(0), "new\n"));
}

#[test]
fn chores_are_done_and_refusals_said() {
    let lab = Lab::script(TOUCH);
    let mut server = lab.serve();
    let edits = [Edit::Write { path: rel("docs/a.md"), text: "a\n".into() }];
    let commit = server.ask(&Request::Commit(Box::new(order(&lab, BRANCH, &edits))));
    assert!(matches!(&commit, Answer::Committed(_)), "{commit:?}");
    assert_eq!(server.ask(&Request::Commit(Box::new(order(&lab, BRANCH, &edits)))), commit);
    let (taken, second) = (server.ask(&Request::FreeBranch(BRANCH.try_into().unwrap())), format!("{BRANCH}-2"));
    assert_eq!(taken, Answer::Branch(second.as_str().try_into().unwrap()));
    assert_eq!(server.ask(&Request::Commit(Box::new(order(&lab, &second, &edits)))), commit);
    let odd = [Edit::Remove { path: rel("docs/absent.md") }];
    let odd = server.ask(&Request::Commit(Box::new(order(&lab, &format!("{BRANCH}-3"), &odd))));
    assert!(matches!(&odd, Answer::Refused(why) if why.contains("absent")), "{odd:?}");
    assert_eq!(server.ask(&Request::Discard(RUN.try_into().unwrap())), Answer::Discarded);
    assert_eq!(server.ask(&Request::Recall(Box::new(lab.runs()))), Answer::NeverBegan);
    server.end();
}

#[test]
fn a_commit_is_judged_again() {
    let lab = Lab::script(TOUCH);
    let mut server = lab.serve();
    let write = |path: &str| Edit::Write { path: rel(path), text: "a\n".into() };
    for (branch, edits, word) in [
        (BRANCH, vec![write("docs/a.md"), write("infrastructure/wipe_disk.sh")], "ask to the edit of infrastructure/wipe_disk.sh"),
        (BRANCH, vec![Edit::Rename { path: rel("README.md"), to: rel("infrastructure/reset.sh") }], "README.md to infrastructure/reset.sh"),
        (BRANCH, vec![write("ai/state/x")], "block to the edit of ai/state/x"),
        ("main", vec![write("docs/a.md")], "main is not the branch of add-node"),
        ("engineer/other-20261122", vec![write("docs/a.md")], BRANCH),
        ("engineer/add-node-20261123", vec![write("docs/a.md")], BRANCH),
        ("engineer/add-node-20261122-1", vec![write("docs/a.md")], BRANCH),
        ("engineer/add-node-20261122-02", vec![write("docs/a.md")], BRANCH),
        ("engineer/add-node-20261122-2/x", vec![write("docs/a.md")], BRANCH),
    ] {
        let answer = server.ask(&Request::Commit(Box::new(order(&lab, branch, &edits))));
        assert!(matches!(&answer, Answer::Refused(why) if why.contains(word) && why.contains("nothing was committed")), "{word}: {answer:?}");
    }
    server.end();
    assert!(!lab.there(".git/studio") && !lab.there(".git/refs/heads/engineer"));
}

#[test]
fn programs_of_the_tree_are_never_found() {
    let lab = Lab::with(&[("planted", "#!/bin/sh\ntouch PWNED\n"), ("bin/planted", "#!/bin/sh\ntouch PWNED\n")]);
    let mut lab = lab.judging(Everything(Class::Observe, Effect::Read));
    for name in ["planted", "bin/planted"] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(lab.dir.path().join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    lab.bin_dirs = vec![lab.dir.path().join("bin"), lab.dir.path().into(), ".".into(), "".into()];
    let absolute = lab.dir.path().join("bin/planted").display().to_string();
    for (attempt, program) in ["planted", "./planted", "bin/planted", absolute.as_str()].iter().enumerate() {
        let mut warrant = lab.warrant(&[program], &[], None);
        warrant.op.attempt = u32::try_from(attempt).unwrap() + 1;
        let why = lab.refused(warrant);
        assert!(why.contains("no program") && why.contains("bin_dirs"), "{why}");
    }
    assert!(lab.run_file("steps/01-1.err").unwrap().starts_with("studio: there is no program"));
}

#[test]
fn a_program_that_is_not_the_one_that_was_judged_is_never_started() {
    use std::os::unix::fs::PermissionsExt;
    let bin = tempfile::tempdir().unwrap();
    let tool = bin.path().join("tool");
    let put = |text: &str, mode| {
        std::fs::write(&tool, text).unwrap();
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    put("#!/bin/sh\necho one\n", 0o755);
    let mut lab = Lab::with(&[("README.md", "hello\n")]).judging(Everything(Class::Observe, Effect::Read));
    lab.bin_dirs = vec![bin.path().into()];
    let mut warrant = lab.warrant(&["tool"], &[], None);
    assert_eq!(warrant.programs.iter().map(|program| program.name.as_str()).collect::<Vec<_>>(), ["/bin/sh", "tool"]);
    put("#!/bin/sh\necho two\n", 0o755);
    let why = lab.refused(warrant.clone());
    assert!(why.starts_with("the program tool was changed since: its sha256 was ") && why.contains("begin a new run"), "{why}");
    // Whoever may write it could change it again at any moment.
    put("#!/bin/sh\necho one\n", 0o757);
    warrant.op.attempt = 2;
    assert!(lab.refused(warrant.clone()).contains("can be written by everybody"));
    std::fs::remove_file(&tool).unwrap();
    warrant.op.attempt = 3;
    assert!(lab.refused(warrant.clone()).contains("is not there any more"));
    put("#!/bin/sh\necho one\n", 0o755);
    warrant.op.attempt = 4;
    assert!(matches!(lab.run(warrant.clone()), Answer::Ended(report) if report.stdout == "one\n"));
    // What was seen of it is told, whatever became of the program meanwhile.
    put("#!/bin/sh\necho three\n", 0o755);
    let mut server = lab.serve();
    let told = server.ask(&Request::Recall(Box::new(warrant)));
    server.end();
    assert!(matches!(told, Answer::Ended(report) if report.stdout == "one\n"));
}
