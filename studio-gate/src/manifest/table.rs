//! What is known of manifests: per kind and field what is harmless, what must be named, and what a human is asked at
//! once. Everything else gates the merge.

use super::change::Change;
use super::image::{same_image, same_tag};
use crate::place::like;
use serde::Serialize;
use studio_core::gate::EditVerdict::{self, Ask, Gate, Pass};
use studio_core::limits::REPLICAS_MAX;

/// What happens to a manifest, or to one value of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum On {
    /// It is added.
    Add,
    /// It is taken away.
    Remove,
    /// A value of it is another one, or new, or gone.
    Set,
    /// The same, also where the whole is new.
    Holds,
}

/// How a changed value must look for its row to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Fits {
    /// As it likes.
    Always,
    /// The same image in a version that fits.
    Image,
    /// A tag of the same.
    Tag,
    /// A number of copies, at least one before and after.
    Replicas,
    /// The same, and not fewer.
    MoreReplicas,
    /// An amount of processor or memory.
    Quantity,
    /// A label that nothing obeys.
    Label,
}

/// A rule about some values of some kinds.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) on: On,
    /// Patterns of `Kind.group`, parted by spaces.
    kinds: &'static str,
    /// Keys parted by dots; `*` is one of them, `**` any number. Empty: the whole.
    path: &'static str,
    fits: Fits,
    pub(super) verdict: EditVerdict,
    pub(super) rule: &'static str,
    pub(super) why: &'static str,
}

const fn whole(on: On, kinds: &'static str, verdict: EditVerdict, rule: &'static str, why: &'static str) -> Row {
    Row { on, kinds, path: "", fits: Fits::Always, verdict, rule, why }
}

const fn set(kinds: &'static str, path: &'static str, verdict: EditVerdict, rule: &'static str, why: &'static str) -> Row {
    Row { on: On::Set, kinds, path, fits: Fits::Always, verdict, rule, why }
}

const fn holds(path: &'static str, rule: &'static str, why: &'static str) -> Row {
    Row { on: On::Holds, kinds: "*", path, fits: Fits::Always, verdict: Gate, rule, why }
}

const fn pass(kinds: &'static str, path: &'static str, fits: Fits, rule: &'static str, why: &'static str) -> Row {
    Row { on: On::Set, kinds, path, fits, verdict: Pass, rule, why }
}

const FLUX: &str = "Kustomization.kustomize.toolkit.fluxcd.io";
const SOURCES: &str = "*.source.toolkit.fluxcd.io";
const ADMISSION: &str = "*.admissionregistration.k8s.io *.kyverno.io *.gatekeeper.sh *.policies.kyverno.io";
const RBAC: &str = "*.rbac.authorization.k8s.io";
const NETWORK: &str = "NetworkPolicy.networking.k8s.io *Network*Policy.* *NetworkPolicy.policy.networking.k8s.io";
const STORES: &str = "*.external-secrets.io *.generators.external-secrets.io";
const OPEN: &str = "Ingress.* HTTPRoute.* TLSRoute.* TCPRoute.* UDPRoute.* GRPCRoute.* Gateway.* IngressRoute*.* VirtualService.* Receiver.*";
const WORKLOADS: &str = "Deployment.apps StatefulSet.apps DaemonSet.apps ReplicaSet.apps Job.batch CronJob.batch Pod";

