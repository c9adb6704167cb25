//! `studio audit`: what could go wrong in this repository, without a model and without touching anything.

use super::script::print_look;
use crate::exit::{Exit, Failure};
use crate::rules;
use crate::scripts::Look;
use crate::site::Site;
use serde_json::json;
use studio_core::limits::SCRIPTS_SHOWN_MAX;
use studio_core::ticket::Stage;
use studio_files::audit::{Audit, Finding, Rules, audit as look};
use studio_files::intake::Queue;
use studio_files::stage::{Gates, Place};

pub(crate) fn audit(site: &Site, json: bool) -> Result<Exit, Failure> {
    let tree = site.tree()?;
    let broken = |error: &dyn std::fmt::Display| Failure::new(Exit::BadInput, error);
    let gates = Gates::read(site.root()).map_err(|error| broken(&error))?;
    let queue = match Queue::read_gated(site.root(), tree.as_ref(), &gates.closed()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .problems
            .iter()
            .map(|problem| (format!("{}:{}", problem.file, problem.line), format!("{}; {}", problem.what, problem.mend)))
            .collect(),
    };
    let rules = Rules { danger: &studio_gate::danger, queue, flags: disagreements(&gates) };
    let found: Audit = look(site.root(), tree.as_ref(), &rules).map_err(|error| broken(&error))?;
    let registered = rules::of(site, tree.as_ref())?;
    let mut looks = Vec::new();
    for path in found.scripts.iter().take(SCRIPTS_SHOWN_MAX) {
        looks.extend(Look::at(&registered, tree.as_ref(), path)?);
    }
    if json {
        for Finding { severity, section, path, line, rule, what, mend } in &found.findings {
            println!(
                "{}",
                json!({ "v": 1, "type": "finding", "severity": severity, "section": section, "path": path, "line": line, "rule": rule, "what": what, "mend": mend })
            );
        }
        looks.iter().for_each(|look| print_look(look, &registered, true));
        println!("{}", json!({ "v": 1, "type": "audit", "files": found.files, "bytes": found.bytes, "left_out": found.left_out }));
    } else {
        print!("{}", found.render());
        if !looks.is_empty() {
            println!("\nScripts, and the most that each could do");
        }
        looks.iter().for_each(|look| print_look(look, &registered, false));
        if let more @ 1.. = found.scripts.len().saturating_sub(SCRIPTS_SHOWN_MAX) {
            println!("  and {more} more");
        }
    }
    Ok(Exit::Done)
}

/// Returns a sentence for each stage about which places of the repository disagree.
fn disagreements(gates: &Gates) -> Vec<String> {
    let about = |stage| gates.places().iter().filter(move |place: &&Place| place.stage == stage);
    let disagree = |stage: &Stage| about(*stage).any(|place| place.open) && about(*stage).any(|place| !place.open);
    let said = |stage| about(stage).map(|place: &Place| format!("{}:{} says {}", place.path, place.line, place.says)).collect::<Vec<_>>().join(", ");
    [Stage::Infra, Stage::Studio, Stage::Tenants].into_iter().filter(disagree).map(said).collect()
}
