//! What live leaves of a verdict: reads, changes in a listed form, and scripts; a human approved the last two.
//!
//! Git is none of them: a live step has no repository that git would find. Nor is a script that could destroy, or that
//! nobody understands, unless a human registered exactly that: then it asks. A rehearsal says what live would say.

use crate::command::Finding;
use crate::registration::Registration;
use crate::registry::Registry;
use studio_core::event::Mode;
use studio_core::gate::{Case, Verdict};

/// Returns the finding as it counts in the mode of `case`; never a milder one.
pub(crate) fn narrow(case: &Case<'_>, finding: Finding, registry: &Registry) -> Finding {
    let live = case.mode == Mode::Live;
    if live && case.step.argv.program() == "git" && finding.verdict < Verdict::Refuse {
        let why = "git finds no repository where a live step runs: its files are a copy without one".into();
        let better = "look at files with ls, cat or grep; what a change does to them, the Studio commits and shows by itself";
        return Finding::refused(finding.class, "live git", why, better);
    }
    let needed = if finding.verdict == Verdict::Ask { registry.needed(case, finding.class) } else { None };
    match needed {
        None => finding,
        Some(Ok(Registration { declared, .. })) => {
            let why = format!("{}; a human registered it as {}, {}", finding.why, declared.verb, declared.class);
            Finding { class: finding.class.max(declared.class), rule: "registered script".into(), why, ..finding }
        }
        Some(Err(why)) if live => {
            let better = "rehearse it here; live runs it once a human registered and approved it: studio script register PATH";
            Finding::refused(finding.class, "unregistered script", format!("{}; {why}", finding.why), better)
        }
        Some(Err(why)) => Finding { why: format!("{}; live would refuse it: {why}", finding.why), ..finding },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ShortGate;
    use crate::command::tests::{case, step};
    use studio_core::gate::{Class, Gate};
    use studio_core::name::Label;

    #[test]
    fn live_runs_reads_approved_changes_and_harmless_scripts() {
        let gate = ShortGate::new();
        for (line, script, pretended, live) in [
            ("kubectl get nodes", None, Verdict::Auto, Verdict::Auto),
            ("kubectl cordon cp-1", None, Verdict::Ask, Verdict::Ask),
            ("kubectl cordon cp-1 --frob", None, Verdict::ScriptOnly, Verdict::ScriptOnly),
            ("kubectl get nodes --watch", None, Verdict::ScriptOnly, Verdict::ScriptOnly),
            ("kubectl delete ns web", None, Verdict::ScriptOnly, Verdict::ScriptOnly),
            ("git status", None, Verdict::Auto, Verdict::Refuse),
            ("git log -p", None, Verdict::Auto, Verdict::Refuse),
            ("git fetch", None, Verdict::Ask, Verdict::Refuse),
            ("git reset --hard", None, Verdict::ScriptOnly, Verdict::Refuse),
            ("sh x.sh", None, Verdict::Refuse, Verdict::Refuse),
            ("bash --noprofile --norc infrastructure/check.sh", Some("true\n"), Verdict::Ask, Verdict::Ask),
            ("bash --noprofile --norc infrastructure/check.sh", Some("rm -rf /srv\n"), Verdict::Ask, Verdict::Refuse),
            ("bash --noprofile --norc infrastructure/check.sh", Some("cat x | bash\n"), Verdict::Ask, Verdict::Refuse),
            ("bash --noprofile --norc infrastructure/wipe-node.sh", Some("true\n"), Verdict::Ask, Verdict::Refuse),
        ] {
            let step = step(line);
            let judged = |mode| gate.judge(&Case { mode, script: script.map(str::as_bytes), ..case(&step) });
            let (rehearsed, real) = (judged(Mode::Simulate), judged(Mode::Live));
            assert_eq!((rehearsed.verdict, real.verdict), (pretended, live), "{line}");
            assert!(real.verdict >= rehearsed.verdict && (real.verdict == rehearsed.verdict || real.digest != rehearsed.digest), "{line}");
        }
    }
    /// Registered, it asks in live, and says what it was registered as; anything else about it is refused.
    #[test]
    fn what_a_human_registered_asks() {
        const SCRIPT: &str = "# studio:danger v1\n# verb: reset-node\n# class: opaque\n# targets: node\n# params: node:inventory.node\n\
            # undo: none\n# expect: it is gone\ntrue\n";
        let here = step("bash --noprofile --norc infrastructure/wipe-node.sh cp-1");
        let (copy, more) =
            (step("bash --noprofile --norc infrastructure/check.sh cp-1"), step("bash --noprofile --norc infrastructure/wipe-node.sh cp-1 x"));
        let of = |step, mode, text: &'static str| Case { mode, script: Some(text.as_bytes()), ..case(step) };
        let known = vec![Registration::propose(&of(&here, Mode::Live, SCRIPT), Class::Destroy).unwrap()];
        let plain = ShortGate::new();
        let gate = plain.clone().with_registrations(known.clone(), None);
        let elsewhere = plain.clone().with_registrations(known, Some([Label::try_from("cp-2").unwrap()].into()));
        assert_ne!(plain.policy(), gate.policy());
        assert_ne!(gate.policy(), elsewhere.policy());
        let live = |gate: &ShortGate, step, text| gate.judge(&of(step, Mode::Live, text));
        let judged = live(&gate, &here, SCRIPT);
        assert_eq!((judged.verdict, judged.class, judged.rule.as_str()), (Verdict::Ask, Class::Opaque, "registered script"), "{judged:?}");
        assert!(judged.why.ends_with("a human registered it as reset-node, opaque"), "{}", judged.why);
        for (judged, word) in [
            (live(&plain, &here, SCRIPT), "studio script register infrastructure/wipe-node.sh"),
            (live(&elsewhere, &here, SCRIPT), "is not what it declares"),
            (live(&gate, &here, "true\n"), "was edited"),
            (live(&gate, &copy, SCRIPT), "is a copy of infrastructure/wipe-node.sh"),
            (live(&gate, &more, SCRIPT), "declares 1"),
        ] {
            assert!(judged.verdict == Verdict::Refuse && judged.why.contains(word), "{word}: {judged:?}");
        }
        let rehearsed = gate.judge(&of(&copy, Mode::Simulate, SCRIPT));
        assert!(
            rehearsed.verdict == Verdict::Ask && rehearsed.why.contains("live would refuse it: infrastructure/check.sh is a copy"),
            "{rehearsed:?}"
        );
    }
}
