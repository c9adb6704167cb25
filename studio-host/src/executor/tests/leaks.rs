//! What a hostile or careless step leaves behind: values, names, output and processes.

use super::lab::{Lab, rel};
use crate::claim::process::Process;
use crate::executor::fit;
use crate::executor::wire::Answer;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use studio_core::limits::OUTPUT_BYTES_MAX;
use studio_core::name::Target;
use studio_core::plan::Edit;
use studio_core::redact::REDACTED;
use studio_core::warrant::Warrant;
use studio_gate::sha256;

const TOKEN: &str = "hunter2-hunter2-hunter2-and-some-more";

fn handed(script: &str) -> Lab {
    let lab = Lab::side(script, "env = [\"TOKEN\"]\n");
    lab.put("config/env/a.env", &format!("TOKEN={TOKEN}\n"));
    lab
}

/// The number behind `word` in a text.
fn number(text: &str, word: &str) -> i32 {
    let digits = text.split(word).nth(1).unwrap();
    digits.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn a_value_that_is_cut_in_two_leaves_no_part() {
    let lab = handed("yes \"$TOKEN\" | tr -d '\\n' | head -c 5000000\n");
    let report = lab.ended(lab.runs());
    assert!(!report.notes.is_empty() && report.stdout.len() > 100_000);
    assert_eq!(report.stdout.replace(REDACTED, ""), "");
}

#[test]
fn a_name_that_holds_a_value_is_no_artifact() {
    let lab = handed(
        "cd \"$STUDIO_OUT\"; : > plain; : > \"x-$TOKEN.txt\"; mkdir \"$TOKEN\"; : > \"$TOKEN/f\"\n\
         : > \"$(head -c 92 /dev/zero | tr '\\0' a)$TOKEN|\"\n",
    );
    let report = lab.ended(lab.runs());
    assert_eq!(report.artifacts.iter().map(|artifact| artifact.path.as_str()).collect::<Vec<_>>(), ["plain"]);
    assert!(
        report.exit == Some(0) && !report.notes.is_empty() && report.stderr.contains("\"x-[secret].txt\", whose name holds a secret"),
        "{}",
        report.stderr
    );
    assert_eq!(report.stderr.matches("whose name holds").count(), 3);
    assert!(!format!("{report:?}").contains("hunt") && !lab.run_file("steps/01-1.err").unwrap().contains("hunt"));
}

#[test]
fn a_value_too_short_to_be_found_is_not_handed_over() {
    let lab = handed("echo $TOKEN\n");
    lab.put("config/env/a.env", "TOKEN=hunt2\n");
    let why = lab.refused(lab.runs());
    assert!(why.contains("config/env/a.env:1: TOKEN has under 6 bytes") && !why.contains("hunt2"), "{why}");
}

#[test]
fn more_output_than_is_watched_ends_what_may_be_killed() {
    let flood = "head -c 70000000 /dev/zero | tr '\\0' x\n";
    let safe = Lab::side(&format!("{flood}sleep 300\n"), "kill = \"safe\"\n");
    let report = safe.ended(safe.runs());
    assert_eq!((report.exit, report.stdout.len()), (None, OUTPUT_BYTES_MAX));
    assert!(report.stderr.contains("studio: it was killed when its output grew over 67108864 bytes\n"), "{}", report.stderr);
    // What changes things goes on, and what nobody keeps takes no room meanwhile.
    let lab = Lab::script(&format!("{flood}sleep 0.5\ntouch \"$STUDIO_OUT/done\"\nstat -L -c %b /dev/stdout > \"$STUDIO_OUT/blocks\"\n"));
    let report = lab.ended(lab.runs());
    assert!(!report.notes.is_empty() && report.stdout.len() == OUTPUT_BYTES_MAX && report.stdout.bytes().all(|byte| byte == b'x'));
    assert_eq!(report.stderr, format!("studio: its output has 70000000 bytes; only the first {OUTPUT_BYTES_MAX} are kept\n"));
    let blocks: usize = lab.run_file("out/01-1/blocks").unwrap().trim().parse().unwrap();
    assert!(lab.run_file("out/01-1/done").is_some() && blocks * 512 < 2 * OUTPUT_BYTES_MAX, "{blocks}");
}

#[test]
fn the_output_of_a_step_that_was_left_running_is_watched_too() {
    let lab = Lab::script(
        "mkfifo \"$STUDIO_OUT/said\"\nsleep 1.5\nhead -c 70000000 /dev/zero\nsleep 0.5\nstat -L -c %b /dev/stdout > \"$STUDIO_OUT/said\"\n",
    );
    let mut warrant = lab.runs();
    warrant.step.timeout_seconds = 1.try_into().unwrap();
    lab.sign(&mut warrant);
    assert!(matches!(lab.run(warrant), Answer::Overdue(why) if why.contains("left running")));
    // Waits for the script to say it.
    let blocks: usize = lab.run_file("out/01-1/said").unwrap().trim().parse().unwrap();
    assert!(blocks * 512 < 2 * OUTPUT_BYTES_MAX, "{blocks}");
}

#[test]
fn what_a_step_started_beside_itself_is_ended_or_told() {
    // A helper that ends with the step is no matter.
    let lab = Lab::script("exec > >(cat)\necho said\n");
    assert_eq!((lab.ended(lab.runs()).exit, lab.run_file("steps/01-1.out").unwrap().as_str()), (Some(0), "said\n"));
    let background = "sleep 300 &\necho $! > \"$STUDIO_OUT/pid\"\n";
    let pid = |lab: &Lab| lab.run_file("out/01-1/pid").unwrap().trim().parse::<i32>().unwrap();
    let safe = Lab::side(background, "kill = \"safe\"\n");
    let report = safe.ended(safe.runs());
    assert_eq!((report.exit, report.stderr.as_str(), Process::of(pid(&safe))), (Some(0), "", None));
    let lab = Lab::script(background);
    let report = lab.ended(lab.runs());
    assert!(report.notes.len() == 1 && Process::of(pid(&lab)).is_some(), "{}", report.stderr);
    assert_eq!(number(&report.stderr, "studio: processes of it still run (as process "), pid(&lab));
    kill_process(Pid::from_raw(pid(&lab)).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn a_human_is_told_what_a_step_would_be_handed() {
    let side = "env = [\"TOKEN\"]\nreads = [\"cache/x\"]\nwrites = [\"build/log\"]\nkill = \"safe\"\ncluster = \"main\"\ntargets = [\"local\"]\n\
        [[artifact]]\npath = \"key.txt\"\nsecret = true\n";
    let lab = Lab::side("true\n", side);
    let tree = lab.repo().base(None).unwrap();
    let ask = |warrant: &Warrant, edits: &[Edit]| fit(lab.dir.path(), &tree, edits, &warrant.step, warrant.cluster.as_ref());
    let mut warrant = lab.runs();
    let refused = |warrant: &Warrant, edits: &[Edit], word: &str| {
        let why = ask(warrant, edits).unwrap_err();
        assert!(why.contains(word) && !why.contains("hunt"), "{word}: {why}");
    };
    refused(&warrant, &[], ".talos/<cluster>/");
    lab.put(".talos/main/kubeconfig", "hunter2");
    refused(&warrant, &[], "no value for TOKEN");
    lab.put("config/env/a.env", "TOKEN=hunt\n");
    refused(&warrant, &[], "under 6 bytes");
    lab.put("config/env/a.env", &format!("TOKEN={TOKEN}\n"));
    refused(&warrant, &[], "no cache/x");
    lab.put("cache/x", "");
    lab.put("build", "a file");
    refused(&warrant, &[], "build is no folder");
    fs::remove_file(lab.dir.path().join("build")).unwrap();
    let empty = sha256(b"");
    assert_eq!(
        ask(&warrant, &[]).unwrap(),
        format!(
            "values of config/env: TOKEN\nreads: cache/x (sha256 {empty}); signed by name only: what stands there may be another when it runs\n\
             writes: build/log\nleaves: key.txt (secret)\ncluster: .talos/main (as KUBECONFIG, TALOS_KUBECONFIG)\ntargets: local\n\
             time limit: 20 seconds, then it is killed, which is safe as its side file says"
        )
    );
    assert!(!lab.there("build") && !lab.there(".git/studio"));
    let write = |path: &str, text: &str| Edit::Write { path: rel(path), text: text.into() };
    refused(&warrant, &[write("build/log/.keep", "")], "build/log is in the commit");
    let bare = ask(&warrant, &[write("infrastructure/run.sh.studio.toml", "cluster = false\n")]).unwrap();
    assert!(
        bare.starts_with("values of config/env: nothing\nreads: nothing\nwrites: nothing\nleaves: nothing\ncluster: none\ntargets: any\n"),
        "{bare}"
    );
    assert!(bare.ends_with("then it is left running, unless the rules say that it only looks or writes in its own folder"));
    warrant.cluster = Some(Target::try_from("prod").unwrap());
    refused(&warrant, &[], "the ticket or the step names prod");
    warrant.step.target = Target::try_from("cp-1").unwrap();
    refused(&warrant, &[], "may run on local only");
}
