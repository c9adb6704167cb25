//! The Executor, the runtime, the shim or the command itself is killed in the middle of a step: nothing runs twice, and
//! a human is asked only where nobody is left who could know.

use super::trusted::{FACTS, FACTS_QUEUE, entry, facts_and};
use super::{Lab, STUDIO, Said, ended, model, sample, sh};
use duct::Handle;
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::sync::mpsc;
use studio_tests::server::{Reply, Server};

/// Says that it began, under whom and as what, then waits for a word.
const SCRIPT: &str = "set -eu\necho begun >> artifacts/facts/log\necho \"$PPID $$\" > artifacts/facts/began\nread -r word < artifacts/facts/go\n\
    echo \"$word\" >> artifacts/facts/log\necho over > artifacts/facts/over\n";

const SIDE: &str = "infrastructure/checks/facts.sh.studio.toml";
const WRITES: &str = "writes = [\"artifacts/facts\"]\n";

/// A step in mid-air.
struct Flight {
    lab: Lab,
    /// Whoever writes a line here lets the script go on.
    go: File,
    /// The process of the Executor.
    executor: u32,
    /// The shim, its second stage, and the script.
    step: [u32; 3],
    /// The command that resumed it.
    resume: Handle,
}

impl Flight {
    /// Resumes an approved run, in a shell that does `line`, and waits until its script is at work.
    fn begin(line: &str) -> Flight {
        Flight::of(Lab::trusted(&facts_and(&[(FACTS, SCRIPT), (SIDE, WRITES)])), line)
    }

    /// The same in that lab.
    fn of(lab: Lab, line: &str) -> Flight {
        lab.approved("facts");
        lab.shell(0, "mkdir -p artifacts/facts && cd artifacts/facts && mkfifo began go over");
        let go = OpenOptions::new().read(true).write(true).open(lab.repo().join("artifacts/facts/go")).unwrap();
        let resume = lab.begin(&sh(line).stdin_null());
        let began = heard(&lab, "began");
        let (second, script) = began.trim().split_once(' ').unwrap();
        let status = fs::read_to_string(format!("/proc/{second}/status")).unwrap();
        let shim = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim();
        let step = [shim, second, script].map(|pid| pid.parse().unwrap());
        Flight { go, executor: executor(&lab), step, resume, lab }
    }

    /// Lets the script go on, and waits for its end.
    fn land(&mut self) {
        self.go.write_all(b"ended\n").unwrap();
        heard(&self.lab, "over");
        assert_eq!(self.lab.read("artifacts/facts/log"), "begun\nended\n");
    }

    /// Kills processes.
    fn kill(&self, pids: &[u32]) {
        let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
        self.lab.shell(0, &format!("kill -KILL {}", pids.join(" ")));
    }

    /// Waits for the command that resumed it.
    fn said(self, exit: i32) -> (Lab, Said) {
        let said = ended(exit, "resume 2", self.resume.wait().unwrap());
        (self.lab, said)
    }

    /// Kills everybody who could know, and returns when the loss is noticed.
    fn lost() -> Lab {
        let flight = Flight::begin(&format!("{STUDIO} resume 2"));
        let [shim, second, script] = flight.step;
        flight.kill(&[flight.executor, shim, second, script]);
        let (lab, said) = flight.said(70);
        assert!(said.out.contains("\ninterrupted: step 01 was granted, and nobody saw its end yet; resume asks"), "{}", said.out);
        unknown(&lab);
        lab
    }
}

/// Returns what the script wrote into one of its pipes, in at most half a minute.
fn heard(lab: &Lab, pipe: &str) -> String {
    lab.shell(0, &format!("timeout 30 cat artifacts/facts/{pipe}")).out
}

/// Waits until a process is over, at most half a minute, whether anybody waited for it or not.
fn gone(lab: &Lab, pid: u32) {
    lab.shell(0, &format!("timeout 30 sh -c 'while grep -qs \"^State:.[^ZX]\" /proc/{pid}/status; do sleep 0.05; done'"));
}

