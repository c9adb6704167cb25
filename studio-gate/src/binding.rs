//! Binding a command to its target: no option may point it at another host, cluster or credential.

use crate::command::Finding;
use crate::grammar::{self, Fit};
use crate::place::like;
use studio_core::gate::Class;
use studio_core::name::Target;

/// Refuses the command if an option of it points away from `target`. `fit` is how the grammar reads it, if it lists it.
pub(crate) fn judge(options: &grammar::Target, words: &[&str], fit: Option<&Fit<'_, '_>>, target: &Target) -> Option<Finding> {
    if options.bind.is_empty() && options.never.is_empty() {
        return None;
    }
    let mut rest = words.iter().skip(1).copied();
    let mut raw = std::iter::from_fn(|| rest.next().map(|word| (word, rest.clone().next())));
    let stray = raw.find_map(|(word, next)| named(options, word, next, target)).or_else(|| match fit {
        Some(fit) => fit.values().find_map(|(names, value)| bound(options, names, value, target)),
        None => words.iter().skip(1).find_map(|word| hides(options, word)),
    });
    let better = format!("leave the option out: the step works on its target, {target}; for another one, write another step");
    stray.map(|why| Finding::refused(Class::Forbidden, "target-binding", why, &better))
}

/// Says how `word`, with the word after it, leads away from `target`, whatever the grammar makes of it.
fn named(options: &grammar::Target, word: &str, next: Option<&str>, target: &Target) -> Option<String> {
    if !word.starts_with('-') {
        return None;
    }
    // Some of these programs take `_` for `-`.
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name.replace('_', "-"), Some(value)),
        None => (word.replace('_', "-"), None),
    };
    if listed(&options.never, &name) {
        return Some(format!("{name} chooses a target or a credential of its own"));
    }
    bound(options, std::slice::from_ref(&name), value.or(next), target)
}

/// Says how an option with these names leads away from `target`, if it is one that must name it.
fn bound(options: &grammar::Target, names: &[String], value: Option<&str>, target: &Target) -> Option<String> {
    let name = names.iter().find(|name| listed(&options.bind, name))?;
    let value = value.unwrap_or_default();
    (value != target.as_str()).then(|| format!("{name} names {value:?}, but the step's target is {target}"))
}

/// Says how a word that the grammar does not list could hold an option that chooses a target: `-An x` may mean
/// `-A -n x`, and `-nx` means `-n x`.
fn hides(options: &grammar::Target, word: &str) -> Option<String> {
    let short = word.starts_with('-') && !word.starts_with("--") && word.len() > 2;
    let mut letters = options.bind.iter().chain(&options.never).filter_map(|option| option.strip_prefix('-')).filter(|letter| letter.len() == 1);
    let hides = short && letters.any(|letter| word.contains(letter));
    hides.then(|| format!("{word} could hide an option that chooses a target; write each option as a word of its own"))
}

fn listed(list: &[String], name: &str) -> bool {
    list.iter().any(|pattern| like(pattern, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(line: &str) -> bool {
        let target = Target::try_from("main").unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let grammar = grammar::find(words[0]).unwrap().as_ref().unwrap();
        crate::command::weigh(grammar, &words, Some(&target)).rule == "target-binding"
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
