//! A lab that is trusted, so that its scripts may run: what the live tests start from.

use super::{Lab, runs_below};
use std::fs;
use std::path::PathBuf;

/// A script with two effects: a line in a folder it declares, and a file in the folder of its step.
pub(crate) const FACTS: &str = "infrastructure/checks/facts.sh";

/// The script of [`Lab::dangerous`], and what it declares.
pub(crate) const DANGER: &str = "infrastructure/checks/danger-facts.sh";
const HEADER: &str = "# studio:danger v1\n# verb: facts\n# class: opaque\n# targets: none\n# params: --list\n# undo: none\n# expect: facts\n";

const FACTS_TEXT: &str = "#!/usr/bin/env bash\nset -Eeuo pipefail\necho \"facts of $STUDIO_RUN\"\necho once >> artifacts/facts/log\n\
    echo made > \"$STUDIO_OUT/facts.txt\"\n";
const FACTS_SIDE: &str = "writes = [\"artifacts/facts\"]\n[[artifact]]\npath = \"facts.txt\"\nrequired = true\n";

/// Git as the tests call it: nothing of this machine, and nothing that a repository's config would start.
const GIT: &str = "GIT_CONFIG_NOSYSTEM=1 GIT_OPTIONAL_LOCKS=0 git -c user.name=Lab -c user.email=lab@localhost -c commit.gpgsign=false \
    -c core.hooksPath=/dev/null -c core.fsmonitor=false -c protocol.file.allow=always";

impl Lab {
    /// A lab of these files that was initialised and trusted; `ops` approves.
    pub(crate) fn trusted(files: &[(&str, &str)]) -> Lab {
        let lab = Lab::tracked(files);
        lab.studio(0, "init --name ops");
        lab.commit();
        lab.studio(0, "trust --yes");
        lab
    }

    /// A lab of these files, with an index as git makes one.
    pub(crate) fn tracked(files: &[(&str, &str)]) -> Lab {
        let lab = Lab::new(files);
        lab.git("reset -q");
        lab
    }

    /// A trusted lab whose queue holds one entry, `facts`, with a script that leaves traces.
    pub(crate) fn facts() -> Lab {
        Lab::trusted(&facts_and(&[]))
    }

    /// The same with a script that could do anything: registered as that, since live runs it only so.
    pub(crate) fn dangerous(script: &str, side: &str, more: &[(&str, &str)]) -> Lab {
        let (queue, beside) = (FACTS_QUEUE.replace(FACTS, DANGER), format!("{DANGER}.studio.toml"));
        let text = format!("{HEADER}{script}");
        let own = [("ai/backlog.yaml", queue.as_str()), (DANGER, &text), (&beside, side)];
        let lab = Lab::trusted(&facts_and(&[&own[..], more].concat()));
        lab.studio(0, &format!("script register {DANGER} --yes"));
        lab
    }

    /// Runs git in the repository and returns what it prints.
    pub(crate) fn git(&self, line: &str) -> String {
        self.shell(0, &format!("{GIT} {line}")).out
    }

    /// Commits the whole checkout.
    pub(crate) fn commit(&self) {
        self.git("add -A");
        self.git("commit -q -m more");
    }

    /// Reads a file of the checkout.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.repo().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Reads a file of the checkout as JSON.
    pub(crate) fn read_json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Returns the folder of the newest live run.
    pub(crate) fn live_run(&self) -> PathBuf {
        runs_below(&self.repo(), "ai/state/runs").pop().expect("there is no live run")
    }

    /// Returns what git says changed in the checkout, ignored files aside.
    pub(crate) fn changed(&self) -> Vec<String> {
        self.git("status --porcelain --untracked-files=all").lines().map(String::from).collect()
    }

    /// Begins a live run of a ticket, which asks, and approves that; returns the run's id.
    pub(crate) fn approved(&self, line: &str) -> String {
        let rest = self.json(4, &format!("run {line} --mode live")).pop().unwrap();
        assert!(rest["why"].as_str().unwrap().contains(" waits for an approval until "), "{rest}");
        let id = rest["run"].as_str().unwrap().to_string();
        self.studio(0, &format!("approve {id}"));
        id
    }
}

/// Returns the files of [`Lab::facts`], and `more`.
pub(crate) fn facts_and<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [
        ("README.md", "# attic\n"),
        (".gitignore", "artifacts/\n"),
        ("ai/backlog.yaml", FACTS_QUEUE),
        (FACTS, FACTS_TEXT),
        ("infrastructure/checks/facts.sh.studio.toml", FACTS_SIDE),
    ];
    own.into_iter().filter(|(path, _)| !more.iter().any(|(other, _)| other == path)).chain(more.iter().copied()).collect()
}

/// The queue of [`Lab::facts`], with the spellings that a careless writer of YAML would lose.
pub(crate) const FACTS_QUEUE: &str = "# what is to be done; keep the blanks\n\n- task_id: facts\n  type: run\n  persona: executor\n  \
    target: infrastructure/checks/facts.sh\n  description: 'Please look:  it is a pending thing.'   # pending, too\n  status:  pending  # soon\n  \
    metadata: { stage: stage_1,  note: \"pending\" }\n\n";

/// Returns an entry of a queue that names a script.
pub(crate) fn entry(id: &str, script: &str) -> String {
    format!("- id: {id}\n  stage: 1\n  persona: executor\n  summary: Please {id}\n  target: {script}\n  status: pending\n")
}
