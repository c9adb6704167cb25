//! Steps that run: what they are handed, what they leave, and how they end.

use super::lab::{Everything, Lab, RUN};
use crate::claim::Entry;
use crate::executor::wire::{Answer, Request};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use studio_core::gate::{Class, Effect};
use studio_core::limits::{ARTIFACTS_MAX, FRAME_BYTES_MAX, OUTPUT_BYTES_MAX, SHIM_STARTS_MAX};
use studio_core::name::Target;
use studio_core::warrant::Warrant;

/// A warrant with another attempt, time limit or target, signed.
fn with(lab: &Lab, change: impl FnOnce(&mut Warrant)) -> Warrant {
    let mut warrant = lab.runs();
    change(&mut warrant);
    lab.sign(&mut warrant);
    warrant
}

#[test]
fn a_script_runs_in_the_sealed_tree_and_leaves_files() {
    let lab = Lab::side(
        "set -eu\nls -l infrastructure/run.sh | cut -c1-10\necho built > \"$STUDIO_OUT/sub.txt\"\necho kept >> build/log\necho no > infrastructure/x 2>/dev/null || true\necho said >&2\nexit 3\n",
        "writes = [\"build\"]\n[[artifact]]\npath = \"sub.txt\"\nsecret = true\n",
    );
    let report = lab.ended(lab.runs());
    assert_eq!((report.exit, report.stdout.as_str(), report.stderr.as_str()), (Some(3), "-r--r--r--\n", "said\n"));
    assert_eq!(fs::read_to_string(lab.dir.path().join("build/log")).unwrap(), "kept\n");
    assert!(!lab.there("infrastructure/x"));
    assert_eq!(report.artifacts.len(), 1);
    assert_eq!((report.artifacts[0].path.as_str(), report.artifacts[0].bytes, report.artifacts[0].secret), ("sub.txt", 6, true));
    assert_eq!(report.artifacts[0].sha256, studio_gate::sha256(b"built\n"));
    let mode = |path: &str| fs::metadata(lab.dir.path().join("ai/state/runs").join(RUN).join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("out/01-1"), mode("out/01-1/sub.txt"), mode("steps/01-1.out")), (0o700, 0o600, 0o600));
    assert_eq!((lab.run_file("steps/01-1.out").unwrap(), lab.run_file("steps/01-1.err").unwrap()), (report.stdout, report.stderr));
    // What was bound in is gone with the checkout.
    assert!(!lab.there(&format!(".git/studio/worktrees/{RUN}/build")));
}

#[test]
fn nothing_is_inherited() {
    let lab = Lab::script(
        "env | cut -d= -f1 | sort | tr '\\n' ' '\necho \"$STUDIO_RUN $STUDIO_STEP $LANG\"\n[ \"$HOME\" = \"$TMPDIR\" ] && ls -A \"$HOME\"\n[ -t 0 ] || cat\npwd\n",
    );
    let report = lab.ended(lab.runs());
    let root = lab.repo().common_dir().join("studio/worktrees").join(RUN);
    let expected = format!("GIT_DIR HOME LANG PATH PWD SHLVL STUDIO_OUT STUDIO_RUN STUDIO_STEP TMPDIR _ {RUN} 01 C.UTF-8\n{}\n", root.display());
    assert_eq!((report.exit, report.stdout), (Some(0), expected), "{}", report.stderr);
}

#[test]
fn the_private_folder_goes_away() {
    let lab = Lab::script("echo x > \"$HOME/f\"; echo \"$HOME\"\n");
    let report = lab.ended(lab.runs());
    assert!(report.stdout.starts_with('/') && !fs::exists(report.stdout.trim()).unwrap());
}

#[test]
fn values_are_handed_over_and_never_shown() {
    let lab = Lab::side("echo \"${#TOKEN} $TOKEN\"\necho \"err $TOKEN\" >&2\nprintf '{\"t\": \"%s\"}' 'hunter2\\/\\\"two'\n", "env = [\"TOKEN\"]\n");
    let why = lab.refused(lab.runs());
    assert!(why.contains("TOKEN") && why.contains("config/env/<name>.env"), "{why}");
    lab.put("config/env/prod.env", "export TOKEN='hunter2/\"two'\n");
    let report = lab.ended(with(&lab, |warrant| warrant.op.attempt = 2));
    assert_eq!((report.stdout.as_str(), report.stderr.as_str()), ("12 [secret]\n{\"t\": \"[secret]\"}", "err [secret]\n"));
    assert_eq!(lab.run_file("steps/01-2.out").unwrap(), report.stdout);
    lab.put("config/env/sub/other.env", "TOKEN=hunter3333\n");
    let why = lab.refused(with(&lab, |warrant| warrant.op.attempt = 3));
    assert!(why.contains("prod.env:1") && why.contains("other.env:1") && !why.contains("hunter"), "{why}");
}

