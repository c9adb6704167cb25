//! `studio script`: which scripts may destroy, and a human's signature that one of them may run as it stands.

use crate::cli::ScriptCommand;
use crate::exit::{Exit, Failure};
use crate::registry;
use crate::rules::{self, Rules};
use crate::scripts::{Look, said};
use crate::site::Site;
use serde_json::json;
use std::io::{IsTerminal, Write};
use studio_core::limits::{FILES_MAX, SCRIPTS_SHOWN_MAX};
use studio_core::name::RelPath;
use studio_core::tree::Tree;
use studio_gate::{Declared, Registration, sha256};

pub(crate) fn script(site: &Site, what: ScriptCommand, json: bool) -> Result<Exit, Failure> {
    match what {
        ScriptCommand::Register { path, name, yes } => register(site, &named(&path)?, name.as_deref(), yes, json),
        ScriptCommand::List => list(site, json),
        ScriptCommand::Unregister { path } => unregister(site, &named(&path)?, json),
    }
}

fn register(site: &Site, path: &RelPath, name: Option<&str>, yes: bool, json: bool) -> Result<Exit, Failure> {
    let base = site.at_base()?;
    let rules = rules::of(site, &base)?;
    let Some(look) = Look::at(&rules, &base, path)? else {
        let why = format!("there is no file {path} at the base, {}: what is registered is what stands there, so commit it first", base.name());
        return Err(Failure::new(Exit::Usage, why));
    };
    if !json {
        show(&look, base.name());
    }
    for (path, sha) in std::iter::once(&(look.path.clone(), look.script.clone())).chain(&look.uses) {
        // A link is followed: what it leads to is what the operator sees when they open the file.
        if std::fs::read(site.root().join(path.as_str())).ok().is_none_or(|bytes| sha256(&bytes) != *sha) {
            eprintln!("studio: {path} is another one in the checkout than at {}, or not there; what counts is the one at {0}", base.name());
        }
    }
    let refused = |why: &str| Failure::new(Exit::Refused, format!("{why}; nothing was registered"));
    let registration = look.proposed.clone().map_err(|why| refused(&why))?;
    let Some(repo) = site.repo_id()? else {
        return Err(refused("the repository has no commit, or is a shallow clone (`git fetch --unshallow`)"));
    };
    let known = look.registered(&rules.registry).map(|known| known.by.clone());
    let (by, new) = match known {
        Some(by) => (by, false),
        None if yes || (std::io::stdin().is_terminal() && typed(path)?) => (registry::add(site, &repo, registration.clone(), name)?, true),
        None => {
            let why = format!("nothing is registered: look at the script, then say its file name, or `studio script register {path} --yes`");
            return Err(Failure::new(Exit::NeedsHuman, why));
        }
    };
    if json {
        let Registration { path, script, sha256, declared } = &registration;
        println!(
            "{}",
            json!({
                "v": 1, "type": "registered", "path": path, "script": script, "sha256": sha256, "uses": look.uses, "class": look.class,
                "decided": look.decided, "declared": declared, "by": by, "new": new,
            })
        );
    } else {
        println!("{}  {path} by {by}; a live step that runs it asks, each time", if new { "registered" } else { "is registered" });
    }
    Ok(Exit::Done)
}

fn list(site: &Site, json: bool) -> Result<Exit, Failure> {
    let base = site.at_base()?;
    let rules = rules::of(site, &base)?;
    let files = base.list(FILES_MAX).map_err(|error| Failure::new(Exit::Error, error))?;
    let scripts = files.iter().filter(|path| path.as_str().ends_with(".sh")).take(SCRIPTS_SHOWN_MAX);
    let mut shown = 0;
    for path in scripts {
        let Some(look) = Look::at(&rules, &base, path)?.filter(|look| look.dangerous() || rules.registry.of(path).is_some()) else { continue };
        shown += 1;
        print_look(&look, &rules, json);
    }
    for known in rules.registry.known.iter().filter(|known| !files.contains(&known.registration.path)) {
        let gone = format!("{} is registered, and not at the base any more: studio script unregister {0}", known.registration.path);
        if json {
            println!("{}", json!({ "v": 1, "type": "nothing", "why": gone }));
        } else {
            println!("  {gone}");
        }
    }
    if shown == 0 && !json {
        println!("no script at the base needs a registration");
    }
    Ok(Exit::Done)
}

fn unregister(site: &Site, path: &RelPath, json: bool) -> Result<Exit, Failure> {
    let was = match site.repo_id()? {
        Some(repo) => registry::remove(site, &repo, path)?,
        None => false,
    };
    if json {
        println!("{}", json!({ "v": 1, "type": "unregistered", "path": path, "was": was }));
    } else if was {
        println!("unregistered  {path}: no live step runs it");
    } else {
        println!("{path} is not registered");
    }
    Ok(Exit::Done)
}

/// Prints one script of a list.
pub(crate) fn print_look(look: &Look, rules: &Rules, json: bool) {
    if json {
        println!("{}", look.json(&rules.registry));
    } else {
        print!("{}", studio_core::text::visible(&look.lines(&rules.registry)));
    }
}

/// Shows everything that a signature would cover.
fn show(look: &Look, base: &str) {
    println!("as it stands at {base}:");
    println!("  {}  {}", look.script, look.path);
    for (path, sha) in &look.uses {
        println!("  {sha}  {path}");
    }
    println!("class       {}", look.class);
    for note in &look.decided {
        println!("            {}", said(note));
    }
    let Ok(Declared { verb, class, targets, params, list, undo, expect }) = &look.declared else { return };
    let join = |words: Vec<String>| if words.is_empty() { "none".to_string() } else { words.join(", ") };
    let params = params.iter().map(ToString::to_string).chain(list.then(|| "--list".to_string())).collect();
    for (name, value) in [
        ("verb", verb.to_string()),
        ("declares", class.to_string()),
        ("targets", join(targets.iter().map(ToString::to_string).collect())),
        ("params", join(params)),
        ("undo", undo.clone()),
        ("expect", expect.clone()),
    ] {
        println!("{name:<11} {value}");
    }
}

fn typed(path: &RelPath) -> Result<bool, Failure> {
    print!("to register it, type its file name ({}): ", path.file_name());
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == path.file_name())
}

fn named(path: &str) -> Result<RelPath, Failure> {
    RelPath::try_from(path.trim_start_matches("./")).map_err(|error| Failure::new(Exit::Usage, format!("{error}: name the script from the root")))
}
