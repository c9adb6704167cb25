//! The three tickets of the demo, with the default crew and the built-in rules, cut at every write.

use crate::crash::cut_at_every_write;
use std::fs;
use std::sync::{Arc, LazyLock};
use studio_bin::sample::{HOMELAB, REHEARSALS};
use studio_core::event::{Approvals, Planned};
use studio_core::gate::Gate;
use studio_core::model::ScriptedModel;
use studio_core::ticket::Ticket;
use studio_core::tree::MemoryTree;
use studio_files::intake::Queue;
use studio_files::rehearsal::Rehearsal;
use studio_gate::ShortGate;
use studio_tests::chores::LedgerChores;
use studio_tests::disk::{ModelDisk, Survives};
use studio_tests::host::LedgerHost;
use studio_tests::life::{World, now, opened};

const SURVIVORS: [Survives; 3] =
    [Survives { names: false, percent: 0 }, Survives { names: true, percent: 50 }, Survives { names: true, percent: 100 }];

static GATE: LazyLock<Arc<ShortGate>> = LazyLock::new(|| Arc::new(ShortGate::new()));
static TREE: LazyLock<Arc<MemoryTree>> =
    LazyLock::new(|| Arc::new(MemoryTree(HOMELAB.iter().map(|(path, text)| ((*path).try_into().unwrap(), text.as_bytes().to_vec())).collect())));

fn ticket(id: &str) -> Ticket {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in HOMELAB {
        let file = dir.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    Queue::read(dir.path(), TREE.as_ref()).unwrap().find(id).unwrap().ticket.clone()
}

fn demo(id: &str, approvals: Approvals) -> impl Fn() -> World {
    let (_, text) = REHEARSALS.iter().find(|(path, _)| path.ends_with(&format!("{id}.toml"))).unwrap();
    let Rehearsal { answers, scenario } = Rehearsal::parse(id, text).unwrap();
    let (ticket, crew) = (ticket(id), studio_personas::crew());
    move || World {
        disk: ModelDisk::default(),
        host: LedgerHost::new(scenario.clone()),
        chores: LedgerChores::default(),
        opened: opened(ticket.clone(), Planned::Crew, approvals, &crew, GATE.as_ref() as &dyn Gate),
        gate: GATE.clone(),
        tree: TREE.clone(),
        crew: crew.clone(),
        model: Some(Arc::new(ScriptedModel::new("demo", answers.clone()))),
        now: now(),
    }
}

#[actix::test]
async fn the_first_demo_ticket_survives_every_power_cut() {
    cut_at_every_write("pin-web-image", &SURVIVORS, demo("pin-web-image", Approvals::Assume)).await;
}

#[actix::test]
async fn the_second_demo_ticket_survives_every_power_cut() {
    cut_at_every_write("probe-dns", &SURVIVORS, demo("probe-dns", Approvals::Assume)).await;
}

#[actix::test]
async fn the_third_demo_ticket_survives_every_power_cut() {
    cut_at_every_write("wipe-worker-3", &SURVIVORS, demo("wipe-worker-3", Approvals::Ask)).await;
}