/// The rules; the first that fits decides.
pub(super) const ROWS: &[Row] = &[
    // What a human is asked at once.
    whole(On::Add, "Secret SecretList", Ask, "secret-manifest", "a human must see that it is encrypted or harmless"),
    set("Secret SecretList", "**", Ask, "secret-manifest", "a human must see that it is encrypted or harmless"),
    whole(On::Add, "SealedSecret.*", Ask, "encrypted", "only a human can say what the ciphertext holds"),
    set("SealedSecret.*", "**", Ask, "encrypted", "only a human can say what the ciphertext holds"),
    set(
        "OCIRepository.source.toolkit.fluxcd.io GitRepository.source.toolkit.fluxcd.io HelmChart.source.toolkit.fluxcd.io",
        "spec.ref.tag",
        Gate,
        "source-version",
        "the cluster gets another version",
    ),
    set(SOURCES, "spec.ref.semver", Gate, "source-version", "the cluster gets another version"),
    set(SOURCES, "spec.ref.digest", Gate, "source-version", "the cluster gets another version"),
    set(SOURCES, "spec.version", Gate, "source-version", "the cluster gets another version"),
    set(SOURCES, "spec.interval", Gate, "source-pace", "it decides how often the source is looked at"),
    set(SOURCES, "spec.timeout", Gate, "source-pace", "it decides how long the source is waited for"),
    whole(On::Add, SOURCES, Ask, "flux-source", "it says where the cluster's manifests come from"),
    whole(On::Remove, SOURCES, Ask, "flux-source", "it says where the cluster's manifests come from"),
    set(SOURCES, "**", Ask, "flux-source", "it says where the cluster's manifests come from"),
    whole(
        On::Add,
        "*.image.toolkit.fluxcd.io *.fluxcd.controlplane.io",
        Ask,
        "flux-automation",
        "it lets a controller write to the repository, or runs Flux",
    ),
    whole(
        On::Remove,
        "*.image.toolkit.fluxcd.io *.fluxcd.controlplane.io",
        Ask,
        "flux-automation",
        "it lets a controller write to the repository, or runs Flux",
    ),
    set(
        "*.image.toolkit.fluxcd.io *.fluxcd.controlplane.io",
        "**",
        Ask,
        "flux-automation",
        "it lets a controller write to the repository, or runs Flux",
    ),
    set(FLUX, "spec.path", Ask, "flux-steering", "the cluster would follow another folder"),
    set(FLUX, "spec.sourceRef.**", Ask, "flux-steering", "the cluster would follow another source"),
    set(FLUX, "spec.force", Ask, "flux-steering", "objects would be deleted and made again where they cannot be changed"),
    set(FLUX, "spec.decryption.**", Ask, "flux-steering", "it says by what its secrets are decrypted"),
    set(FLUX, "spec.kubeConfig.**", Ask, "flux-steering", "it says to which cluster it applies"),
    set(FLUX, "spec.serviceAccountName", Ask, "flux-steering", "it says with whose rights it applies"),
    set(FLUX, "spec.prune", Gate, "prune", "it decides whether what is no longer in Git is deleted from the cluster"),
    set("Application.argoproj.io", "spec.source.targetRevision", Gate, "source-version", "the cluster gets another version"),
    set("Application.argoproj.io", "spec.sources.*.targetRevision", Gate, "source-version", "the cluster gets another version"),
    set("Application.argoproj.io", "spec.source.**", Ask, "argo-steering", "the cluster would follow another source"),
    set("Application.argoproj.io", "spec.sources.**", Ask, "argo-steering", "the cluster would follow another source"),
    set("Application.argoproj.io", "spec.destination.**", Ask, "argo-steering", "it says to which cluster it applies"),
    set("Application.argoproj.io", "spec.project", Ask, "argo-steering", "it says what the application may do"),
    whole(On::Add, "ApplicationSet.argoproj.io AppProject.argoproj.io", Ask, "argo-steering", "it makes applications, or says what they may do"),
    whole(On::Remove, "ApplicationSet.argoproj.io AppProject.argoproj.io", Ask, "argo-steering", "what it made may go with it"),
    set("ApplicationSet.argoproj.io AppProject.argoproj.io", "**", Ask, "argo-steering", "it makes applications, or says what they may do"),
    whole(On::Add, ADMISSION, Ask, "admission", "it decides what the cluster accepts"),
    whole(On::Remove, ADMISSION, Ask, "admission", "it decides what the cluster accepts"),
    set(ADMISSION, "**", Ask, "admission", "it decides what the cluster accepts"),
    // What gates the merge and is named.
    whole(On::Add, RBAC, Gate, "rbac", "it gives rights"),
    whole(On::Remove, RBAC, Gate, "rbac", "it takes rights away"),
    set(RBAC, "**", Gate, "rbac", "it changes who may do what"),
    whole(On::Add, NETWORK, Gate, "network", "it changes who may speak with whom"),
    whole(On::Remove, NETWORK, Gate, "network", "what it kept out may come in"),
    set(NETWORK, "**", Gate, "network", "it changes who may speak with whom"),
    whole(On::Add, STORES, Gate, "secret-source", "it says where a secret comes from"),
    whole(On::Remove, STORES, Gate, "secret-source", "a secret may go with it"),
    set(STORES, "**", Gate, "secret-source", "it says where a secret comes from"),
    whole(
        On::Remove,
        "PersistentVolumeClaim PersistentVolume Namespace CustomResourceDefinition.*",
        Gate,
        "data-loss",
        "everything in it may be deleted with it",
    ),
    whole(On::Remove, "StatefulSet.apps *.postgresql.cnpg.io *.ceph.rook.io", Gate, "data-loss", "its data may be deleted with it"),
    whole(On::Remove, "Secret SecretList SealedSecret.*", Gate, "secret-removed", "whatever uses the secret would miss it"),
    set("Talos", "**.disk", Gate, "disk-selector", "it says which disk is written to"),
    set("Talos", "**.diskSelector.**", Gate, "disk-selector", "it says which disk is written to"),
    set("Talos", "**.wipe", Gate, "disk-selector", "it says whether a disk is wiped"),
    whole(On::Add, "Talos", Gate, "machine-config", "it configures machines"),
    whole(On::Remove, "Talos", Gate, "machine-config", "it configures machines"),
    set("Talos", "**", Gate, "machine-config", "it configures machines"),
    whole(On::Add, OPEN, Gate, "exposure", "it lets something in from outside"),
    set(OPEN, "spec.**", Gate, "exposure", "it changes what is let in from outside"),
    set("Service", "spec.type", Gate, "exposure", "it may be reached from outside then"),
    set("Service", "spec.externalIPs.**", Gate, "exposure", "it may be reached from outside then"),
    set("Service", "spec.loadBalancerIP", Gate, "exposure", "it may be reached from outside then"),
    set("*", "**.service.*.type", Gate, "exposure", "it may be reached from outside then"),
    set("*", "**.ingress.**", Gate, "exposure", "it changes what is let in from outside"),
    holds("**.privileged", "privileges", "it runs with the machine's rights"),
    holds("**.hostPath.**", "privileges", "it sees files of the machine"),
    holds("**.hostNetwork", "privileges", "it uses the machine's network"),
    holds("**.hostPID", "privileges", "it sees the machine's processes"),
    holds("**.hostIPC", "privileges", "it shares the machine's memory"),
    holds("**.capabilities.add.**", "privileges", "it gets rights that containers do not have"),
    holds("**.allowPrivilegeEscalation", "privileges", "it may get more rights than it began with"),
    // What is harmless even when it is merged.
    pass(WORKLOADS, "spec.**.image", Fits::Image, "image-version", "a newer version of the same image"),
    pass("HelmRelease.helm.toolkit.fluxcd.io", "spec.values.**.image.tag", Fits::Tag, "image-version", "a newer version of the same image"),
    pass("HelmRelease.helm.toolkit.fluxcd.io", "spec.values.image.tag", Fits::Tag, "image-version", "a newer version of the same image"),
    pass("Kustomization.kustomize.config.k8s.io", "images.*.newTag", Fits::Tag, "image-version", "a newer version of the same image"),
    pass("Values", "**.image.tag", Fits::Tag, "image-version", "a newer version of the same image"),
    pass("Values", "services.*.image", Fits::Image, "image-version", "a newer version of the same image"),
    pass("Deployment.apps ReplicaSet.apps", "spec.replicas", Fits::Replicas, "replicas", "a few copies more or less"),
    pass("HelmRelease.helm.toolkit.fluxcd.io", "spec.values.replicas", Fits::MoreReplicas, "replicas", "a few copies more or less"),
    pass("HelmRelease.helm.toolkit.fluxcd.io", "spec.values.replicaCount", Fits::MoreReplicas, "replicas", "a few copies more or less"),
    pass(WORKLOADS, "spec.**.resources.requests.*", Fits::Quantity, "resources", "what a container may use"),
    pass(WORKLOADS, "spec.**.resources.limits.*", Fits::Quantity, "resources", "what a container may use"),
    pass("HelmRelease.helm.toolkit.fluxcd.io", "spec.values.**.resources.requests.*", Fits::Quantity, "resources", "what a container may use"),
    pass("HelmRelease.helm.toolkit.fluxcd.io", "spec.values.**.resources.limits.*", Fits::Quantity, "resources", "what a container may use"),
    pass("Deployment.apps StatefulSet.apps DaemonSet.apps", "metadata.labels.*", Fits::Label, "labels", "a label that nothing obeys"),
];

