//! What a checkout or a repository plants: edits that nobody committed, symlinks, templates, shapes, and characters.

use super::Lab;
use super::cards::ANSWERS;
use super::trusted::{FACTS, facts_and};
use std::fs;
use std::os::unix::fs::symlink;

const POLICY: &str = "ai/studio/policy.toml";

#[test]
fn what_is_not_at_the_base_is_never_worked_live() {
    let queue =
        "- id: shop\n  stage: 3\n  persona: engineer\n  summary: Open the shop\n- id: page\n  stage: 1\n  persona: engineer\n  summary: A page\n";
    let lab = Lab::trusted(&facts_and(&[("ai/backlog.yaml", queue), ("ai/tasks/t.yaml", "id: t\ndescription: x\n")]));
    lab.write("ai/backlog.yaml", &queue.replace("Open the shop", "Open the shop!").replace("A page", "A page!"));
    lab.write("ai/tasks/t.yaml", "id: t\ndescription: x\n# c\n");
    assert!(lab.studio(6, "run shop --mode live").err.contains("is not ready: stage 3 is closed"));
    for id in ["page", "t"] {
        let said = lab.studio(6, &format!("run {id} --mode live"));
        assert!(said.err.contains("is an idea, and not worked live: ") && said.err.contains("commit it to the base"), "{}", said.err);
    }
    assert!(lab.studio(0, "run --all --mode live").out.starts_with("nothing to do"));
    let said = lab.studio(5, "run page");
    assert!(said.err.contains("is an idea: it does not stand like this at the base, so it is only rehearsed"), "{}", said.err);
    assert!(super::runs_below(&lab.repo(), "ai/state/runs").is_empty());
}

#[test]
fn an_entry_that_left_the_base_between_question_and_answer_does_not_run() {
    let page = "## Stage 1\n- [ ] TWO_IT: Two scripts\n";
    let lab = Lab::trusted(&facts_and(&[("ai/backlog.md", page), ("infrastructure/second.sh", "true\n")]));
    lab.settle_in("answers.toml", ANSWERS);
    lab.approved(&format!("TWO_IT --crew small --model scripted:{}", lab.operator().join("answers.toml").display()));
    // The same words, in a place that gives them no stage: nobody committed that.
    lab.write("ai/backlog.md", &page.replace("Stage 1", "Anything"));
    let said = lab.studio(4, "resume 2").out;
    assert!(said.contains("is not to be done any more: it does not stand like this at the base"), "{said}");
    assert!(!lab.repo().join("artifacts").exists());
    lab.write("ai/backlog.md", page);
    lab.studio(4, "resume 2"); // the second script asks
    assert_eq!(lab.read("artifacts/facts/log"), "once\n");
}

#[test]
fn the_shape_of_a_repository_is_trusted_like_a_file() {
    let lab = Lab::tracked(&facts_and(&[("payments/app.py", "x=1\n")]));
    lab.studio(0, "init --name ops");
    fs::remove_file(lab.repo().join(POLICY)).unwrap();
    let said = lab.studio(0, "trust --yes").out;
    assert!(said.contains("\n  new      stage 1  infrastructure\n"), "{said}");
    lab.studio(0, "trust");
    lab.studio(4, "run facts --mode live");
    lab.write("payments/compose.yaml", "services: {}\n");
    lab.commit();
    assert!(lab.studio(6, "run facts --mode live").err.contains("changed since it was trusted; look at it with `studio trust`"));
    let said = lab.studio(4, "trust").out;
    assert!(said.contains("  new      stage ") && said.contains("  payments\n"), "{said}");
}

#[test]
fn a_branch_template_that_nobody_trusts_shuts_nobody_out() {
    let policy = "[stage.1]\npaths = [\"infrastructure\"]\n[engineer]\nbranch = \"ma<slug>-YYYYMMDD\"\n";
    let lab = Lab::tracked(&facts_and(&[(POLICY, policy)]));
    for line in ["init --name ops", "tickets", "doctor", "audit", "run facts", "add lamps", "init --undo"] {
        lab.studio(0, line);
    }
    let said = lab.studio(3, "trust --yes");
    assert!(said.err.contains("ai/studio/policy.toml: its branch template gives names such as main, the base"), "{}", said.err);
}

#[test]
fn undo_keeps_what_git_has_and_removes_nothing_through_a_symlink() {
    let lab = Lab::tracked(&facts_and(&[]));
    lab.git("branch trunk");
    lab.studio(0, "init --name ops --base trunk");
    lab.commit(); // to main, and the base is trunk
    let said = lab.studio(0, "init --undo").out;
    assert!(said.contains("kept, since git has it ai/studio/policy.toml\n"), "{said}");
    assert_eq!(lab.changed(), Vec::<String>::new());

    let lab = Lab::tracked(&facts_and(&[]));
    lab.studio(0, "init --name ops");
    lab.git("add ai/studio/policy.toml");
    assert!(lab.studio(0, "init --undo").out.contains("kept, since git has it ai/studio/policy.toml\n"));

    let lab = Lab::tracked(&facts_and(&[]));
    lab.studio(0, "init --name ops");
    let away = lab.repo().with_file_name("away");
    fs::rename(lab.repo().join("ai/studio"), &away).unwrap();
    symlink(&away, lab.repo().join("ai/studio")).unwrap();
    let before = super::tree(&away);
    let said = lab.studio(0, "init --undo").out;
    assert!(said.contains("kept, since ai/studio is a symlink"), "{said}");
    assert_eq!(super::tree(&away), before);
}

#[test]
fn a_linked_file_of_the_operator_stays_a_link() {
    let lab = Lab::tracked(&facts_and(&[]));
    let dotfiles = lab.repo().with_file_name("dotfiles");
    fs::create_dir_all(&dotfiles).unwrap();
    fs::create_dir_all(lab.operator()).unwrap();
    fs::write(dotfiles.join("studio.toml"), "# mine\n").unwrap();
    symlink(dotfiles.join("studio.toml"), lab.operator().join("studio.toml")).unwrap();
    lab.studio(0, "init --name ops");
    assert!(fs::symlink_metadata(lab.operator().join("studio.toml")).unwrap().is_symlink());
    let text = fs::read_to_string(dotfiles.join("studio.toml")).unwrap();
    assert!(text.contains("# mine\n") && text.contains("base = \"main\""), "{text}");
}

#[test]
fn gc_removes_nothing_unasked() {
    let lab = Lab::facts();
    lab.studio(0, "run facts");
    let left = "ai/state/simulated/.going-20200101-000000-x-aaaa/f";
    lab.write(left, "x\n");
    lab.studio(0, "gc");
    assert_eq!(lab.read(left), "x\n");
    assert!(lab.studio(0, "gc --yes").out.contains("1 folders are gone"));
    assert!(!lab.repo().join(left).exists());
}

#[test]
fn json_holds_no_character_that_a_terminal_obeys() {
    let lab = Lab::trusted(&facts_and(&[(
        FACTS,
        "printf 'out \\302\\23331m csi \\342\\200\\256 rtl \\343\\205\\244\\n'\necho made > \"$STUDIO_OUT/facts.txt\"\n",
    )]));
    lab.approved("facts");
    let mut said = vec![lab.studio(0, "resume 2 --json").out];
    said.extend(["log", "trace", "report"].map(|command| lab.studio(0, &format!("{command} 2 --json")).out));
    for out in &said {
        assert!(!out.contains(['\u{9b}', '\u{202e}', '\u{3164}']), "{out}");
    }
    assert!(said[1].contains("\\u009b31m csi \\u202e rtl \\u3164"), "{}", said[1]);
}
