//! Runs that are stopped, killed or watched in the middle: what was bought stays bought, and the next line goes on.

use super::model::{good, name};
use super::{Lab, STUDIO, ended, sh};
use expect_test::expect;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc;
use studio_tests::server::{Reply, Server};

/// Carries `raise-notes` until its Engineer waits for a model that says nothing, sends this signal
/// to the studio, and returns how it ended; then resumes and expects that nothing is bought twice.
fn signalled(signal: &str, exit: i32) -> String {
    let lab = Lab::ready();
    let server = Server::start(|asked| if (asked.form.as_str(), asked.turn) == ("opinion", 1) { Reply::Silent } else { good(asked) });
    name(&lab, &server.url());
    let (stdin, mut word) = std::io::pipe().unwrap();
    let line = format!("{STUDIO} run raise-notes & read -r word; kill -{signal} $!; wait $!");
    let handle = lab.begin(&sh(&line).stdin_file(stdin));
    server.wait_for(2);
    word.write_all(b"now\n").unwrap();
    let said = ended(exit, &line, handle.wait().unwrap());
    let state = lab.json(0, "status 2")[0]["state"].as_str().unwrap().to_string();
    assert_eq!(state, "interrupted");
    let resumed = lab.studio(0, "resume 2");
    assert!(resumed.out.contains("  resumed     life 2\n"), "{}", resumed.out);
    let forms: Vec<String> = server.asked().into_iter().map(|asked| asked.form).collect();
    assert_eq!(forms, ["draft", "opinion", "opinion", "change", "review", "review", "text"]);
    lab.studio(0, "verify 2");
    lab.studio(0, "replay 2");
    lab.mask(&said.out)
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let [out, other] = ["INT", "TERM"].map(|signal| signalled(signal, 75));
    let (_, end) = out.split_once("\ninterrupted: ").unwrap();
    expect![[r#"
        it stopped in the middle; resume goes on
        run         RUN-raise-notes
        next        STUDIO resume RUN-raise-notes --repo LAB/lab --operator LAB/config/studio
    "#]]
    .assert_eq(end);
    assert_eq!(other, out);
}

#[test]
fn a_killed_run_goes_on_from_its_journal() {
    assert!(!signalled("KILL", 137).contains("next "));
}

#[test]
fn a_run_is_followed_until_it_rests() {
    let lab = Lab::ready();
    let (go_on, asked_to) = mpsc::channel::<()>();
    let server = Server::start(move |asked| {
        if asked.form == "opinion" {
            asked_to.recv().unwrap();
        }
        good(asked)
    });
    name(&lab, &server.url());
    let run = lab.begin(&sh(&format!("{STUDIO} run raise-notes")).stdin_null());
    server.wait_for(1);
    let (reader, writer) = std::io::pipe().unwrap();
    let follow = lab.begin(&sh(&format!("{STUDIO} log 2 --follow")).stdin_null().stdout_file(writer));
    let mut reader = BufReader::new(reader);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    assert!(first.contains("  ticket      raise-notes (ai/backlog.yaml:48): "), "{first}");
    assert!(lab.studio(75, "resume 2").err.contains("is held by another studio"));
    go_on.send(()).unwrap();
    ended(0, "log 2 --follow", follow.wait().unwrap());
    ended(0, "run raise-notes", run.wait().unwrap());
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert!(rest.lines().last().unwrap().starts_with("rehearsed: "), "{rest}");
    assert_eq!(format!("{first}{rest}"), lab.studio(0, "log 2").out);
}