/// Says that the step is unknown, and that neither a resume nor a second run of the ticket runs it again.
fn unknown(lab: &Lab) {
    let said = lab.studio(4, "resume 2");
    assert!(said.out.contains("needs-human: nobody knows whether step 01 ran (it was begun, and nothing recorded how it ended"), "{}", said.out);
    assert!(said.out.contains("'happened|did-not|abort'"), "{}", said.out);
    assert!(lab.studio(2, "approve 2").err.contains("has no step that waits for an approval"));
    assert!(lab.studio(4, "run facts --mode live").err.contains(" of facts is not done with (needs-human: "));
    assert_eq!(lab.json(0, "status 2")[0]["state"], "needs-human");
    assert_eq!(lab.read("artifacts/facts/log"), "begun\n");
}

/// Says that the run is done, and that its script ran once.
fn done(lab: &Lab, said: &Said) {
    assert!(said.out.contains("\ndone: "), "{}", said.out);
    assert_eq!(lab.read("artifacts/facts/log"), "begun\nended\n");
    for line in ["verify 2", "replay 2"] {
        lab.studio(0, line);
    }
}

#[test]
fn a_killed_executor_costs_nothing_but_a_resume() {
    let mut flight = Flight::begin(&format!("{STUDIO} resume 2"));
    flight.kill(&[flight.executor]);
    flight.land();
    let (lab, said) = flight.said(70);
    assert!(said.out.contains("\nlost        the Executor is gone: "), "{}", said.out);
    assert!(said.out.contains("\nnext        ") && !said.out.contains("settle"), "{}", said.out);
    done(&lab, &lab.studio(0, "resume 2"));
}

#[test]
fn a_step_whose_end_nobody_can_know_is_settled_by_a_human() {
    let lab = Flight::lost();
    let queue = lab.read("ai/backlog.yaml");
    let shown = lab.studio(0, "settle 2 1 happened --reason looked");
    assert!(shown.out.contains("signed by ops: it happened"), "{}", shown.out);
    let said = lab.studio(4, "resume 2");
    assert!(said.out.contains("settled     step 01 by ops") && said.out.contains("\nneeds-review: "), "{}", said.out);
    assert_eq!((lab.read("artifacts/facts/log").as_str(), lab.read("ai/backlog.yaml")), ("begun\n", queue));
    assert!(lab.studio(0, "report 2").out.contains("ops said that it happened: step 01"));
    lab.studio(0, "verify 2");
    lab.studio(0, "replay 2");
}

#[test]
fn what_did_not_happen_is_asked_about_again() {
    let lab = Flight::lost();
    lab.studio(0, "settle 2 1 did-not --reason looked");
    let said = lab.studio(4, "resume 2");
    assert!(said.out.contains("\nneeds-human: step 01 waits for an approval until "), "{}", said.out);
    assert_eq!(lab.read("artifacts/facts/log"), "begun\n", "a word that it did not happen lets nothing run");
    lab.studio(0, "deny 2");
    lab.studio(6, "resume 2");
    assert_eq!(lab.read("artifacts/facts/log"), "begun\n");
}

#[test]
fn a_run_that_is_given_up_is_over() {
    let lab = Flight::lost();
    lab.studio(0, "settle 2 1 abort --reason enough");
    let said = lab.studio(7, "resume 2");
    assert!(said.out.contains("\nfailed: "), "{}", said.out);
    assert_eq!(lab.read("artifacts/facts/log"), "begun\n");
}

#[test]
fn a_killed_runtime_leaves_a_step_whose_end_the_next_one_records() {
    let mut flight = Flight::begin(&format!("{STUDIO} resume 2 & echo $! > ../runtime; wait $!"));
    let runtime = fs::read_to_string(flight.lab.repo().with_file_name("runtime")).unwrap();
    flight.kill(&[runtime.trim().parse().unwrap()]);
    let spoken = fs::read_link(format!("/proc/{}/fd/2", flight.executor)).unwrap();
    assert!(spoken.ends_with("executor.log"), "it keeps whoever reads the output of its runtime waiting: {spoken:?}");
    flight.land();
    // The Executor ends by itself once it sees that nobody listens.
    gone(&flight.lab, flight.executor);
    let (lab, _) = flight.said(137);
    assert_eq!(lab.json(0, "status 2")[0]["state"], "interrupted");
    done(&lab, &lab.studio(0, "resume 2"));
}

