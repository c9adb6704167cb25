//! What keeps a step from beginning, though its warrant holds: a stop, a freeze, the hour, another run, an earlier one.

use super::lab::{Everything, Lab, noon};
use crate::claim::Moment;
use crate::claim::marks::Freeze;
use crate::executor::Place;
use crate::executor::server::serve;
use crate::executor::wire::{self, Answer, Hello, Request};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use studio_core::clock::SystemClock;
use studio_core::event::Basis;
use studio_core::gate::{Class, Effect};
use studio_core::name::RunId;
use studio_core::warrant::Warrant;
use studio_gate::Hours;

const RAN: &str = "echo ran >> \"$STUDIO_OUT/ran\"\n";

fn ask(place: Place, request: Request) -> Answer {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    wire::write(&mut ours, &Request::Hello(Hello::ours())).unwrap();
    wire::write(&mut ours, &request).unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    serve(theirs, place).unwrap();
    let _hello: Option<Answer> = wire::read(&mut ours).unwrap();
    wire::read(&mut ours).unwrap().unwrap()
}

fn run(lab: &Lab, warrant: &Warrant) -> Answer {
    ask(lab.place(), Request::Run(Box::new(warrant.clone())))
}

fn held(answer: &Answer, word: &str) {
    assert!(matches!(answer, Answer::Held(why) if why.contains(word)), "{word}: {answer:?}");
}

#[test]
fn an_executor_that_was_told_to_stop_begins_nothing_whoever_asks() {
    let lab = Lab::script(RAN);
    let (run, other): (RunId, RunId) = (lab.runs().op.run, "20261122-101112-other-0a1f".try_into().unwrap());
    for (marked, stops) in [(Some(&other), false), (Some(&run), true), (None, true)] {
        let place = lab.place();
        lab.claims().mark_stop(marked, &Moment::now(&SystemClock).unwrap()).unwrap();
        let mut warrant = lab.runs();
        warrant.op.attempt = if stops { 2 } else { 1 };
        lab.sign(&mut warrant);
        let answer = ask(place, Request::Run(Box::new(warrant)));
        if stops { held(&answer, "told to stop") } else { assert!(matches!(answer, Answer::Ended(_)), "{answer:?}") }
    }
    assert_eq!(lab.run_file("out/01-2/ran"), None);
}

#[test]
fn while_changes_are_frozen_reads_go_on() {
    let lab = Lab::script(RAN);
    lab.claims().freeze(&Freeze { why: "disks".into(), by: "ops".into(), at: noon() }).unwrap();
    held(&run(&lab, &lab.runs()), "frozen since 2026-11-22T12:00:00Z by ops: disks");
    assert!(matches!(run(&lab, &lab.warrant(&["cat", "README.md"], &[], None)), Answer::Ended(_)));
    std::fs::write(lab.claims().dir().join("freeze"), "{}").unwrap();
    let mut second = lab.runs();
    second.op.attempt = 2;
    lab.sign(&mut second);
    held(&run(&lab, &second), "so they are");
    lab.claims().thaw().unwrap();
    // The same op, later.
    assert!(matches!(run(&lab, &second), Answer::Ended(report) if report.exit == Some(0)));
}

#[test]
fn changes_are_made_at_their_hours() {
    // Noon of a Sunday in UTC, so no Wednesday anywhere.
    let lab = Lab::script(RAN);
    let hours = |text: &str| Hours::try_from(vec![text.to_string()]).unwrap();
    let at = |text: &str| ask(Place { hours: hours(text), ..lab.place() }, Request::Run(Box::new(lab.runs())));
    held(&at("Wed 00:00-23:59"), "changes are made Wed 00:00-23:59 only");
    assert!(matches!(at("Mon-Sun 00:00-23:59"), Answer::Ended(_)));
}

