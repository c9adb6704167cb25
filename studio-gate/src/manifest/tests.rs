//! What changes of manifests come to.

use super::*;
use studio_core::gate::EditVerdict::{Ask, Gate, Pass};

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: web
          image: ghcr.io/x/web:1.2.3
          resources: {limits: {memory: 256Mi}}
          env: [{name: A, value: b}]
";
const KS: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: flux-system}
spec:
  interval: 10m
  path: ./cluster/apps/web
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
";

/// The strictest rule of what `with` for `what` comes to.
fn edit(text: &str, what: &str, with: &str) -> (EditVerdict, &'static str, usize) {
    assert!(text.contains(what), "{what}");
    strictest(Some(text), Some(&text.replace(what, with)))
}

fn strictest(before: Option<&str>, after: Option<&str>) -> (EditVerdict, &'static str, usize) {
    let worst = crate::edit::worst(judge("cluster/apps/web/x.yaml", before, after));
    (worst.verdict, worst.rule, worst.line)
}

#[test]
fn a_value_decides_by_its_kind_and_field() {
    for (text, what, with, verdict, rule, line) in [
        (DEPLOYMENT, "1.2.3", "1.2.4", Pass, "image-version", 12),
        (DEPLOYMENT, "1.2.3", "2.0.0", Gate, "not-listed", 12),
        (DEPLOYMENT, "x/web", "y/web", Gate, "not-listed", 12),
        (DEPLOYMENT, "replicas: 2", "replicas: 3", Pass, "replicas", 7),
        (DEPLOYMENT, "replicas: 2", "replicas: 0", Gate, "not-listed", 7),
        (DEPLOYMENT, "replicas: 2", "replicas: 300", Gate, "not-listed", 7),
        (DEPLOYMENT, "256Mi", "512Mi", Pass, "resources", 13),
        (DEPLOYMENT, "256Mi", "256m", Gate, "not-listed", 13),
        (DEPLOYMENT, "256Mi", "2Gi", Gate, "not-listed", 13),
        (DEPLOYMENT, "{memory: 256Mi}", "{}", Gate, "not-listed", 13),
        (DEPLOYMENT, "{memory: 256Mi}", "{memory: 256Mi, cpu: 100m}", Gate, "not-listed", 13),
        (DEPLOYMENT, "{app: web}", "{app: web, helm.sh/chart: web-1}", Pass, "labels", 5),
        (DEPLOYMENT, "{app: web}", "{app: web, team: a}", Gate, "not-listed", 5),
        (DEPLOYMENT, "value: b", "value: '1'", Gate, "not-listed", 14),
        (DEPLOYMENT, "replicas: 2", "replicas: '2'", Gate, "not-listed", 7),
        (DEPLOYMENT, "kind: Deployment", "kind: StatefulSet", Gate, "manifest", 1),
        (DEPLOYMENT, "web:1.2.3", "web:1.2.3 # {\"$imagepolicy\": \"flux-system:x\"}", Ask, "obeyed-comment", 1),
        (DEPLOYMENT, "{app: web}", "{app: web, kustomize.toolkit.fluxcd.io/prune: disabled}", Gate, "not-listed", 5),
        (DEPLOYMENT, "value: b", "value: c", Gate, "not-listed", 14),
        (DEPLOYMENT, "env:", "securityContext: {privileged: true}\n          env:", Gate, "privileges", 14),
        (DEPLOYMENT, "  replicas: 2\n", "  # more\n  replicas:   2\n", Pass, "same-values", 1),
        (KS, "10m", "30m", Gate, "not-listed", 5),
        (KS, "./cluster/apps/web", "./cluster/apps", Ask, "flux-steering", 6),
        (KS, "name: flux-system}", "name: other}", Ask, "flux-steering", 8),
        (KS, "prune: true", "prune: false", Gate, "prune", 7),
        (KS, "prune: true", "prune: true\n  force: true", Ask, "flux-steering", 8),
        (KS, "prune: true", "prune: true\n  kubeConfig: {secretRef: {name: x}}", Ask, "flux-steering", 8),
        (KS, "prune: true", "prune: true\n  dependsOn: [{name: db}]", Gate, "not-listed", 8),
    ] {
        assert_eq!(edit(text, what, with), (verdict, rule, line), "{what} -> {with}");
    }
}

