//! What live leaves of a verdict: reads, changes in a listed form, and scripts; a human approved the last two.
//!
//! Git is none of them: a live step has no repository that git would find. Nor is a script that destroys,
//! until such scripts can be registered.

use crate::command::Finding;
use studio_core::event::Mode;
use studio_core::gate::{Case, Class, Verdict};

/// Returns the finding as it counts in the mode of `case`; never a milder one.
pub(crate) fn narrow(case: &Case<'_>, finding: Finding) -> Finding {
    if case.mode != Mode::Live {
        return finding;
    }
    if case.step.argv.program() == "git" && finding.verdict < Verdict::Refuse {
        let why = "git finds no repository where a live step runs: its files are a copy without one".into();
        let better = "look at files with ls, cat or grep; what a change does to them, the Studio commits and shows by itself";
        return Finding::refused(finding.class, "live git", why, better);
    }
    if finding.verdict == Verdict::Ask && finding.class == Class::Destroy {
        let why = format!("{}; live runs no such script, since none can be registered yet", finding.why);
        return Finding::refused(Class::Destroy, "live script", why, "rehearse it here, and run it by hand");
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ShortGate;
    use crate::command::tests::{case, step};
    use studio_core::gate::Gate;

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
            ("bash --noprofile --norc infrastructure/wipe-node.sh", Some("true\n"), Verdict::Ask, Verdict::Refuse),
        ] {
            let step = step(line);
            let judged = |mode| gate.judge(&Case { mode, script: script.map(str::as_bytes), ..case(&step) });
            let (rehearsed, real) = (judged(Mode::Simulate), judged(Mode::Live));
            assert_eq!((rehearsed.verdict, real.verdict), (pretended, live), "{line}");
            assert!(real.verdict >= rehearsed.verdict && (real.verdict == rehearsed.verdict || real.digest != rehearsed.digest), "{line}");
        }
    }
}