impl Row {
    /// Says whether the row is about what happens to the whole of a manifest of this kind.
    pub(super) fn is_of(&self, on: On, kind: &str) -> bool {
        self.on == on && self.path.is_empty() && self.names(kind)
    }

    /// Says whether the row is about this change; `new`: the whole manifest is.
    pub(super) fn is_about(&self, kind: &str, change: &Change, new: bool) -> bool {
        let on = self.on == On::Holds || (self.on == On::Set && !new);
        let keys: Vec<&str> = change.path.iter().map(String::as_str).collect();
        let pattern: Vec<&str> = self.path.split('.').collect();
        on && !self.path.is_empty() && self.names(kind) && leads(&pattern, &keys) && self.fits.holds(change)
    }

    fn names(&self, kind: &str) -> bool {
        self.kinds.split_whitespace().any(|pattern| like(pattern, kind))
    }
}

/// Says whether a pattern of keys leads to these.
fn leads(pattern: &[&str], keys: &[&str]) -> bool {
    match (pattern.split_first(), keys.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => leads(rest, keys) || keys.split_first().is_some_and(|(_, keys)| leads(pattern, keys)),
        (Some((&"*", rest)), Some((_, keys))) => leads(rest, keys),
        (Some((wanted, rest)), Some((key, keys))) => wanted == key && leads(rest, keys),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

impl Fits {
    fn holds(self, change: &Change) -> bool {
        // Quotes may stand around both or none: else one of them is no text.
        let bare = |text: &'_ str| text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(ToString::to_string);
        let (old, new) = (change.before.as_deref().and_then(bare), change.after.as_deref().and_then(bare));
        let both = match (&old, &new) {
            (Some(old), Some(new)) => Some((old.as_str(), new.as_str())),
            (None, None) => change.before.as_deref().zip(change.after.as_deref()),
            (Some(_), None) | (None, Some(_)) => None,
        };
        match self {
            Fits::Always => true,
            Fits::Image => both.is_some_and(|(before, after)| same_image(before, after)),
            Fits::Tag => both.is_some_and(|(before, after)| same_tag(before, after)),
            Fits::Replicas => both.is_some_and(|(before, after)| few(before) && few(after)),
            Fits::MoreReplicas => both.is_some_and(|(before, after)| few(before) && few(after) && number(before) <= number(after)),
            Fits::Quantity => {
                let key = change.path.last().map(String::as_str).unwrap_or_default();
                let amounts = both.and_then(|(before, after)| amount(before).zip(amount(after)));
                amounts.is_some_and(|(before, after)| {
                    (0.5..=2.0).contains(&(after / before)) && (key == "cpu" || (key == "memory" && after >= MEMORY_MIN))
                })
            }
            Fits::Label => {
                change.path.last().is_some_and(|key| LABELS.contains(&key.as_str())) && change.after.as_ref().is_none_or(|value| value.len() <= 63)
            }
        }
    }
}

/// Labels that say something and select nothing.
const LABELS: [&str; 3] = ["app.kubernetes.io/version", "app.kubernetes.io/component", "helm.sh/chart"];
/// Less memory than any workload starts with, in bytes.
const MEMORY_MIN: f64 = 16.0 * 1024.0 * 1024.0;

fn few(text: &str) -> bool {
    (1..=REPLICAS_MAX).contains(&number(text))
}

fn number(text: &str) -> u32 {
    text.parse().unwrap_or_default()
}

/// Returns an amount as Kubernetes writes it, `100m`, `0.5`, `512Mi`, in bytes or cores.
fn amount(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = match unit {
        "" => 1.0,
        "m" => 0.001,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    number.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0).map(|number| number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_keys() {
        let leads = |pattern: &str, keys: &str| leads(&pattern.split('.').collect::<Vec<_>>(), &keys.split('.').collect::<Vec<_>>());
        for (pattern, keys, is) in [
            ("spec.**.image", "spec.template.spec.containers.web.image", true),
            ("spec.**.image", "spec.image", true),
            ("spec.**.image", "spec.image.x", false),
            ("a.*.b", "a.x.b", true),
            ("a.*.b", "a.b", false),
            ("**", "a.b.c", true),
        ] {
            assert_eq!(leads(pattern, keys), is, "{pattern} {keys}");
        }
    }

    #[test]
    fn amounts_are_amounts() {
        for (good, is) in [("100m", 0.1), ("1", 1.0), ("0.5", 0.5), ("2Ki", 2048.0)] {
            assert_eq!(amount(good), Some(is), "{good}");
        }
        for bad in ["", "m", "-1", "1e9", "0", "1TiB", "1.2.3", "NaN", "inf"] {
            assert_eq!(amount(bad), None, "{bad}");
        }
    }

    /// No row is hidden behind one before it that says the same of more.
    #[test]
    fn rows_have_words_and_kinds() {
        for row in ROWS {
            assert!(!row.rule.is_empty() && !row.why.is_empty() && !row.kinds.is_empty());
            assert_eq!(row.path.is_empty(), matches!(row.on, On::Add | On::Remove), "{}", row.rule);
            assert!(row.fits == Fits::Always || row.verdict == Pass, "{}", row.rule);
        }
    }
}
