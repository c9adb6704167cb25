//! Binding a command to its target: no option may point it at another host, cluster or credential.

use crate::command::Finding;
use crate::place::listed;
use serde::Serialize;
use studio_core::gate::Class;
use studio_core::name::Target;

/// The options of one program that choose what it works on.
#[derive(Serialize)]
struct Selectors {
    program: &'static str,
    /// Their value must be the step's target.
    bind: &'static str,
    /// They choose a target or a credential behind the target's back.
    never: &'static str,
}

const SELECTORS: &[Selectors] = &[
    Selectors {
        program: "kubectl",
        bind: "--context",
        never: "--kubeconfig --kuberc --server -s --cluster --user --username --password --token --as --as-* --client-* \
            --certificate-authority --insecure-skip-tls-verify --tls-server-name",
    },
    Selectors {
        program: "flux",
        bind: "--context",
        never: "--kubeconfig --server --cluster --user --token --as --as-* --client-* --certificate-authority --insecure-skip-tls-verify \
            --tls-server-name",
    },
    Selectors {
        program: "helm",
        bind: "--kube-context",
        never: "--kubeconfig --kube-apiserver --kube-token --kube-as-* --kube-ca-* --kube-insecure-* --kube-tls-*",
    },
    Selectors { program: "talosctl", bind: "--nodes -n --context", never: "--talosconfig --endpoints -e --cluster --siderov1-*" },
];

/// Returns the table, for the digest of the rules.
pub(crate) fn tables() -> impl Serialize {
    SELECTORS
}

/// Refuses the command if an option of it points away from `target`.
pub(crate) fn judge(words: &[&str], target: &Target) -> Option<Finding> {
    let row = words.first().and_then(|program| SELECTORS.iter().find(|row| row.program == *program))?;
    let mut rest = words.iter().skip(1).copied();
    while let Some(word) = rest.next() {
        if let Some(why) = row.strays(word, rest.clone().next(), target) {
            let better = format!("leave the option out: the step works on its target, {target}; for another one, write another step");
            return Some(Finding::refused(Class::Forbidden, "target-binding", why, &better));
        }
    }
    None
}

impl Selectors {
    /// Says how `word`, with the word after it, leads away from `target`, if it does.
    fn strays(&self, word: &str, next: Option<&str>, target: &Target) -> Option<String> {
        if !word.starts_with('-') {
            return None;
        }
        // Some of these programs take `_` for `-`.
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.replace('_', "-"), Some(value)),
            None => (word.replace('_', "-"), None),
        };
        if listed(self.never, &name) {
            return Some(format!("{name} chooses a target or a credential of its own"));
        }
        if listed(self.bind, &name) {
            let value = value.or(next).unwrap_or_default();
            return (value != target.as_str()).then(|| format!("{name} names {value:?}, but the step's target is {target}"));
        }
        // `-An x` may mean `-A -n x`, and `-nx` means `-n x`.
        let letters = self.bind.split_whitespace().chain(self.never.split_whitespace()).filter_map(|option| option.strip_prefix('-'));
        let hides = !name.starts_with("--") && name.len() > 2 && letters.filter(|letter| letter.len() == 1).any(|letter| name.contains(letter));
        hides.then(|| format!("{word} could hide an option that chooses a target; write each option as a word of its own"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(line: &str) -> bool {
        let target = Target::try_from("main").unwrap();
        judge(&line.split(' ').collect::<Vec<_>>(), &target).is_some()
    }

    #[test]
    fn only_the_steps_own_target_may_be_named() {
        for line in [
            "kubectl --context prod delete ns x",
            "kubectl get nodes --context=prod",
            "kubectl get nodes --context",
            "kubectl get nodes --context=",
            "kubectl --kubeconfig x get pods",
            "kubectl --server=https://x get pods",
            "kubectl -s https://x get pods",
            "kubectl -shttps://x get pods",
            "kubectl -As https://x get pods",
            "kubectl get pods --as=system:admin",
            "kubectl get pods --as_group=x",
            "kubectl get pods --insecure_skip_tls_verify",
            "kubectl --context main --context prod get pods",
            "helm list --kube-context prod",
            "helm list --kube-apiserver=https://x",
            "flux get all --context prod",
            "talosctl -n other version",
            "talosctl -nother version",
            "talosctl --nodes main,other version",
            "talosctl -e other version",
            "talosctl -in other version",
            "talosctl --talosconfig x version",
        ] {
            assert!(stray(line), "{line}");
        }
        for line in [
            "kubectl --context main get nodes",
            "kubectl --context=main get nodes -n prod",
            "talosctl -n main version",
            "talosctl --nodes=main version",
            "helm list -n prod",
            "git log -n 3",
        ] {
            assert!(!stray(line), "{line}");
        }
    }
}
