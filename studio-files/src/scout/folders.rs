//! Which folders are infrastructure, by what lies in them and by what they are called.

use super::{Cluster, Found, Look};
use std::collections::{BTreeMap, BTreeSet};
use studio_core::limits::CLUSTERS_MAX;
use studio_core::name::RelPath;
use studio_core::ticket::Stage;

/// Folders that are infrastructure by their name alone.
const INFRA: &str = "infrastructure infra cluster clusters kubernetes k8s k3s talos tofu opentofu terraform ansible metal flux flux-system argocd argo-cd \
    gitops proxmox packer nixos helmfile pulumi bootstrap manifests homelab";

/// Folders that a stage may write wherever they exist, and why.
const BESIDE: &[(Stage, &str, &str)] = &[
    (Stage::Infra, "docs", "its name: text that people read"),
    (Stage::Infra, "README.md", "its name: text that people read"),
    (Stage::Studio, "ai/studio", "its name: the studio's own folder; what it keeps there itself stays out of reach"),
    (Stage::Studio, "ui", "its name: the studio's page"),
    (Stage::Studio, "logs", "its name: logs that people publish"),
    (Stage::Tenants, "business", "its name: tenants"),
];

/// Where the seed of this architecture keeps things, for a repository that shows nothing.
const SEED: &[(Stage, &str)] = &[
    (Stage::Infra, "infrastructure"),
    (Stage::Infra, "cluster"),
    (Stage::Infra, "config/clusters"),
    (Stage::Infra, "docs"),
    (Stage::Studio, "ui"),
    (Stage::Tenants, "tenants"),
];

/// Top folders that have a rule of their own or belong to nobody here.
const APART: &str = "ai ui logs docs business tenants tests examples scripts vendor node_modules target config";

/// Parts of a path within which a folder of tenants is looked for.
const TENANTS_DEPTH: usize = 3;

/// Proposes folders for each stage, and the clusters.
pub(super) fn propose(look: &mut Look<'_>) {
    let mut inside: BTreeMap<String, BTreeMap<&'static str, usize>> = BTreeMap::new();
    let mut config = BTreeSet::new();
    let mut tenants = BTreeSet::new();
    for file in &look.files {
        let Some((top, below)) = file.as_str().split_once('/') else { continue };
        let signs = inside.entry(top.to_string()).or_default();
        if let Some(sign) = sign(file) {
            *signs.entry(sign).or_default() += 1;
        }
        if top == "config" && !below.starts_with("env/") && below != "env" {
            config.insert(format!("config/{}", below.split('/').next().unwrap_or(below)));
        }
        tenants.extend(tenant(file));
    }
    for (top, signs) in &inside {
        let named = INFRA.split_whitespace().any(|name| name == top.to_lowercase());
        if top.starts_with('.') || APART.split_whitespace().any(|name| name == top) || is_tenant(top) {
            continue;
        }
        let why = match (signs.iter().max_by_key(|(_, count)| **count), named) {
            (Some((sign, count)), _) => format!("it holds {sign} ({count} of its files)"),
            (None, true) => "its name".to_string(),
            (None, false) => continue,
        };
        push(look, Stage::Infra, top, &why);
    }
    for path in config {
        push(look, Stage::Infra, &path, "it lies in config/, beside the env/ that nobody reads");
    }
    for path in tenants {
        push(look, Stage::Tenants, &path, "its name: tenants");
    }
    for (stage, path, why) in BESIDE {
        if RelPath::try_from(*path).is_ok_and(|path| look.exists(&path)) {
            push(look, *stage, path, why);
        }
    }
    clusters(look);
    finish(look);
}

/// Falls back to the seed's folders, and says where stages overlap.
fn finish(look: &mut Look<'_>) {
    let prose = |found: &Found| BESIDE.iter().any(|(_, path, _)| found.path.as_str() == *path);
    if look.proposal.stages.get(&Stage::Infra).is_none_or(|found| found.iter().all(prose)) {
        for (stage, path) in SEED {
            push(look, *stage, path, "the default: no folder of this repository shows infrastructure");
        }
        look.proposal.notes.push("no folder shows infrastructure, so the default folders are proposed; replace them by your own".into());
    }
    let stage = |stage| look.proposal.stages.get(&stage).map(Vec::as_slice).unwrap_or_default();
    let overlap = |tenant: &&Found| stage(Stage::Infra).iter().any(|found| tenant.path.starts_with(&found.path));
    let notes: Vec<String> = stage(Stage::Tenants)
        .iter()
        .filter(overlap)
        .map(|tenant| format!("{} lies inside a folder of stage 1; it belongs to stage 3 alone", tenant.path))
        .collect();
    look.proposal.notes.extend(notes);
}

