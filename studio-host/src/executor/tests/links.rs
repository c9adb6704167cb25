//! The runtime's end: greetings, answers, and an Executor that goes away.

use super::lab::Lab;
use crate::executor::ExecutorError;
use crate::executor::client::Link;
use crate::executor::server::serve;
use crate::executor::wire::{self, Answer, Hello, PROTOCOL, Request};
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::{JoinHandle, spawn};
use studio_core::chores::ChoreError;
use studio_core::host::{Host, Recalled, Seen};

/// A link to whatever `other` does at its end, after the greetings.
fn linked(other: impl FnOnce(UnixStream) + Send + 'static) -> (Link, JoinHandle<()>) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let thread = spawn(move || {
        let _hello: Request = wire::read(&mut theirs).unwrap().unwrap();
        wire::write(&mut theirs, &Answer::Hello(Hello::ours())).unwrap();
        other(theirs);
    });
    (Link::greeted(ours).unwrap(), thread)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn sh(script: &str) -> Result<Link, ExecutorError> {
    Link::start(Path::new("/bin/sh"), &["-c", script].map(OsString::from))
}

/// A shell script that greets as an Executor does.
fn greeting() -> String {
    let hello = format!(r#"{{"hello":{{"protocol":{PROTOCOL},"version":"{}","pid":1}}}}"#, env!("CARGO_PKG_VERSION"));
    format!("printf '\\000\\000\\000\\{:03o}{hello}' >&0", hello.len())
}

#[test]
fn a_link_runs_steps_and_chores() {
    let lab = Lab::script("echo done\n");
    runtime().block_on(async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let place = lab.place();
        let thread = spawn(move || serve(theirs, place));
        let link = Link::greeted(ours).unwrap();
        let Seen::Ended(ended) = link.run(lab.runs()).await else { panic!("lost") };
        assert_eq!((ended.exit, ended.stdout.as_str()), (Some(0), "done\n"));
        // Whoever asks again is told what came of it.
        assert_eq!(link.run(lab.runs()).await, Seen::Ended(ended.clone()));
        let host = crate::executor::client::LiveHost(link.clone());
        assert_eq!(host.recall(&lab.runs()).await, Recalled::Ended(ended));
        let mut other = lab.runs();
        other.op.attempt = 2;
        assert_eq!(host.recall(&other).await, Recalled::NeverBegan);
        assert_eq!(host.close(&other, "given up").await, Recalled::Refused("given up".into()));
        assert_eq!(host.recall(&other).await, Recalled::Refused("given up".into()));
        lab.sign(&mut other);
        assert!(matches!(link.run(other).await, Seen::Refused(why) if why.contains("given up")));
        assert_eq!(host.store(), lab.runs().store);
        assert_eq!(link.free_branch("engineer/a".try_into().unwrap()).await.unwrap().as_str(), "engineer/a");
        link.discard(lab.runs().op.run).await.unwrap();
        assert_eq!(link.lost(), None);
        drop(host);
        link.close().await.unwrap();
        thread.join().unwrap().unwrap();
    });
}

#[test]
fn an_executor_that_goes_away_loses_the_step_and_nothing_hangs() {
    let lab = Lab::script("true\n");
    runtime().block_on(async {
        for (answer, word) in [(&b""[..], "without an answer"), (b"\0\0", "middle"), (b"\xff\xff\xff\xff", "at most"), (b"\0\0\0\x02{}", "form")] {
            let (link, thread) = linked(move |mut socket| {
                let _run: Request = wire::read(&mut socket).unwrap().unwrap();
                socket.write_all(answer).unwrap();
            });
            let seen = link.run(lab.runs()).await;
            assert!(matches!(&seen, Seen::Gone(why) if why.contains(word)), "{seen:?}");
            assert!(link.lost().is_some());
            let next = link.run(lab.runs()).await;
            assert!(matches!(&next, Seen::Gone(_)), "{next:?}");
            let chore = link.discard(lab.runs().op.run).await;
            assert!(matches!(chore, Err(ChoreError::Gone(_))), "{chore:?}");
            thread.join().unwrap();
            link.close().await.unwrap();
        }
    });
}

