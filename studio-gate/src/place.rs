//! Places of the repository that have a rule of their own, and which stage owns which folder.

use serde::Serialize;
use std::collections::BTreeMap;
use studio_core::gate::EditVerdict;
use studio_core::name::RelPath;
pub(crate) use studio_core::place::{below, fold, like, listed, secret};
use studio_core::ticket::Stage;

/// Paths that share a rule.
#[derive(Serialize)]
pub(crate) struct Place {
    /// The rule's name.
    pub rule: &'static str,
    /// What an edit there gets.
    pub verdict: EditVerdict,
    /// Why, for a human.
    pub why: &'static str,
    /// The paths, folded. One without `/` is a file or folder of that name anywhere; one with `/`
    /// stands for a path from the root. What lies below a folder that matches, matches.
    pub globs: &'static str,
    /// Paths it must match.
    pub yes: &'static [&'static str],
    /// Paths it must not match.
    pub no: &'static [&'static str],
}

/// The secret places; no command reads them unasked and no persona writes them.
const SECRET: Place = Place {
    rule: "secret-place",
    verdict: EditVerdict::Block,
    why: "secrets live here; a human keeps them",
    globs: studio_core::place::SECRET,
    yes: &[
        "config/env",
        "Config/ENV/prod.env",
        ".talos/main/kubeconfig",
        "a/.env",
        "a/.ENV.local",
        "age.key",
        "x/cluster.agekey",
        "tls.PEM",
        "home/id_rsa.pub",
        "kubernetes/kubeconfig",
        ".sops/age/keys.txt",
        "talsecret.sops.yaml.dec",
        ".\u{17f}sh/config",
    ],
    no: &["config/environment.yaml", "kubernetes/apps/env/x.yaml", ".sops.yaml", "docs/keys.md", "x/config/env", "kubernetes/secret-store.yaml"],
};

/// Names of files that say that they hold secrets; one with `.sops.` in it is encrypted.
pub(crate) const TOLD: &str = "secret.y*ml secrets.y*ml secret.json secrets.json *-secret.y*ml *-secrets.y*ml *.tfvars *.tfvars.json *.env credentials \
    credentials.* *password* .htpasswd htpasswd vault.y*ml .dockerconfigjson dockerconfig.json ssh_host_*_key wpa_supplicant.conf wg*.conf \
    token *.token service-account*.json *private_key*";