#[test]
fn two_runs_never_change_one_target_at_once() {
    let lab = Lab::script(RAN);
    lab.put(".talos/prod/kubeconfig", "");
    let on = |run: &str, target: &str| {
        let mut warrant = lab.runs();
        warrant.op.run = run.try_into().unwrap();
        warrant.ticket = run[16..].try_into().unwrap();
        warrant.step.target = target.try_into().unwrap();
        lab.sign(&mut warrant);
        std::fs::create_dir_all(lab.dir.path().join("ai/state/runs").join(run)).unwrap();
        warrant
    };
    let (first, second) = ("20261122-101112-add-node-0a1f", "20261122-101112-other-0a1f");
    assert!(matches!(run(&lab, &on(first, "prod")), Answer::Ended(_)));
    held(&run(&lab, &on(second, "prod")), first);
    // What works on this machine alone has a copy of its own.
    assert!(matches!(run(&lab, &on("20261122-101112-third-0a1f", "local")), Answer::Ended(_)));
    // A run that is over lets go.
    assert_eq!(ask(lab.place(), Request::Discard(first.try_into().unwrap())), Answer::Discarded);
    assert!(matches!(run(&lab, &on(second, "prod")), Answer::Ended(_)));
}

#[test]
fn what_an_earlier_run_did_for_the_ticket_needs_a_word() {
    let lab = Lab::script(RAN).judging(Everything(Class::Mutate, Effect::OneShot));
    let of = |run: &str| {
        let mut warrant = lab.runs();
        warrant.op.run = run.try_into().unwrap();
        lab.sign(&mut warrant);
        std::fs::create_dir_all(lab.dir.path().join("ai/state/runs").join(run)).unwrap();
        warrant
    };
    let (first, second) = (of("20261122-101112-add-node-0a1f"), of("20261123-101112-add-node-0a1f"));
    assert!(matches!(run(&lab, &first), Answer::Ended(_)));
    let key = first.effect_key(None);
    assert_eq!(ask(lab.place(), Request::Done(key.clone())), Answer::Done(vec![first.op.clone()]));
    let answer = run(&lab, &second);
    assert!(
        matches!(&answer, Answer::Refused(why) if why.contains("has run for this ticket already, as 20261122-101112-add-node-0a1f.01.1")),
        "{answer:?}"
    );
    assert_eq!(ask(lab.place(), Request::Done(key)), Answer::Done(vec![first.op]), "what never began is no effect");
    assert_eq!(second.basis, Basis::Auto);
}

#[test]
fn a_journal_that_was_set_back_begins_nothing() {
    let lab = Lab::script(RAN);
    let mut warrant = lab.runs();
    warrant.journal.n = 9;
    assert!(matches!(run(&lab, &warrant), Answer::Ended(report) if report.sealed.as_ref().is_some_and(|sealed| sealed.n == 9)));
    let mut earlier = lab.runs();
    (earlier.op.attempt, earlier.journal.n) = (2, 8);
    lab.sign(&mut earlier);
    let answer = run(&lab, &earlier);
    assert!(matches!(&answer, Answer::Refused(why) if why.contains("was set back")), "{answer:?}");
    assert_eq!(lab.run_file("out/01-2/ran"), None);
}

#[test]
fn a_life_that_was_overtaken_begins_nothing() {
    let lab = Lab::script(RAN);
    let mut later = lab.runs();
    later.epoch = 3;
    assert_eq!(ask(lab.place(), Request::Recall(Box::new(later))), Answer::NeverBegan);
    let answer = run(&lab, &lab.runs());
    assert!(matches!(&answer, Answer::Refused(why) if why.contains("resumed as life 3")), "{answer:?}");
}

#[test]
fn a_claim_answers_for_its_own_effect_alone() {
    let lab = Lab::script(RAN);
    let first = lab.runs();
    assert!(matches!(run(&lab, &first), Answer::Ended(_)));
    // Another plan, of a journal that was set back, comes to the same name.
    let other = lab.warrant(&["cat", "README.md"], &[], None);
    let answer = run(&lab, &other);
    assert!(matches!(&answer, Answer::Lost(why) if why.contains("is another effect")), "{answer:?}");
    assert!(matches!(ask(lab.place(), Request::Recall(Box::new(other))), Answer::Lost(_)));
}

#[test]
fn nothing_of_a_cancelled_run_begins() {
    let lab = Lab::script(RAN);
    lab.claims().mark_cancel(&lab.runs().op.run).unwrap();
    let answer = run(&lab, &lab.runs());
    assert!(matches!(&answer, Answer::Refused(why) if why.contains("is cancelled")), "{answer:?}");
    std::fs::write(lab.claims().dir().join("cancels").join(super::lab::RUN), "{}").unwrap();
    let mut second = lab.runs();
    second.op.attempt = 2;
    lab.sign(&mut second);
    assert!(matches!(run(&lab, &second), Answer::Refused(_)), "a mark that cannot be read is one");
}
