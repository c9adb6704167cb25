//! `studio run`: tickets through the whole loop.

use crate::card;
use crate::cli::{ApprovalsArg, ModeArg, RunArgs};
use crate::exit::{Exit, Failure};
use crate::live::{self, Live};
use crate::rules;
use crate::site::Site;
use crate::wiring::{self, Choice};
use crate::work::{self, Hands, Job, Rested};
use serde_json::json;
use std::sync::Arc;
use studio_core::event::Approvals;
use studio_core::run::StepState;
use studio_core::step::StepNo;
use studio_core::text::one_line;
use studio_core::ticket::Ticket;
use studio_core::tree::Tree;
use studio_files::intake::{Entry, Queue, Readiness};
use studio_host::git::Base;
use tokio_util::sync::CancellationToken;

/// Files that a notice names.
const NAMED_MAX: usize = 3;

/// How an idea becomes a ticket.
const COMMIT_IT: &str = "commit it to the base, or rehearse it with --mode simulate";

/// How much of a reason is shown, on its one line: somebody else's words may stand in it.
const WHY_CHARS_MAX: usize = 1000;

pub(crate) fn run(site: &Site, args: RunArgs, json: bool) -> Result<Exit, Failure> {
    if matches!(args.mode, ModeArg::Observe | ModeArg::Suggest) {
        let mode = format!("{:?}", args.mode).to_lowercase();
        return Err(Failure::new(Exit::Refused, format!("this version does not know --mode {mode} yet; say simulate, or live")));
    }
    let choice = Choice::of(args.model.as_deref(), &site.operator)?;
    let base = site.at_base()?;
    let notices = notices(site, &base);
    if args.mode == ModeArg::Live {
        live::possible(site, &base)?;
    }
    let tree: Arc<dyn Tree> = Arc::new(base);
    let queue = site.queue(tree.as_ref())?;
    let tickets = chosen(&queue, &args)?;
    let ideas = queue.entries().iter().filter(|entry| !entry.at_base && tickets.iter().any(|ticket| ticket.id == entry.ticket.id));
    let notices: Vec<String> = notices.into_iter().chain(ideas.map(only_rehearsed)).collect();
    if tickets.is_empty() {
        println!(
            "{}",
            if json {
                json!({ "v": 1, "type": "nothing", "why": "no ticket is ready" }).to_string()
            } else {
                "nothing to do: no ticket is ready (see `studio tickets`)".into()
            }
        );
        return Ok(Exit::Done);
    }
    notices.iter().filter(|_| !json).for_each(|notice| eprintln!("note: {notice}"));
    let rules = rules::of(site, tree.as_ref())?;
    block_on(async {
        let hands = match args.mode {
            ModeArg::Live => Hands::Live(Live::start(site, tree.as_ref())?),
            ModeArg::Observe | ModeArg::Suggest | ModeArg::Simulate => pretend(&args)?,
        };
        let (stop, mut worst) = (stop_on_signals(), Exit::Done);
        for ticket in tickets {
            let queue = work::others(&queue, &ticket.id);
            let (tree, rules, choice, hands) = (Arc::clone(&tree), rules.clone(), choice.clone(), hands.clone());
            let rested = work::begin(site, Job { ticket, tree, rules, choice, queue, crew: args.crew, hands }, json, stop.clone()).await?;
            show(site, &rested, json);
            worst = worst.max(rested.exit());
            if stop.is_cancelled() || rested.lost.is_some() {
                break;
            }
        }
        Ok(worst)
    })
}

/// Returns what people should know before a run begins.
fn notices(site: &Site, base: &Base) -> Vec<String> {
    let dirty = site.repo.dirty().unwrap_or_default();
    let named = dirty.iter().take(NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let dirty = (!dirty.is_empty()).then(|| format!("the checkout differs from its commit ({named}); a run works on {} alone", base.name()));
    base.notes().iter().cloned().chain(dirty).collect()
}

fn pretend(args: &RunArgs) -> Result<Hands, Failure> {
    let scenario = args.scenario.as_deref().map(wiring::rehearsal).transpose()?.map(|rehearsal| rehearsal.scenario);
    let approvals = match args.approvals {
        ApprovalsArg::Assume => Approvals::Assume,
        ApprovalsArg::Ask => Approvals::Ask,
    };
    Ok(Hands::Pretend { scenario, approvals })
}

/// Says of an idea that it is one.
fn only_rehearsed(entry: &Entry) -> String {
    let Ticket { id, source, .. } = &entry.ticket;
    format!("{id} ({source}) is an idea: it does not stand like this at the base, so it is only rehearsed")
}

/// Returns the tickets to work on. Live works on none that does not stand at the base: nobody committed its words.
fn chosen(queue: &Queue, args: &RunArgs) -> Result<Vec<Ticket>, Failure> {
    let live = args.mode == ModeArg::Live;
    if args.tickets.is_empty() {
        let most = if args.all { usize::MAX } else { 1 };
        return Ok(queue.ready().filter(|entry| entry.at_base || !live).take(most).map(|entry| entry.ticket.clone()).collect());
    }
    let ready = |asked: &String| -> Result<Ticket, Failure> {
        let entry: &Entry = queue.find(asked).map_err(|error| Failure::new(Exit::Usage, error))?;
        match entry.readiness {
            Readiness::Ready if live && !entry.at_base => Err(Failure::new(
                Exit::Refused,
                format!(
                    "{} ({}) is an idea, and not worked live: it does not stand like this at the base; {COMMIT_IT}",
                    entry.ticket.id, entry.ticket.source
                ),
            )),
            Readiness::Ready => Ok(entry.ticket.clone()),
            Readiness::Waiting { .. } | Readiness::Finished | Readiness::Held(_) | Readiness::Example => {
                Err(Failure::new(Exit::Refused, format!("{} ({}) is not ready: {}", entry.ticket.id, entry.ticket.source, entry.reason())))
            }
        }
    };
    args.tickets.iter().map(ready).collect()
}

/// Says where a run rests, and what comes next.
pub(crate) fn show(site: &Site, rested: &Rested, json: bool) {
    let (state, why) = studio_files::report::outcome(&rested.run);
    let next = work::advice(site, rested);
    if json {
        println!(
            "{}",
            json!({
                "v": 1, "type": "rest", "run": rested.id, "state": state, "why": why, "exit": rested.exit() as u8, "report": rested.report, "next": next,
            })
        );
        return;
    }
    for (at, record) in rested.run.steps().iter().enumerate() {
        if matches!(record.state, StepState::Asked(_))
            && let Some(card) = u32::try_from(at + 1).ok().and_then(|no| card::card(site, &rested.run, StepNo(no)))
        {
            print!("{card}");
        }
    }
    println!("{state}: {}", one_line(&why, WHY_CHARS_MAX));
    if let Some(why) = &rested.lost {
        println!("lost        the Executor is gone: {}", one_line(why, WHY_CHARS_MAX));
    }
    println!("run         {}", rested.id);
    if let Some(report) = &rested.report {
        println!("report      {}", site.root().join(report.as_str()).display());
    }
    next.iter().for_each(|line| println!("next        {line}"));
}

/// Runs a future to its end on an actix system.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    actix::System::new().block_on(work)
}

/// Returns a token that an interrupt or a termination cancels: nothing new is begun, what is recorded stays.
pub(crate) fn stop_on_signals() -> CancellationToken {
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    actix::spawn(async move {
        let terminated = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => drop(signal.recv().await),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminated => {}
        }
        eprintln!("studio: stopping: nothing new is begun, and a step that runs is left to end");
        signalled.cancel();
    });
    stop
}