/// Every place with a rule. An edit gets the strictest verdict of all that match.
const PLACES: &[Place] = &[
    SECRET,
    Place {
        rule: "studio-files",
        verdict: EditVerdict::Block,
        why: "the Studio itself keeps its state, queue and mission; no persona edits them",
        globs: "ai/state ai/studio ai/tasks ai/backlog ai/backlog.* ai/mission.md",
        yes: &["ai/state/runs/x.json", "AI/State/x", "ai/tasks/x.yaml", "ai/backlog.md", "ai/mission.md"],
        no: &["ai/README.md", "docs/ai/state/x.md", "ai/missions.md"],
    },
    Place {
        rule: "git-files",
        verdict: EditVerdict::Block,
        why: "git obeys this file, so it could run code or hide a change",
        globs: ".git .gitmodules .gitattributes .gitconfig .githooks .lfsconfig",
        yes: &[".g\u{131}t/config", "a/.GitAttributes", ".gitmodules", ".githooks/pre-commit"],
        no: &[".github/workflows/x.yaml", "kubernetes/git/x.yaml", ".gitkeep"],
    },
    Place {
        rule: "git-meta",
        verdict: EditVerdict::Ask,
        why: "it decides what git tracks and shows",
        globs: ".gitignore .mailmap .git-blame-ignore-revs",
        yes: &[".gitignore", "a/.gitignore"],
        no: &["gitignore.md"],
    },
    Place {
        rule: "ci",
        verdict: EditVerdict::Ask,
        why: "the CI runs what it says, with the CI's rights",
        globs: ".github .gitlab .gitlab-ci* .circleci .drone.y*ml .woodpecker* .forgejo .gitea .buildkite jenkinsfile azure-pipelines* \
            bitbucket-pipelines* renovate.json* .renovaterc* atlantis.yaml",
        yes: &[".github/CODEOWNERS", ".gitlab-ci.yml", "Jenkinsfile", ".GitHub/workflows/x.yaml"],
        no: &["docs/github.md", "kubernetes/apps/gitlab/ks.yaml"],
    },
    Place {
        rule: "agent-files",
        verdict: EditVerdict::Ask,
        why: "agents and editors obey this file",
        globs: "agents.md agents.override.md claude*.md gemini.md skill.md qwen.md warp.md crush.md jules.md conventions.md .kiro memory-bank llms*.txt copilot-instructions.md .claude* .codex .cursor* .mcp.json .gemini .aider* \
            .continue* .windsurf* .clinerules* .roo* .opencode* .vscode .idea .zed .devcontainer* .editorconfig .vimrc .exrc",
        yes: &["AGENTS.md", "docs/CLAUDE.md", ".claude/settings.json", ".cursor/rules/x.mdc", ".mcp.json", ".vscode/settings.json"],
        no: &["docs/agents/overview.md", "kubernetes/apps/codex/ks.yaml"],
    },
    Place {
        rule: "option-name",
        verdict: EditVerdict::Ask,
        why: "a program that is given every name of a folder would take this one for an option",
        globs: "-*",
        yes: &["-f.env", "docs/--files0-from=x"],
        no: &["docs/a-b.md"],
    },
    Place {
        rule: "gitops-root",
        verdict: EditVerdict::Ask,
        why: "it steers what the cluster follows",
        globs: "flux-system gotk-* argocd argo-cd",
        yes: &["kubernetes/flux-system/gotk-sync.yaml", "cluster/Flux-System/x.yaml"],
        no: &["kubernetes/apps/flux-system-dashboards.yaml"],
    },
    Place {
        rule: "rules-and-registries",
        verdict: EditVerdict::Ask,
        why: "it says who may do what",
        globs: ".sops.yaml .sops.yml studio.toml *.studio.toml .studio policy.toml registry.toml codeowners",
        yes: &[".sops.yaml", ".studio/keys/approver.pub", "infrastructure/danger/REGISTRY.toml", "a/wipe.sh.studio.toml"],
        no: &["docs/policy.md", "kubernetes/apps/registry/ks.yaml"],
    },
    Place {
        rule: "encrypted",
        verdict: EditVerdict::Ask,
        why: "only a human can say what the ciphertext holds, or that it may go",
        globs: "*.sops.* *.sops *.enc *.enc.y*ml *.age *.gpg",
        yes: &["kubernetes/apps/web/secret.sops.yaml", "talos/talsecret.sops.yaml"],
        no: &["docs/sops.md"],
    },
    Place {
        rule: "runs-code",
        verdict: EditVerdict::Ask,
        why: "tools run what it says",
        globs: "makefile gnumakefile *.mk justfile .justfile *.just taskfile* cargo.toml .cargo build.rs rust-toolchain* package.json .npmrc \
            .yarnrc* .pnpmfile* mise.toml .mise* .tool-versions conftest.py conf.py setup.py setup.cfg pyproject.toml tox.ini noxfile.py \
            sitecustomize.py *.pth .pre-commit-config.y*ml lefthook* .husky ansible.cfg .terraformrc terraform.rc dockerfile* \
            containerfile* flake.nix shell.nix default.nix tiltfile skaffold.yaml *.gradle pom.xml vagrantfile rakefile gemfile .bashrc \
            .profile .bash_profile .zshrc",
        yes: &["Makefile", "ui/Package.json", "Cargo.toml", "tests/conftest.py", "Taskfile.dist.yml", ".npmrc", "examples/build.rs"],
        no: &["docs/makefile.md", "kubernetes/apps/package/ks.yaml", "ui/Cargo.toml.md"],
    },
    Place {
        rule: "dangerous-script",
        verdict: EditVerdict::Ask,
        why: "its name says that it destroys; a human registers it",
        globs: "*danger*.sh *wipe*.sh *reset*.sh *destroy*.sh *format*.sh *purge*.sh",
        yes: &["infrastructure/proxmox/wipe_proxmox.sh", "infrastructure/talos/RESET_node.sh", "infrastructure/danger-x.sh"],
        no: &["infrastructure/proxmox/wipe_proxmox.sh.md", "infrastructure/check.sh"],
    },
];

/// What each stage opens, beside what the stages before it opened. Not folded: closed by default.
const SCOPES: &[(Stage, &str)] = &[
    (Stage::Infra, "infrastructure/* talos/* cluster/* kubernetes/* docs/* /README.md"),
    (Stage::Studio, "ui/* tests/* examples/*"),
    (Stage::Tenants, "business/*"),
];

/// What people read about the repository.
const PROSE: &str = "docs/* /README.md";

/// A folder that belongs to [`Stage::Tenants`] wherever it lies.
const TENANTS: &str = "tenants";

/// Returns the tables, for the digest of the rules.
pub(crate) fn tables() -> impl serde::Serialize {
    (PLACES, SCOPES, TENANTS, TOLD)
}

/// Says whether the name of the file says that it holds secrets.
pub(crate) fn told(path: &str) -> bool {
    let name = fold(path.rsplit('/').next().unwrap_or_default());
    // An ExternalSecret says where one comes from, and holds none.
    listed(TOLD, &name) && !name.starts_with("external")
}

