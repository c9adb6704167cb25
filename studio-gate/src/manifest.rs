//! Judging what changes in manifests: each document and each value by itself. What nobody listed gates the merge.

mod change;
mod image;
mod table;
mod yaml;

use crate::edit::Finding;
use crate::place::{fold, listed};
use change::{Change, changes};
use std::collections::BTreeMap;
use studio_core::gate::EditVerdict;
use studio_core::limits::FILE_FINDINGS_MAX;
use studio_core::text::one_line;
use table::{On, ROWS, Row};
use yaml::{Node, Value, documents};

/// The kind of a document of values for a chart or of services for compose, which has none.
const VALUES: &str = "Values";
/// That of a machine's configuration.
const TALOS: &str = "Talos";
const KUSTOMIZE: &str = "Kustomization.kustomize.config.k8s.io";
const FLUX: &str = "Kustomization.kustomize.toolkit.fluxcd.io";

/// A document of a file.
struct Document {
    /// Its kind and the group of its API: `Deployment.apps`, `Service`.
    kind: String,
    /// How people call it.
    called: String,
    node: Node,
}

/// Returns the table, for the digest of the rules.
pub(crate) fn tables() -> impl serde::Serialize {
    ROWS
}

/// Says whether a file of this name is read as manifests.
pub(crate) fn is_manifest(path: &str) -> bool {
    listed("*.yaml *.yml *.json", &fold(path))
}

/// Judges what changes between two texts of the file at `path`; nothing is found where nothing that counts differs.
pub(crate) fn judge(path: &str, before: Option<&str>, after: Option<&str>) -> Vec<Finding> {
    let read = |text: Option<&str>| text.map_or(Ok(Vec::new()), documents);
    let (old, new) = match (read(before), read(after)) {
        (Ok(old), Ok(new)) => (named(path, old), named(path, new)),
        (_, Err((line, why))) | (Err((line, why)), _) => return unread(path, line, &why, [before, after]),
    };
    let mut found = Vec::new();
    for (key, document) in &new {
        match old.get(key) {
            Some(was) => edited(path, was, document, &mut found),
            None => added(path, document, &mut found),
        }
    }
    for (_, document) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
        found.push(whole(path, On::Remove, document));
    }
    if before.is_some() && after.is_some() && obeyed(before) != obeyed(after) {
        let asks = [before, after].into_iter().flat_map(obeyed).any(|tail| tail.contains("$imagepolicy"));
        let verdict = if asks { EditVerdict::Ask } else { EditVerdict::Gate };
        found.push(Finding::of(verdict, "obeyed-comment", path, 1, "a comment changes that some machine obeys".into()));
    }
    if found.is_empty() && (before.is_none() || after.is_none()) {
        found.push(Finding::of(EditVerdict::Gate, "manifest", path, 1, "it holds nothing, and whether it is there may count all the same".into()));
    }
    if found.is_empty() {
        found.push(Finding::of(EditVerdict::Pass, "same-values", path, 1, "no value changes, only comments or layout".into()));
    }
    if found.len() > FILE_FINDINGS_MAX {
        found.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        found.truncate(FILE_FINDINGS_MAX);
    }
    found
}

/// What cannot be followed gates the merge, and asks where a Secret could hide in it.
fn unread(path: &str, line: usize, why: &str, texts: [Option<&str>; 2]) -> Vec<Finding> {
    let (verdict, rule) = match texts.into_iter().flatten().any(crate::edit::holds_secret) {
        true => (EditVerdict::Ask, "secret-manifest"),
        false => (EditVerdict::Gate, "unread-manifest"),
    };
    let why = format!("nobody can tell what it means: {why}");
    vec![Finding::of(verdict, rule, path, line, why).mend("write plain YAML, one value for each key")]
}

/// Names the documents of a file by what they are, so that those of another version are found again.
fn named(path: &str, nodes: Vec<Node>) -> BTreeMap<String, Document> {
    let mut named = BTreeMap::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for node in nodes.into_iter().flat_map(unpacked) {
        let kind = kind(path, &node);
        let label = |key| node.get("metadata").and_then(|metadata| metadata.word(key)).unwrap_or_default().to_string();
        let (space, name) = (label("namespace"), label("name"));
        let called = one_line(&[kind.split('.').next().unwrap_or(&kind), &name].join(" "), 120);
        let key = format!("{kind}\n{space}\n{name}");
        let at = counts.entry(key.clone()).or_default();
        *at += 1;
        named.insert(format!("{key}\n{at}"), Document { kind, called: called.trim().into(), node });
    }
    named
}

/// Returns the documents of a plain `List`; any other is one document.
fn unpacked(node: Node) -> Vec<Node> {
    const KEYS: [&str; 4] = ["apiVersion", "kind", "metadata", "items"];
    match (&node.value, node.get("items").map(|items| &items.value)) {
        (Value::Map(fields), Some(Value::List(items)))
            if node.word("kind") == Some("List")
                && node.word("apiVersion") == Some("v1")
                && fields.keys().all(|key| KEYS.contains(&key.as_str())) =>
        {
            items.iter().cloned().flat_map(unpacked).collect()
        }
        (_, _) => vec![node],
    }
}

/// Returns the comments that machines obey.
fn obeyed(text: Option<&str>) -> Vec<&str> {
    const WORDS: [&str; 8] = ["$imagepolicy", "renovate", "cloud-config", "checkov", "trivy", "skip", "ignore", "nosec"];
    let tails = text.unwrap_or_default().lines().filter_map(|line| line.split_once('#').map(|(_, tail)| tail.trim()));
    tails.filter(|tail| WORDS.iter().any(|word| tail.contains(word))).collect()
}