#[test]
fn an_answer_to_something_else_is_the_last_one() {
    let lab = Lab::script("true\n");
    runtime().block_on(async {
        let (link, thread) = linked(|mut socket| {
            let _run: Request = wire::read(&mut socket).unwrap().unwrap();
            wire::write(&mut socket, &Answer::Discarded).unwrap();
            let _end = wire::read::<Request>(&mut socket);
        });
        assert!(matches!(link.run(lab.runs()).await, Seen::Gone(why) if why.contains("something else")));
        assert!(link.lost().is_some());
        link.close().await.unwrap();
        thread.join().unwrap();
    });
}

#[test]
fn an_executor_that_ends_while_idle_is_noticed() {
    runtime().block_on(async {
        for said in [&b""[..], b"x"] {
            let (link, thread) = linked(move |mut socket| socket.write_all(said).unwrap());
            thread.join().unwrap();
            let other = link.clone();
            other.ended().await;
            assert!(link.lost().is_some());
        }
    });
}

#[test]
fn only_our_own_version_is_served() {
    let lab = Lab::script("true\n");
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let place = lab.place();
    let thread = spawn(move || serve(theirs, place));
    wire::write(&mut ours, &Request::Hello(Hello { protocol: wire::PROTOCOL + 1, ..Hello::ours() })).unwrap();
    assert!(matches!(wire::read(&mut ours).unwrap(), Some(Answer::Hello(_))));
    assert!(matches!(thread.join().unwrap(), Err(ExecutorError::Wire(wire::WireError::Protocol(theirs, _))) if theirs == wire::PROTOCOL + 1));
    for hostile in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\0\0\x05", b"\0\0\0\x04null"] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(hostile).unwrap();
        drop(ours);
        assert!(serve(theirs, lab.place()).is_err());
    }
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    wire::write(&mut ours, &Request::Discard(lab.runs().op.run)).unwrap();
    assert!(matches!(serve(theirs, lab.place()), Err(ExecutorError::NoHello(_))));
}

#[test]
fn a_process_is_started_greeted_let_go_and_reaped() {
    assert!(matches!(sh("true"), Err(ExecutorError::NoRuntime)));
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let env = dir.path().join("env");
        let link = sh(&format!("env > {}; {}; exec cat > /dev/null", env.display(), greeting())).unwrap();
        let names = std::fs::read_to_string(&env).unwrap();
        assert!(
            names.lines().all(|line| ["PATH=", "HOME=", "LANG=", "XDG_", "STUDIO_LOG=", "RUST_BACKTRACE=", "PWD=", "_=", "OLDPWD=", "SHLVL="]
                .iter()
                .any(|known| line.starts_with(known))),
            "{names}"
        );
        link.close().await.unwrap();
        assert!(matches!(sh("true"), Err(ExecutorError::NoHello(_))));
        assert!(matches!(Link::start(Path::new("/absent"), &[]), Err(ExecutorError::Start(..))));
        let version = greeting().replace(&format!("protocol\":{PROTOCOL}"), "protocol\":7");
        assert!(matches!(sh(&format!("{version}; exec cat > /dev/null")), Err(ExecutorError::Wire(wire::WireError::Protocol(7, _)))));
    });
}

#[test]
fn a_killed_process_loses_the_step_at_once() {
    let lab = Lab::script("true\n");
    runtime().block_on(async {
        let link = sh(&format!("{}; head -c 200 > /dev/null; kill -9 $$", greeting())).unwrap();
        let seen = link.run(lab.runs()).await;
        assert!(matches!(&seen, Seen::Gone(_)), "{seen:?}");
        link.close().await.unwrap();
    });
}