#[test]
fn a_step_still_at_work_is_attached_to() {
    for whole in [false, true] {
        let mut flight = Flight::begin(&format!("{STUDIO} resume 2 & echo $! > ../runtime; wait $!"));
        let runtime: u32 = fs::read_to_string(flight.lab.repo().with_file_name("runtime")).unwrap().trim().parse().unwrap();
        assert!(flight.lab.studio(75, "resume 2").err.contains("is held by another studio"));
        let killed = [runtime, flight.executor];
        flight.kill(if whole { &killed } else { &killed[..1] });
        let again = flight.lab.begin(&sh(&format!("{STUDIO} resume 2")).stdin_null());
        flight.land();
        let (lab, _) = flight.said(137);
        done(&lab, &ended(0, "resume 2", again.wait().unwrap()));
    }
}

#[test]
fn either_half_of_a_shim_may_be_killed() {
    for half in [0, 1] {
        let mut flight = Flight::begin(&format!("{STUDIO} resume 2"));
        flight.kill(&[flight.step[half]]);
        flight.land();
        let (lab, said) = flight.said(0);
        done(&lab, &said);
    }
}

#[test]
fn an_interrupt_leaves_the_step_alone_and_the_next_life_records_how_it_ended() {
    let mut flight = Flight::begin(&format!("{STUDIO} resume 2 & echo $! > ../runtime; wait $!"));
    let runtime = fs::read_to_string(flight.lab.repo().with_file_name("runtime")).unwrap();
    flight.lab.shell(0, &format!("kill -TERM {runtime}"));
    gone(&flight.lab, runtime.trim().parse().unwrap());
    flight.land();
    let (lab, said) = flight.said(75);
    assert!(said.out.contains("\ninterrupted: step 01 was granted"), "{}", said.out);
    done(&lab, &lab.studio(0, "resume 2"));
}

#[test]
fn a_studio_that_is_told_to_stop_leaves_the_step_alone() {
    for line in ["stop 2", "stop --all"] {
        let mut flight = Flight::begin(&format!("{STUDIO} resume 2"));
        let said = flight.lab.studio(0, line);
        assert!(said.out.contains("\ngoes on     step 01 of ") && said.out.contains(&format!("below process {}", flight.step[0])), "{}", said.out);
        gone(&flight.lab, parent(flight.executor));
        flight.land();
        let (lab, said) = flight.said(75);
        assert!(said.err.contains("told to stop") && said.out.contains("\ninterrupted: step 01 was granted"), "{}{}", said.out, said.err);
        // What begins later is not meant.
        done(&lab, &lab.studio(0, "resume 2"));
    }
}

#[test]
fn a_run_is_cancelled_and_what_may_be_killed_is() {
    let lab = Lab::trusted(&facts_and(&[(FACTS, SCRIPT), (SIDE, "writes = [\"artifacts/facts\"]\nkill = \"safe\"\n")]));
    let mut flight = Flight::of(lab, &format!("{STUDIO} resume 2"));
    let said = flight.lab.studio(0, "cancel 2 --reason enough");
    assert!(said.out.contains("executor    step 01: ") && said.out.contains("signal 15"), "{}", said.out);
    assert!(said.out.contains("closed      cancelled: ops cancelled it: enough"), "{}", said.out);
    assert!(!fs::exists(format!("/proc/{}", flight.step[2])).unwrap());
    flight.go.flush().unwrap();
    let (lab, _) = flight.said(75);
    assert_eq!(lab.read("artifacts/facts/log"), "begun\n");
    assert!(lab.studio(2, "cancel 2").err.contains("is over already: cancelled"));
    lab.studio(0, "verify 2");
    lab.studio(0, "replay 2");
}

/// Returns the process that started another one.
fn parent(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}