fn kind(path: &str, node: &Node) -> String {
    let file = fold(path.rsplit('/').next().unwrap_or(path));
    match (node.word("kind"), node.word("apiVersion")) {
        (Some(_), Some("v1alpha1")) => TALOS.into(),
        (Some(kind), Some(version)) => match version.rsplit_once('/') {
            Some((group, _)) if !group.is_empty() => format!("{kind}.{group}"),
            Some(_) | None => kind.to_string(),
        },
        (Some(kind), None) => kind.to_string(),
        (None, _) if node.get("stringData").is_some() => "Secret".into(),
        (None, _) if listed("kustomization.y*ml", &file) => KUSTOMIZE.into(),
        (None, _) if node.get("machine").is_some() || node.get("clusterName").is_some() => TALOS.into(),
        (None, _) => VALUES.into(),
    }
}

/// Says whether SOPS encrypted it.
fn encrypted(node: &Node) -> bool {
    node.get("sops").and_then(|sops| sops.word("mac")).is_some_and(|mac| mac.starts_with("ENC["))
}

fn added(path: &str, document: &Document, found: &mut Vec<Finding>) {
    found.push(whole(path, On::Add, document));
    for change in changes(None, Some(&document.node), document.node.line) {
        let row = ROWS.iter().find(|row| row.is_about(&document.kind, &change, true));
        found.extend(row.filter(|_| on(&change)).map(|row| about(path, document, &change, row)));
    }
}

fn edited(path: &str, was: &Document, document: &Document, found: &mut Vec<Finding>) {
    for change in changes(Some(&was.node), Some(&document.node), document.node.line) {
        if encrypted(&was.node) || encrypted(&document.node) {
            let why = format!("{}: only a human can say what the ciphertext holds", document.called);
            found.push(Finding::of(EditVerdict::Ask, "encrypted", path, change.line, why));
            return;
        }
        match ROWS.iter().find(|row| row.is_about(&document.kind, &change, false)) {
            Some(row) => found.push(about(path, document, &change, row)),
            None => {
                let why = format!("{}: {} is not on the list of what is known to be harmless", document.called, shown(&change));
                found.push(Finding::of(EditVerdict::Gate, "not-listed", path, change.line, why).mend("nothing to do: the merge asks"));
            }
        }
    }
}

/// Says whether a value turns on what its row warns of.
fn on(change: &Change) -> bool {
    !matches!(change.after.as_deref(), Some("false" | "0" | ""))
}

fn about(path: &str, document: &Document, change: &Change, row: &Row) -> Finding {
    Finding::of(row.verdict, row.rule, path, change.line, format!("{}: {}: {}", document.called, shown(change), row.why))
}

fn shown(change: &Change) -> String {
    one_line(&change.path.join("."), 120)
}

/// What it means that a whole document comes or goes.
fn whole(path: &str, on: On, document: &Document) -> Finding {
    let Document { kind, called, node } = document;
    let verb = if on == On::Add { "is added" } else { "is removed" };
    let line = if on == On::Add { node.line } else { 1 };
    if encrypted(node) {
        let (verdict, why) = match on {
            On::Add | On::Set | On::Holds => (EditVerdict::Ask, "only a human can say what the ciphertext holds"),
            On::Remove => (EditVerdict::Gate, "whatever uses it would miss it"),
        };
        return Finding::of(verdict, "encrypted", path, line, format!("{called} {verb}: {why}"));
    }
    if kind == FLUX {
        return flux(path, on, line, called, node);
    }
    let row = ROWS.iter().find(|row| row.is_of(on, kind));
    let (verdict, rule, why) =
        row.map_or((EditVerdict::Gate, "manifest", "it takes effect when it is merged"), |row| (row.verdict, row.rule, row.why));
    Finding::of(verdict, rule, path, line, format!("{called} {verb}: {why}"))
}

/// An app's own Kustomization of the usual shape gates with what it reaches; any other asks.
fn flux(path: &str, on: On, line: usize, called: &str, node: &Node) -> Finding {
    let spec = node.get("spec");
    let word = |key| spec.and_then(|spec| spec.word(key)).unwrap_or_default();
    let source = spec.and_then(|spec| spec.get("sourceRef")).and_then(|source| source.word("kind"));
    let folder = word("path");
    let below = !folder.starts_with('/') && !folder.split('/').any(|part| part == "..") && !folder.trim_matches(['.', '/']).is_empty();
    let odd = ["kubeConfig", "serviceAccountName"].into_iter().find(|key| spec.is_some_and(|spec| spec.get(key).is_some()));
    let usual = source == Some("GitRepository") && below && odd.is_none() && word("force") != "true";
    let reach = format!("it applies what lies below {}", one_line(folder, 120));
    match (on, usual) {
        (On::Remove, _) if word("prune") == "true" => {
            Finding::of(EditVerdict::Gate, "prune", path, line, format!("{called} is removed: what it applied from {folder} is deleted with it"))
        }
        (On::Remove, _) => {
            Finding::of(EditVerdict::Gate, "flux-app", path, line, format!("{called} is removed: what it applied is left alone from then on"))
        }
        (On::Add | On::Set | On::Holds, true) => Finding::of(EditVerdict::Gate, "flux-app", path, line, format!("{called} is added: {reach}")),
        (On::Add | On::Set | On::Holds, false) => {
            let why = format!("{called} is added, and is not of the usual shape: {reach}, with a source, rights or a cluster of its own");
            Finding::of(EditVerdict::Ask, "flux-steering", path, line, why)
                .mend("use a GitRepository, a folder of this repository, and no force, kubeConfig or serviceAccountName")
        }
    }
}

#[cfg(test)]
mod tests;