#[test]
fn what_comes_and_goes_decides_by_its_kind() {
    let doc = |kind: &str, version: &str| format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n");
    for (kind, version, added, removed) in [
        ("Deployment", "apps/v1", (Gate, "manifest"), (Gate, "manifest")),
        ("Secret", "v1", (Ask, "secret-manifest"), (Gate, "secret-removed")),
        ("SealedSecret", "bitnami.com/v1alpha1", (Ask, "encrypted"), (Gate, "secret-removed")),
        ("ExternalSecret", "external-secrets.io/v1", (Gate, "secret-source"), (Gate, "secret-source")),
        ("GitRepository", "source.toolkit.fluxcd.io/v1", (Ask, "flux-source"), (Ask, "flux-source")),
        ("ImageUpdateAutomation", "image.toolkit.fluxcd.io/v1beta2", (Ask, "flux-automation"), (Ask, "flux-automation")),
        ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", (Gate, "rbac"), (Gate, "rbac")),
        ("NetworkPolicy", "networking.k8s.io/v1", (Gate, "network"), (Gate, "network")),
        ("CiliumNetworkPolicy", "cilium.io/v2", (Gate, "network"), (Gate, "network")),
        ("Ingress", "networking.k8s.io/v1", (Gate, "exposure"), (Gate, "manifest")),
        ("PersistentVolumeClaim", "v1", (Gate, "manifest"), (Gate, "data-loss")),
        ("Namespace", "v1", (Gate, "manifest"), (Gate, "data-loss")),
        ("CustomResourceDefinition", "apiextensions.k8s.io/v1", (Gate, "manifest"), (Gate, "data-loss")),
        ("ClusterPolicy", "kyverno.io/v1", (Ask, "admission"), (Ask, "admission")),
        ("Application", "argoproj.io/v1alpha1", (Gate, "manifest"), (Gate, "manifest")),
        ("AppProject", "argoproj.io/v1alpha1", (Ask, "argo-steering"), (Ask, "argo-steering")),
        ("VolumeConfig", "v1alpha1", (Gate, "machine-config"), (Gate, "machine-config")),
    ] {
        let text = doc(kind, version);
        let (verdict, rule, _) = strictest(None, Some(&text));
        assert_eq!((verdict, rule), added, "{kind} added");
        let (verdict, rule, _) = strictest(Some(&text), None);
        assert_eq!((verdict, rule), removed, "{kind} removed");
        // One more document in a file is a document that is added.
        let (verdict, rule, line) = strictest(Some(DEPLOYMENT), Some(&format!("{DEPLOYMENT}---\n{text}")));
        assert_eq!((verdict, rule, line), (added.0, added.1, 16), "{kind} behind another");
    }
    assert_eq!(strictest(None, Some(KS)), (Gate, "flux-app", 1));
    assert_eq!(strictest(Some(KS), None), (Gate, "prune", 1));
    for odd in ["path: ./", "path: ../x", "path: /x", "path: ./a\n  force: true", "path: ./a\n  serviceAccountName: admin"] {
        assert_eq!(strictest(None, Some(&KS.replace("path: ./cluster/apps/web", odd))).1, "flux-steering", "{odd}");
    }
    assert_eq!(strictest(None, Some(&KS.replace("kind: GitRepository", "kind: OCIRepository"))).1, "flux-steering");
    let bare = DEPLOYMENT.replace("          env", "          securityContext: {privileged: true}\n          env");
    let found = judge("x.yaml", None, Some(&bare));
    assert!(found.iter().any(|finding| finding.rule == "privileges" && finding.line == 14), "{found:?}");
    assert!(!judge("x.yaml", None, Some(&bare.replace("true", "false"))).iter().any(|finding| finding.rule == "privileges"));
}