#[test]
fn an_entry_that_is_edited_while_it_is_worked_on_is_not_ticked() {
    let mut flight = Flight::begin(&format!("{STUDIO} resume 2"));
    let edited = FACTS_QUEUE.replace("Please look", "Please look twice");
    flight.lab.write("ai/backlog.yaml", &edited);
    flight.land();
    let (lab, said) = flight.said(4);
    assert!(said.out.contains("ai/backlog.yaml:3: the entry was edited while it was worked on"), "{}", said.out);
    assert_eq!((lab.read("ai/backlog.yaml"), lab.read("artifacts/facts/log").as_str()), (edited, "begun\nended\n"));
}

#[test]
fn two_runs_of_one_repository_do_not_run_at_the_same_time_and_both_end() {
    let queue = ["facts", "more"].map(|id| entry(id, FACTS)).concat();
    let script = "set -eu\necho \"begin $STUDIO_RUN\" >> artifacts/facts/log\nread -r word < artifacts/facts/go\necho \"end $STUDIO_RUN\" >> artifacts/facts/log\n";
    let lab = Lab::trusted(&facts_and(&[("ai/backlog.yaml", &queue), (FACTS, script), (SIDE, WRITES)]));
    let ids = ["facts", "more"].map(|ticket| lab.approved(ticket));
    lab.shell(0, "mkdir -p artifacts/facts && mkfifo artifacts/facts/go");
    let mut go = OpenOptions::new().read(true).write(true).open(lab.repo().join("artifacts/facts/go")).unwrap();
    let runs = ids.map(|id| lab.begin(&sh(&format!("{STUDIO} resume {id}")).stdin_null()));
    for _ in 0..2 {
        go.write_all(b"go\n").unwrap();
    }
    for run in runs {
        ended(0, "resume", run.wait().unwrap());
    }
    let log = lab.read("artifacts/facts/log");
    let lines: Vec<(&str, &str)> = log.lines().filter_map(|line| line.split_once(' ')).collect();
    assert!(lines.len() == 4 && lines.chunks(2).all(|pair| pair[0].0 == "begin" && pair[1] == ("end", pair[0].1)), "{log}");
    assert_eq!(lab.read("ai/backlog.yaml"), queue.replace("pending", "success"));
    assert_eq!(lab.read_json("ai/state/metrics.json")["tasks_completed"], 2);
}

#[test]
fn an_executor_killed_while_a_model_thinks_costs_nothing_twice() {
    let files = sample::files();
    let lab = Lab::trusted(&files.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
    let (go_on, asked_to) = mpsc::channel::<()>();
    let server = Server::start(move |asked| match asked.form.as_str() {
        "change" => {
            asked_to.recv().unwrap();
            Reply::Says(model::change(json!([])).to_string())
        }
        _ => model::good(asked),
    });
    let named = format!("\nmodel = \"openai:attic\"\n[models.attic]\nbase_url = \"{}\"\nmodel = \"small\"\n", server.url());
    lab.settle_in("studio.toml", &named);
    let run = lab.begin(&sh(&format!("{STUDIO} run raise-notes --mode live")).stdin_null());
    server.wait_for(2);
    lab.shell(0, &format!("kill -KILL {}", executor(&lab)));
    go_on.send(()).unwrap();
    let said = ended(70, "run raise-notes", run.wait().unwrap());
    assert!(said.out.contains("\ninterrupted: ") && said.out.contains("\nlost        the Executor is gone: "), "{}{}", said.out, said.err);
    assert!(said.out.lines().last().unwrap().starts_with("next        ") && said.out.contains(" resume "), "{}", said.out);
    let branch = || lab.git("for-each-ref --format='%(refname:short)' refs/heads/engineer");
    assert_eq!(branch(), "", "nothing was committed");

    let resumed = lab.studio(0, "resume 2");
    assert!(resumed.out.contains("\ndone: ") && branch().starts_with("engineer/raise-notes-"), "{}", resumed.out);
    assert_eq!(model::forms(&server), ["draft 1", "opinion 1", "change 1", "review 1", "review 2", "text 1"]);
}

/// Returns the process of the Executor that works on this lab.
fn executor(lab: &Lab) -> u32 {
    let (word, place) = ("\0executor\0", lab.repo().display().to_string());
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let words = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut ours = pids.filter(|pid| words(pid).contains(word) && words(pid).contains(&place));
    ours.next().expect("there is no Executor")
}
