//! The sample homelab: the files of `ai/`, `cluster/` and `infrastructure/` as they stand in this repository.

/// Declares files by their paths below the root of the workspace.
macro_rules! files {
    ($($path:literal),+ $(,)?) => { &[$(($path, include_str!(concat!("../../", $path)))),+] };
}

/// The homelab.
pub const HOMELAB: &[(&str, &str)] = files![
    "ai/README.md",
    "ai/backlog.yaml",
    "ai/mission.md",
    "ai/state/stage1_complete.json",
    "ai/state/stage2_ready.json",
    "ai/tasks/describe-restore.yaml",
    "ai/tasks/examples/add-worker.yaml",
    "cluster/README.md",
    "cluster/apps/kustomization.yaml",
    "cluster/apps/web/app/deployment.yaml",
    "cluster/apps/web/app/kustomization.yaml",
    "cluster/apps/web/app/namespace.yaml",
    "cluster/apps/web/app/service.yaml",
    "cluster/apps/web/ks.yaml",
    "cluster/flux-system/apps.yaml",
    "cluster/flux-system/kustomization.yaml",
    "cluster/flux-system/repository.yaml",
    "infrastructure/README.md",
    "infrastructure/checks/disk-space.sh",
    "infrastructure/talos/danger-wipe-worker.sh",
];

/// The answers of the three demo tickets.
pub const REHEARSALS: &[(&str, &str)] =
    files!["examples/rehearsals/pin-web-image.toml", "examples/rehearsals/probe-dns.toml", "examples/rehearsals/wipe-worker-3.toml"];