#[test]
fn declared_reads_are_there_and_targets_hold() {
    let lab = Lab::side("cat cache/x.txt\n", "reads = [\"cache/x.txt\"]\ntargets = [\"local\"]\n");
    assert!(lab.refused(lab.runs()).contains("no cache/x.txt"));
    lab.put("cache/x.txt", "read\n");
    assert_eq!(lab.ended(with(&lab, |warrant| warrant.op.attempt = 2)).stdout, "read\n");
    let elsewhere = |warrant: &mut Warrant| {
        warrant.op.attempt = 3;
        warrant.step.target = Target::try_from("prod").unwrap();
    };
    let why = lab.refused(with(&lab, elsewhere));
    assert!(why.contains("local only"), "{why}");
    let broken = Lab::side("true\n", "\nreads = [\".git/config\"]\n");
    assert!(broken.refused(broken.runs()).starts_with("infrastructure/run.sh.studio.toml:2: "));
    // A file of the commit is never replaced by what is bound.
    let tracked = Lab::side("true\n", "writes = [\"infrastructure\"]\n");
    assert!(tracked.refused(tracked.runs()).contains("infrastructure"));
}

#[test]
fn a_step_of_a_cluster_gets_its_credentials() {
    let lab = Lab::script("# kubectl\necho \"$KUBECONFIG|$TALOS_KUBECONFIG|$TALOSCONFIG\"; cat \"$KUBECONFIG\"\n");
    let main = |warrant: &mut Warrant| warrant.cluster = Some(Target::try_from("main").unwrap());
    assert!(lab.refused(lab.runs()).contains("no .talos/"));
    let again = |attempt: u32, change: &dyn Fn(&mut Warrant)| {
        with(&lab, |warrant| {
            warrant.op.attempt = attempt;
            change(warrant);
        })
    };
    lab.put(".talos/main/kubeconfig", "of main");
    let report = lab.ended(again(2, &main));
    let root = lab.repo().common_dir().join("studio/worktrees").join(RUN);
    let config = root.join(".talos/main/kubeconfig").display().to_string();
    assert_eq!(report.stdout, format!("{config}|{config}|\nof main"));
    assert!(!lab.there(&format!(".git/studio/worktrees/{RUN}/.talos")));
    lab.put(".talos/prod/talosconfig", "");
    lab.put(".talos/prod/kubeconfig", "of prod");
    assert!(lab.refused(again(3, &|_| {})).contains("main, prod"));
    assert!(lab.refused(again(6, &|warrant| warrant.cluster = Some(Target::try_from("spare").unwrap()))).contains("no spare"));
    let report = lab.ended(again(4, &|warrant| warrant.cluster = Some(Target::try_from("prod").unwrap())));
    assert!(report.stdout.ends_with(".talos/prod/talosconfig\nof prod"), "{}", report.stdout);
    let report = lab.ended(again(5, &|warrant| warrant.step.target = Target::try_from("main").unwrap()));
    assert!(report.stdout.ends_with("of main"), "{}", report.stdout);
}

#[test]
fn a_read_runs_unasked_and_a_signal_is_told() {
    let lab = Lab::with(&[("README.md", "hello\n")]);
    assert_eq!(lab.ended(lab.warrant(&["cat", "README.md"], &[], None)).stdout, "hello\n");
    let lab = Lab::script("kill -9 $$\n");
    let report = lab.ended(lab.runs());
    assert_eq!((report.exit, report.stderr.as_str()), (None, "studio: it was ended by signal 9 (kill)\n"));
}

#[test]
fn time_runs_out_for_what_may_be_killed() {
    let limit = |warrant: &mut Warrant| warrant.step.timeout_seconds = 1.try_into().unwrap();
    let told = "studio: it was killed after 1 seconds, its time limit\n";
    let safe = Lab::side("echo begun\nsleep 300 & sleep 300\n", "kill = \"safe\"\n");
    let report = safe.ended(with(&safe, limit));
    assert_eq!((report.exit, report.stdout.as_str(), report.stderr.as_str()), (None, "begun\n", told));
    let read = Lab::with(&[]).judging(Everything(Class::Observe, Effect::Read));
    let mut warrant = read.warrant(&["sleep", "300"], &[], None);
    limit(&mut warrant);
    assert_eq!(read.ended(warrant).stderr, told);
}

