//! Places of well-known files at which a secret stands whatever it looks like.

/// The place and what stands there. A path from the root begins with `^`; `*` is any key, `[]` an item of a list.
const PLACES: &[(&str, &str)] = &[
    ("users.[].user.token", "the token of a kubeconfig"),
    ("users.[].user.password", "the password of a kubeconfig"),
    ("users.[].user.client-key-data", "the client key of a kubeconfig"),
    ("user.auth-provider.config.id-token", "a token of a kubeconfig"),
    ("user.auth-provider.config.refresh-token", "a token of a kubeconfig"),
    ("user.auth-provider.config.access-token", "a token of a kubeconfig"),
    ("user.auth-provider.config.client-secret", "the client secret of a kubeconfig"),
    ("^contexts.*.key", "the key of a talosconfig"),
    ("machine.token", "the join token of a Talos machine"),
    ("machine.ca.key", "the key of the Talos CA"),
    ("cluster.token", "the bootstrap token of a Talos cluster"),
    ("cluster.secret", "the secret of a Talos cluster"),
    ("cluster.aescbcencryptionsecret", "the key that encrypts a cluster's secrets"),
    ("cluster.secretboxencryptionsecret", "the key that encrypts a cluster's secrets"),
    ("cluster.ca.key", "the key of the cluster's CA"),
    ("cluster.aggregatorca.key", "the key of the aggregator's CA"),
    ("cluster.serviceaccount.key", "the key that signs service accounts"),
    ("cluster.etcd.ca.key", "the key of etcd's CA"),
    ("secrets.bootstraptoken", "a bundle of Talos secrets"),
    ("secrets.secretboxencryptionsecret", "a bundle of Talos secrets"),
    ("secrets.aescbcencryptionsecret", "a bundle of Talos secrets"),
    ("trustdinfo.token", "a bundle of Talos secrets"),
    ("certs.*.key", "a bundle of Talos secrets"),
    ("auths.*.auth", "a login for a registry"),
    ("auths.*.password", "a login for a registry"),
    ("auths.*.identitytoken", "a login for a registry"),
    ("auths.*.registrytoken", "a login for a registry"),
    ("registries.config.*.auth.password", "a login for a registry"),
    ("registries.config.*.auth.auth", "a login for a registry"),
    ("registries.config.*.auth.identitytoken", "a login for a registry"),
    ("configs.*.auth.password", "a login for a registry"),
    ("chpasswd.users.[].password", "a password that cloud-init sets"),
    ("users.[].passwd", "a password's hash that cloud-init sets"),
    ("users.[].hashed_passwd", "a password's hash that cloud-init sets"),
    ("users.[].plain_text_passwd", "a password that cloud-init sets"),
    ("identity.password", "a password's hash that the installer sets"),
    ("network-interfaces.*.wireguard.privatekey", "a WireGuard key"),
    ("access-points.*.password", "a WiFi password"),
    ("access-points.*.auth.password", "a WiFi password"),
    ("api.encryption.key", "the key of an ESPHome node"),
];

/// Returns what stands at a path of small letters.
pub(super) fn known(path: &[String]) -> Option<&'static str> {
    let fits = |pattern: &str| {
        let (root, pattern) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
        let parts: Vec<&str> = pattern.split('.').collect();
        let end = path.len().checked_sub(parts.len()).and_then(|at| path.get(at..));
        let same = |end: &[String]| end.iter().zip(&parts).all(|(own, part)| *part == "*" || own == part);
        end.is_some_and(same) && (!root || path.len() == parts.len())
    };
    PLACES.iter().find(|(pattern, _)| fits(pattern)).map(|(_, what)| *what)
}