#[test]
fn versions_of_what_flux_and_helm_follow() {
    let helm = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec:\n  chart: {spec: {chart: web, version: 1.2.3}}\n  \
        values:\n    replicaCount: 1\n    image: {repository: ghcr.io/x/web, tag: v1.2.3}\n    controllers: {main: {containers: {app: {image: {tag: 1.0.0}}}}}\n    \
        ingress: {enabled: false}\n";
    for (what, with, verdict, rule) in [
        ("tag: v1.2.3", "tag: v1.3.0", Pass, "image-version"),
        ("tag: 1.0.0", "tag: 1.0.1", Pass, "image-version"),
        ("tag: 1.0.0", "tag: latest", Gate, "not-listed"),
        ("x/web", "y/web", Gate, "not-listed"),
        ("version: 1.2.3", "version: 1.2.4", Gate, "not-listed"),
        ("replicaCount: 1", "replicaCount: 2", Pass, "replicas"),
        ("replicaCount: 1", "replicaCount: 1\n    kafka: {replicas: 1}", Gate, "not-listed"),
        ("tag: 1.0.0", "tag: '1.0'", Gate, "not-listed"),
        ("enabled: false", "enabled: 'false'", Gate, "exposure"),
        ("enabled: false", "enabled: true", Gate, "exposure"),
        ("spec:\n", "spec:\n  valuesFrom: [{kind: Secret, name: x}]\n", Gate, "not-listed"),
    ] {
        assert_eq!((edit(helm, what, with).0, edit(helm, what, with).1), (verdict, rule), "{what} -> {with}");
    }
    let oci =
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: web}\nspec: {url: 'oci://ghcr.io/x', ref: {tag: 1.2.3}}\n";
    assert_eq!(edit(oci, "1.2.3", "1.2.4").0, Gate);
    assert_eq!((edit(oci, "ghcr.io/x", "ghcr.io/y").0, edit(oci, "ghcr.io/x", "ghcr.io/y").1), (Ask, "flux-source"));
    let images = "resources: [a.yaml]\nimages:\n- {name: web, newTag: 1.2.3}\n";
    let tagged = |after: &str| crate::edit::worst(judge("a/kustomization.yaml", Some(images), Some(after))).verdict;
    assert_eq!((tagged(&images.replace("1.2.3", "1.2.4")), tagged(&images.replace("a.yaml", "b.yaml"))), (Pass, Gate));
    let talos = "machine:\n  install: {disk: /dev/sda, image: 'ghcr.io/x/installer:v1.9.0'}\n";
    let patch = |what: &str, with: &str| crate::edit::worst(judge("talos/patch.yaml", Some(talos), Some(&talos.replace(what, with)))).rule;
    assert_eq!((patch("sda", "sdb"), patch("v1.9.0", "v1.9.1")), ("disk-selector", "machine-config"));
}

#[test]
fn what_cannot_be_followed_gates_and_ciphertext_asks() {
    assert_eq!(strictest(Some(DEPLOYMENT), Some("a: 1\na: 2\n")), (Gate, "unread-manifest", 2));
    assert_eq!(strictest(None, Some("kind: !!str Secret\n")), (Ask, "secret-manifest", 1));
    let sops = "kind: Secret\napiVersion: v1\nmetadata: {name: x}\ndata: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: 'ENC[AES256_GCM,data:y]'}\n";
    assert_eq!((strictest(None, Some(sops)).1, strictest(Some(sops), None).1), ("encrypted", "encrypted"));
    assert_eq!((strictest(None, Some(sops)).0, strictest(Some(sops), None).0), (Ask, Gate));
    assert_eq!(edit(sops, "data:x", "data:z"), (Ask, "encrypted", 4));
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: Secret, metadata: {{name: x}}}}\n- {}",
        "{kind: ConfigMap, apiVersion: v1}\n"
    );
    assert_eq!(strictest(None, Some(&list)), (Ask, "secret-manifest", 4));
    assert_eq!((strictest(None, Some("# nothing\n")), strictest(Some("# nothing\n"), None)), ((Gate, "manifest", 1), (Gate, "manifest", 1)));
    let typed = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBindingList\nitems: [{metadata: {name: a}}]\n";
    assert_eq!(edit(typed, "RoleBindingList", "ClusterRoleBindingList").1, "rbac");
    assert_eq!(edit("kind: AllowList\napiVersion: x/v1\nspec: {deny: all}\nitems: []\n", "all", "none").0, Gate);
    assert_eq!(strictest(None, Some("apiVersion: /v1\nkind: Secret\n")).1, "secret-manifest");
    assert_eq!(edit("apiVersion: kyverno.io/v1\nkind: Policy\nspec: {rules: [{name: a}, {name: b}]}\n", "a}, {name: b", "b}, {name: a").0, Ask);
    let many: String = (0..20_000).map(|_| "--- 1\n").collect();
    assert_eq!(strictest(None, Some(&many)).0, Gate);
}

/// Whatever stands in a file, it is answered.
#[test]
fn broken_manifests_are_answered() {
    let mut seed = 7_u64;
    let mut draw = |most: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        usize::try_from(seed >> 33).unwrap() % most
    };
    let signs = ["{", "}", "[", "]", ": ", "- ", "\n", "&a ", "*a", "!x ", "'", "\"", "---\n", "|\n", "\u{feff}", "\t", "#", "é"];
    for _ in 0..3000 {
        let mut text: String = [DEPLOYMENT, KS][draw(2)].into();
        for _ in 0..draw(6) {
            let at = (0..).map(|_| draw(text.len())).find(|at| text.is_char_boundary(*at)).unwrap();
            text.insert_str(at, signs[draw(signs.len())]);
        }
        for (before, after) in [(Some(DEPLOYMENT), Some(text.as_str())), (Some(text.as_str()), None), (None, Some(text.as_str()))] {
            judge("cluster/x.yaml", before, after);
        }
    }
}