#[test]
fn what_changes_things_is_left_running() {
    let lab = Lab::script("echo \"$HOME\" > \"$STUDIO_OUT/home\"\nsleep 300\n");
    let warrant = with(&lab, |warrant| warrant.step.timeout_seconds = 1.try_into().unwrap());
    let Answer::Overdue(why) = lab.run(warrant.clone()) else { panic!("it ended") };
    assert!(why.starts_with("still running after 1 seconds, as process ") && why.ends_with("; it was left running"), "{why}");
    assert!(lab.run_file("steps/01-1.err").unwrap().contains("left running"));
    // Its private folder and what it works in are left to it.
    let home = lab.run_file("out/01-1/home").unwrap();
    assert!(fs::exists(home.trim()).unwrap() && lab.there(&format!(".git/studio/worktrees/{RUN}/infrastructure/run.sh")));
    // It can be asked for again, and again, until somebody ends it.
    let mut server = lab.serve();
    let recall = Request::Recall(Box::new(warrant.clone()));
    assert!(matches!(server.ask(&recall), Answer::Overdue(again) if again == why));
    assert_eq!(lab.claims().stop(&warrant.op, true).unwrap(), 2);
    assert!(matches!(server.ask(&recall), Answer::Ended(report) if report.exit.is_none() && report.stderr.contains("signal 9")));
    server.end();
    assert!(!fs::exists(home.trim()).unwrap());
}

#[test]
fn output_over_the_limit_fails_the_step() {
    let lab = Lab::script("head -c 5000000 /dev/zero | tr '\\0' x\n");
    let report = lab.ended(lab.runs());
    assert_eq!((report.exit, report.notes.len(), report.stdout.len()), (Some(0), 1, OUTPUT_BYTES_MAX));
    assert!(report.stderr.contains("studio: its output has 5000000 bytes"), "{}", report.stderr);
    // Each of these bytes takes six in a message.
    let lab = Lab::script("head -c 4000000 /dev/zero\n");
    let report = lab.ended(lab.runs());
    assert!(!report.notes.is_empty() && report.stdout.len() < FRAME_BYTES_MAX / 6 && report.stderr.contains("control characters"));
    let lab = Lab::script("printf '\\377ok'\n");
    assert_eq!(lab.ended(lab.runs()).stdout, "\u{fffd}ok");
}

#[test]
fn what_a_step_had_to_leave_is_missed() {
    let lab = Lab::side("ln -s /etc \"$STUDIO_OUT/link\"\n", "[[artifact]]\npath = \"report.txt\"\nrequired = true\n");
    let report = lab.ended(lab.runs());
    assert_eq!((report.exit, report.notes.len()), (Some(0), 2));
    assert!(report.stderr.contains("studio: it had to leave report.txt") && report.stderr.contains("\"link\""), "{}", report.stderr);
    let lab = Lab::script(&format!("for i in $(seq {}); do : > \"$STUDIO_OUT/f$i\"; done\n", ARTIFACTS_MAX + 3));
    let report = lab.ended(lab.runs());
    assert_eq!((report.exit, report.artifacts.len(), report.notes.is_empty()), (Some(0), ARTIFACTS_MAX, false));
}

#[test]
fn a_shim_that_dies_before_it_claims_is_started_again() {
    for (deaths, runs) in [(SHIM_STARTS_MAX - 1, true), (SHIM_STARTS_MAX, false)] {
        let mut lab = Lab::script("echo ran\n");
        let (program, deaths_so_far) = (std::env::current_exe().unwrap(), lab.state.path().join("deaths"));
        let script = format!(
            "PATH=/usr/bin:/bin; echo >> {0}; [ $(wc -l < {0}) -gt {deaths} ] && exec {1} \"$@\"",
            deaths_so_far.display(),
            program.display()
        );
        let args = ["-c".into(), script, "shim".into()].into_iter().chain(lab.shims.args);
        lab.shims = Entry { program: "/bin/sh".into(), args: args.collect() };
        match (lab.run(lab.runs()), runs) {
            (Answer::Ended(report), true) => assert_eq!((report.exit, report.stdout.as_str()), (Some(0), "ran\n")),
            (Answer::Refused(why), false) => {
                assert!([".01.1", "never claimed", "failed to start the shim"].iter().any(|part| why.contains(part)), "{why}")
            }
            (answer, _) => panic!("{answer:?}"),
        }
    }
}
