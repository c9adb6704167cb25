//! `studio doctor`: looks at this machine, the operator's folder and the repository, and says what is missing.

use crate::exit::{Exit, Failure};
use crate::live;
use crate::rules;
use crate::site::Site;
use crate::trust::{self, Trust};
use crate::wiring::Choice;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use studio_files::stage::Gates;
use studio_host::executor::find_program;

/// Programs that repositories of this kind use, and what is missing without them.
const PROGRAMS: [(&str, &str); 5] = [
    ("bash", "scripts cannot run"),
    ("kubectl", "steps that look at a cluster cannot run"),
    ("talosctl", "steps that look at Talos machines cannot run"),
    ("flux", "steps that look at Flux cannot run"),
    ("helm", "steps that look at releases cannot run"),
];

/// How a thing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    /// As it should be.
    Well,
    /// Works, but something is missing or weak.
    Weak,
    /// Stands in the way.
    Bad,
}

/// One thing that was looked at.
struct Look {
    what: &'static str,
    health: Health,
    found: String,
}

impl Look {
    fn new(what: &'static str, health: Health, found: impl Into<String>) -> Look {
        Look { what, health, found: found.into() }
    }

    /// Takes the error of a look as its finding.
    fn of(what: &'static str, found: Result<String, Failure>, bad: Health) -> Look {
        match found {
            Ok(found) => Look::new(what, Health::Well, found),
            Err(failure) => Look::new(what, bad, failure.why),
        }
    }
}

pub(crate) fn doctor(site: &Site, json: bool) -> Result<Exit, Failure> {
    let mut looks = repository(site);
    looks.extend(operator(site));
    looks.extend(machine(site));
    looks.push(Look::of(
        "live",
        site.tree().and_then(|tree| live::possible(site, tree.as_ref())).map(|commit| format!("possible over {commit}")),
        Health::Weak,
    ));
    for Look { what, health, found } in &looks {
        let word = match health {
            Health::Well => "ok",
            Health::Weak => "note",
            Health::Bad => "bad",
        };
        if json {
            println!("{}", json!({ "v": 1, "type": "look", "what": what, "health": word, "found": found }));
        } else {
            println!("{word:<5} {what:<12} {}", studio_core::text::one_line(found, 1000));
        }
    }
    let bad = looks.iter().any(|look| look.health == Health::Bad);
    Ok(if bad { Exit::NeedsSetting } else { Exit::Done })
}

fn repository(site: &Site) -> Vec<Look> {
    let mut looks = vec![Look::new("repository", Health::Well, site.root().display().to_string())];
    let base = match site.at_base() {
        Ok(base) => base,
        Err(failure) => {
            looks.push(Look::new("base", Health::Bad, failure.why));
            return looks;
        }
    };
    looks.push(Look::new("base", Health::Well, base.name().to_string()));
    looks.extend(base.notes().iter().map(|note| Look::new("base", Health::Weak, note.clone())));
    if let Some(state) = site.repo.state() {
        looks.push(Look::new("checkout", Health::Weak, format!("{state}; live is refused until it is finished or aborted")));
    }
    looks.push(match site.repo.dirty() {
        Ok(dirty) if dirty.is_empty() => Look::new("checkout", Health::Well, "as its commit says"),
        Ok(dirty) => Look::new(
            "checkout",
            Health::Weak,
            format!("{} files differ from its commit, {} among them: runs do not see that", dirty.len(), dirty[0]),
        ),
        Err(error) => Look::new("checkout", Health::Weak, error.to_string()),
    });
    let rules = rules::of(site, &base);
    if let Ok(rules) = &rules {
        let known = &rules.registry.known;
        looks
            .extend((!known.is_empty()).then(|| Look::new("scripts", Health::Well, format!("{} registered; see `studio script list`", known.len()))));
        looks.extend(rules.registry.odd.iter().map(|why| Look::new("scripts", Health::Weak, why.clone())));
    }
    looks.push(Look::of("rules", rules.map(|rules| format!("the stages' folders come from {}", rules.from)), Health::Bad));
    looks.push(match trust::of(site, &base) {
        Ok(Trust::Given { by }) => Look::new("trust", Health::Well, format!("given by {by}")),
        Ok(Trust::None) => Look::new("trust", Health::Weak, "none yet: rehearsals only; look with `studio trust`"),
        Ok(Trust::Changed { .. }) => Look::new("trust", Health::Weak, "what the repository would choose changed: look with `studio trust`"),
        Ok(Trust::NoIdentity) => Look::new("trust", Health::Weak, "the repository has no identity: rehearsals only"),
        Err(failure) => Look::new("trust", Health::Bad, failure.why),
    });
    looks.push(Look::of(
        "queue",
        site.queue(&base).map(|queue| format!("{} tickets, {} ready", queue.entries().len(), queue.ready().count())),
        Health::Bad,
    ));
    match Gates::read(site.root()) {
        Ok(gates) => looks.extend(gates.closed().into_values().map(|why| Look::new("stage", Health::Weak, why))),
        Err(error) => looks.push(Look::new("stage", Health::Bad, error.to_string())),
    }
    looks
}

fn operator(site: &Site) -> Vec<Look> {
    let mode = |path: &Path| std::fs::metadata(path).ok().map(|seen| seen.permissions().mode() & 0o777);
    let dir = site.operator.dir();
    let mut looks = vec![match mode(dir) {
        None => Look::new("operator", Health::Weak, format!("there is no {}: `studio init` makes it", dir.display())),
        Some(mode) if mode & 0o022 != 0 => {
            Look::new("operator", Health::Bad, format!("{} can be written by others (mode {mode:o}): chmod 700 it", dir.display()))
        }
        Some(_) => Look::new("operator", Health::Well, dir.display().to_string()),
    }];
    looks.push(Look::of(
        "settings",
        site.operator.settings().map(|settings| format!("{} models, {} repositories", settings.models.len(), settings.repos.len())),
        Health::Bad,
    ));
    let signed = site.operator.sign_text("studio doctor").map(|(by, _)| format!("approvals are signed as {by}"));
    looks.push(Look::of("approver", signed, Health::Weak));
    looks.push(match Choice::of(None, &site.operator) {
        Ok(Choice::None) => {
            Look::new("model", Health::Weak, "none: only tickets that name a script can be worked; name one in the operator's studio.toml")
        }
        Ok(choice) => Look::of("model", choice.thinker(&site.operator).map(|_| choice.name()), Health::Bad),
        Err(failure) => Look::new("model", Health::Bad, failure.why),
    });
    looks
}

fn machine(site: &Site) -> Vec<Look> {
    let extra = site.operator.settings().map(|settings| settings.bin_dirs).unwrap_or_default();
    let mut looks: Vec<Look> = PROGRAMS
        .iter()
        .map(|(program, without)| match find_program(program, &extra) {
            Ok(path) => Look::new("program", Health::Well, path.display().to_string()),
            Err(_) => Look::new("program", Health::Weak, format!("no {program} in the system's folders: {without}")),
        })
        .collect();
    if !cfg!(target_os = "linux") {
        looks.push(Look::new("system", Health::Weak, "live needs Linux; rehearsals work here"));
    }
    looks.push(Look::new("cage", Health::Weak, "steps are bound by links and mode bits, not by the kernel, in this version"));
    looks
}