/// Returns every place that `path` lies in.
pub(crate) fn places(path: &str) -> impl Iterator<Item = &'static Place> {
    let path = fold(path);
    PLACES.iter().filter(move |place| place.globs.split_whitespace().any(|glob| below(glob, &path)))
}

/// Says why nobody is shown what stands at `path`; nothing if it may be shown.
pub(crate) fn hidden(path: &str) -> Option<&'static str> {
    places(path).find(|place| place.rule == SECRET.rule || place.rule == "git-files").map(|place| place.why)
}

/// Which stage opens what: the built-in folders, or those of one repository.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Scopes {
    /// What each stage opens, beside what the stages before it opened; none: the built-in folders.
    pub stages: Option<BTreeMap<Stage, Vec<RelPath>>>,
    /// What no persona edits.
    pub protected: Vec<RelPath>,
}

impl Scopes {
    /// Says whether the repository keeps `path` from every persona; upper and lower case are the same.
    pub(crate) fn protect(&self, path: &str) -> bool {
        let path = fold(path);
        let inside = |folder: &RelPath| path.strip_prefix(&fold(folder.as_str())).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.protected.iter().any(inside)
    }

    /// Says whether `stage` may write `path`. Prose about the repository belongs to every stage.
    pub(crate) fn hold(&self, path: &str, stage: Stage) -> bool {
        if below(TENANTS, &fold(path)) {
            return stage >= Stage::Tenants;
        }
        let listed = |globs: &str| globs.split_whitespace().any(|glob| below(glob, path));
        match &self.stages {
            None => SCOPES.iter().any(|(opens, globs)| *opens <= stage && listed(globs)),
            Some(_) if listed(PROSE) => true,
            Some(scopes) => {
                let Ok(own) = RelPath::try_from(path) else { return false };
                // A folder inside a folder is the inner one's: tenants among the apps are tenants.
                let folders = scopes.iter().flat_map(|(opens, folders)| folders.iter().map(move |folder| (folder, *opens)));
                let nearest = folders.filter(|(folder, _)| own.starts_with(folder)).max_by_key(|(folder, opens)| (folder.as_str().len(), *opens));
                nearest.is_some_and(|(_, opens)| opens <= stage)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_holds_its_examples() {
        for Place { rule, globs, yes, no, .. } in PLACES {
            let matches = |path: &str| places(path).any(|place| place.rule == *rule);
            yes.iter().for_each(|path| assert!(matches(path), "{rule}: {path}"));
            no.iter().for_each(|path| assert!(!matches(path), "{rule}: {path}"));
            assert_eq!(*globs, fold(globs), "{rule}");
        }
    }

    #[test]
    fn a_stage_owns_what_lies_below_its_folders() {
        let stages = |path: &str| [Stage::Infra, Stage::Studio, Stage::Tenants].map(|stage| Scopes::default().hold(path, stage));
        assert_eq!(stages("kubernetes/apps/x.yaml"), [true, true, true]);
        assert_eq!(stages("ui/index.html"), [false, true, true]);
        assert_eq!(stages("business/x.md"), [false, false, true]);
        assert_eq!(stages("kubernetes/Tenants/shop/x.yaml"), [false, false, true]);
        for outside in ["docs", "READMEmd", "kubernetes-evil/x.yaml", "Kubernetes/x.yaml", "x/kubernetes/y.yaml", "x/README.md", "LICENSE"] {
            assert_eq!(stages(outside), [false; 3], "{outside}");
        }
    }

    #[test]
    fn a_repository_may_have_folders_of_its_own() {
        let folder = |path: &str| RelPath::try_from(path).unwrap();
        let stages = BTreeMap::from([
            (Stage::Infra, vec![folder("metal"), folder("apps/infra")]),
            (Stage::Studio, vec![folder("ui")]),
            (Stage::Tenants, vec![folder("metal/biz2")]),
        ]);
        let own = Scopes { stages: Some(stages), protected: vec![folder("metal/secret")] };
        for (path, kept) in [("metal/secret", true), ("Metal/Secret/x", true), ("metal/secrets", false), ("metal", false)] {
            assert_eq!(own.protect(path), kept, "{path}");
        }
        let stages = |path: &str| [Stage::Infra, Stage::Studio, Stage::Tenants].map(|stage| own.hold(path, stage));
        for path in ["metal/x.yaml", "apps/infra/y.yaml", "docs/x.md", "README.md"] {
            assert_eq!(stages(path), [true; 3], "{path}");
        }
        assert_eq!(stages("ui/index.html"), [false, true, true]);
        for path in ["metal/tenants/x.yaml", "metal/biz2/x.yaml", "metal/biz2"] {
            assert_eq!(stages(path), [false, false, true], "{path}");
        }
        for outside in ["metal-evil/x.yaml", "apps/x.yaml", "kubernetes/x.yaml", "../metal/x"] {
            assert_eq!(stages(outside), [false; 3], "{outside}");
        }
    }
}