fn push(look: &mut Look<'_>, stage: Stage, path: &str, why: &str) {
    match RelPath::try_from(path) {
        Ok(path) => look.add(stage, path, why.to_string()),
        Err(error) => look.proposal.notes.push(format!("a folder is passed over: {error}")),
    }
}

/// Returns what `file` shows about the folder it lies in.
fn sign(file: &RelPath) -> Option<&'static str> {
    let (path, name) = (file.as_str(), file.file_name());
    let starts = |list: &str| list.split_whitespace().any(|start| name.starts_with(start));
    let ends = |list: &str| list.split_whitespace().any(|end| name.ends_with(end));
    Some(match name {
        "kustomization.yaml" | "kustomization.yml" => "kustomization.yaml",
        "talconfig.yaml" | "talconfig.yml" => "talconfig.yaml",
        "Chart.yaml" => "Helm charts",
        "helmfile.yaml" | "helmfile.yaml.gotmpl" => "helmfile.yaml",
        "ansible.cfg" | "site.yml" | "site.yaml" => "Ansible playbooks",
        "cluster_bootstrap.sh" => "bootstrap scripts",
        _ if starts("helmrelease") && ends(".yaml .yml") => "HelmRelease",
        _ if ends(".tf .tofu") => "Terraform (*.tf)",
        _ if starts("docker-compose. compose. docker-compose-") && ends(".yaml .yml") => "compose files",
        _ if path.contains("playbooks/") && ends(".yaml .yml") => "Ansible playbooks",
        _ if path.contains("roles/") && path.contains("/tasks/") && ends(".yaml .yml") => "Ansible roles",
        _ if ends(".pkr.hcl") => "Packer templates",
        _ => return None,
    })
}

/// Returns the folder of tenants that `file` lies in.
fn tenant(file: &RelPath) -> Option<String> {
    let parts: Vec<&str> = file.as_str().split('/').collect();
    let folders = parts.len().saturating_sub(1).min(TENANTS_DEPTH);
    let at = parts.iter().take(folders).position(|part| is_tenant(part))?;
    let hidden = parts.first().is_some_and(|top| top.starts_with('.') || matches!(*top, "ai" | "docs" | "logs" | "ui"));
    (!hidden).then(|| parts.get(..=at).map(|parts| parts.join("/"))).flatten()
}

fn is_tenant(part: &str) -> bool {
    let number = part.strip_prefix("biz").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '_')));
    number || part.starts_with("biz-") || matches!(part, "tenants" | "tenant" | "business")
}

/// Proposes the clusters: files of `config/clusters`, and folders of `clusters/` and of `kubernetes/clusters/`.
fn clusters(look: &mut Look<'_>) {
    let mut found = BTreeMap::new();
    for file in &look.files {
        let parts: Vec<&str> = file.as_str().split('/').collect();
        let named = match parts[..] {
            ["config", "clusters", name] => name.strip_suffix(".yaml").or(name.strip_suffix(".yml")).map(|name| (name, 3)),
            ["clusters", name, _, ..] => Some((name, 2)),
            ["kubernetes" | "cluster" | "flux" | "gitops", "clusters", name, _, ..] => Some((name, 3)),
            [.., "talconfig.yaml"] if parts.len() > 1 => parts.iter().rev().nth(1).map(|name| (*name, parts.len())),
            [..] => None,
        };
        let place = named.and_then(|(name, depth)| Some((name, parts.get(..depth)?.join("/"))));
        if let Some((name, Ok(path))) = place.map(|(name, path)| (name, RelPath::try_from(path))) {
            found.entry(name.to_string()).or_insert(path);
        }
    }
    look.proposal.clusters = found.into_iter().take(CLUSTERS_MAX).map(|(name, path)| Cluster { name, path }).collect();
}
