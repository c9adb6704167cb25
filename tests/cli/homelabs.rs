//! Homelabs, generated: a repository in each dialect that queues come in, and what its tickets should be. A seed picks
//! the words, the line breaks and the careless blanks; none of that may change what is read.

/// A repository and what is known of its queue.
#[derive(Default)]
pub(crate) struct Homelab {
    /// Its files.
    pub(crate) files: Vec<(String, String)>,
    /// The tickets of its queue, in order.
    pub(crate) tickets: Vec<Known>,
}

/// What is known of a ticket.
pub(crate) struct Known {
    /// Its id, or what that begins with: an id made of words ends in a hash of them.
    pub(crate) id: String,
    /// Its stage, and whether that is only assumed.
    pub(crate) stage: (u8, &'static str),
    /// Where it stands.
    pub(crate) stands: Stands,
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// It is planned by rule, and rehearsed.
    Script,
    /// It can be worked on with a model.
    Thought,
    /// It is not ready, for a reason that holds these words.
    Not(&'static str),
}

/// A seeded choice: the same seed, the same repository.
pub(crate) struct Dice(u64);

const VERBS: [&str; 8] = ["Pin", "Label", "Measure", "Describe", "Widen", "Rename", "Count", "Warm"];
const NOUNS: [&str; 8] =
    ["the larder's relay", "node four", "a lamp", "the cellar switch", "both bridges", "the notes app", "the west rack", "an old disk"];
const SCRIPT: &str = "#!/usr/bin/env bash\nset -Eeuo pipefail\nuptime\n";

impl Dice {
    fn next(&mut self, sides: usize) -> usize {
        // A linear congruence of Knuth's; its high bits are good enough to pick words.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    /// Words that no other ticket of this repository has.
    fn words(&mut self, n: usize) -> String {
        format!("{} {} ({n})", VERBS[self.next(VERBS.len())], NOUNS[self.next(NOUNS.len())])
    }

    fn blank(&mut self) -> &'static str {
        ["", " ", "  ", "\t"][self.next(4)]
    }
}

/// Returns a homelab of each dialect, by name.
pub(crate) fn all(seed: u64) -> Vec<(&'static str, Homelab)> {
    let dice = &mut Dice(seed);
    let mut labs = vec![
        ("terms", terms(dice)),
        ("stages", stages(dice)),
        ("deprecated", deprecated(dice)),
        ("current", current(dice)),
        ("absent", Homelab::default()),
        ("blocks", blocks(dice)),
        ("older yaml", older(dice)),
        ("newer yaml", newer(dice)),
        ("tasks", tasks(dice)),
        ("studio", studio(dice)),
    ];
    for (_, lab) in &mut labs {
        lab.file("README.md", "# A lab\n".into());
        lab.file("infrastructure/checks/uptime.sh", SCRIPT.into());
        lab.file("docs/notes.md", "- [ ] a box that is no ticket\n".into());
        if dice.next(2) == 1 {
            lab.files.iter_mut().for_each(|(_, text)| *text = text.replace('\n', "\r\n"));
        }
    }
    labs
}

/// Boxes below terms, without stages.
fn terms(dice: &mut Dice) -> Homelab {
    let (mut lab, mut text) = (Homelab::default(), "# Backlog\n".to_string());
    for (n, term) in ["Immediate", "Short-Term", "Future"].into_iter().enumerate() {
        let (open, done) = (dice.words(2 * n), dice.words(2 * n + 1));
        text += &format!("\n## {term}\n\n{}- [ ] {open}{}\n- [x] {done}\n- not a box\n", [" ", ""][dice.next(2)], dice.blank());
        lab.boxed(&open, (1, "assumed"), Stands::Thought);
        lab.boxed(&done, (1, "assumed"), Stands::Not("it has ended"));
    }
    lab.file("ai/backlog.md", text);
    lab
}

/// Boxes below stages, a comment of the tool that wrote them, and a stage that is locked.
fn stages(dice: &mut Dice) -> Homelab {
    let mut lab = Homelab::default();
    let (first, second, locked) = (dice.words(0), dice.words(1), dice.words(2));
    let text = format!(
        "# Backlog\n\n<!-- Auto-managed by a script:\n- [ ] a box in a comment\n-->\n\n## Stage 1 \u{2013} Homelab Bring-Up\n- [ ] {first}\n  - a note\n- [x] {second}\n\n\
         ## Stage 2 \u{2013} Tenants (Locked)\n- [ ] {locked}\n\n```\n- [ ] a box in a fence\n```\n> - [ ] a box in a quote\n"
    );
    lab.boxed(&first, (1, "declared"), Stands::Thought);
    lab.boxed(&second, (1, "declared"), Stands::Not("it has ended"));
    lab.boxed(&locked, (2, "declared"), Stands::Not("its heading says it is locked: ai/backlog.md:12"));
    lab.file("ai/backlog.md", text);
    lab
}

/// A page that says that it is not used any more, and the queue that is.
fn deprecated(dice: &mut Dice) -> Homelab {
    let mut lab = Homelab::default();
    lab.file("ai/backlog.md", format!("# BACKLOG (deprecated)\n\nSee backlog.yaml.\n\n- {}\n", dice.words(0)));
    lab.file(
        "ai/backlog.yaml",
        "- task_id: uptime\n  type: run\n  persona: executor\n  target: infrastructure/checks/uptime.sh\n  description: Look\n".into(),
    );
    lab.named("uptime", (1, "assumed"), Stands::Script);
    lab
}

/// Boxes below what is current and what is completed, and notes.
fn current(dice: &mut Dice) -> Homelab {
    let mut lab = Homelab::default();
    let (first, done, open) = (dice.words(0), dice.words(1), dice.words(2));
    let text = format!("# Backlog\n\n## Current Tasks\n- [ ] {first}\n\n## Completed\n- [x] {done}\n- [ ] {open}\n\n## Notes\n- {}\n", dice.words(3));
    lab.boxed(&first, (1, "assumed"), Stands::Thought);
    lab.boxed(&done, (1, "assumed"), Stands::Not("it has ended"));
    lab.boxed(&open, (1, "assumed"), Stands::Not("below a heading for what is done"));
    lab.file("ai/backlog.md", text);
    lab
}

/// Blocks that begin with an id of their own.
fn blocks(dice: &mut Dice) -> Homelab {
    let mut lab = Homelab::default();
    let text = format!(
        "- [ ] WIDEN_RACK: {}\n  - depends_on: PIN_WEB, COUNT_IT\n  - Acceptance criteria:\n    - it is wide\n- [x] PIN_WEB: {}\n- [ ] COUNT_IT: {}{}\n",
        dice.words(0),
        dice.words(1),
        dice.words(2),
        dice.blank()
    );
    lab.named("WIDEN_RACK", (1, "assumed"), Stands::Not("it waits for COUNT_IT"));
    lab.named("PIN_WEB", (1, "assumed"), Stands::Not("it has ended"));
    lab.named("COUNT_IT", (1, "assumed"), Stands::Thought);
    lab.file("ai/backlog.md", text);
    lab
}

/// The older list of entries.
fn older(dice: &mut Dice) -> Homelab {
    let mut lab = Homelab::default();
    let mut text = "# what is to be done\n---\n".to_string();
    for (n, (id, kind, persona, target, status, stands)) in [
        ("uptime", "run", "executor", "infrastructure/checks/uptime.sh", "pending", Stands::Script),
        ("again", "run", "executor", "infrastructure/checks/uptime.sh", "waiting_retry", Stands::Script),
        ("edit-it", "edit", "engineer", "docs/", "pending", Stands::Thought),
        ("fix-it", "code_fix", "engineer", "README.md", "review", Stands::Not("look at its result")),
        ("draw-it", "design", "planner", "docs/", "success", Stands::Not("it has ended")),
        ("apply-it", "apply_patch", "engineer", "README.md", "failed", Stands::Not("it has ended")),
        ("gone", "run", "executor", "infrastructure/checks/gone.sh", "pending", Stands::Thought),
    ]
    .into_iter()
    .enumerate()
    {
        text += &format!(
            "- task_id: {id}{}\n  type: {kind} # {kind}\n  persona: {persona}\n  target: {target}\n  description: \"{}\"\n  status: {status}\n  \
             metadata:\n    stage: stage_1\n    parent_task: null\n    next_retry_at: 1764354101.09\n  note: 'it''s {n}'\n",
            dice.blank().replace('\t', ""),
            dice.words(n)
        );
        lab.named(id, (1, "declared"), stands);
    }
    lab.file("ai/backlog.yaml", text);
    lab
}

/// The newer list of entries.
fn newer(dice: &mut Dice) -> Homelab {
    let mut lab = Homelab::default();
    let mut text = String::new();
    for (n, (id, stage, persona, target, status, depends, stands)) in [
        ("uptime", 1, "executor", "./infrastructure/checks/uptime.sh", "pending", "", Stands::Script),
        ("after", 1, "executor", "infrastructure/checks/uptime.sh", "pending", "done", Stands::Script),
        ("later", 1, "engineer", "docs/", "pending", "after", Stands::Not("it waits for after")),
        ("done", 1, "engineer", "docs/", "completed", "", Stands::Not("it has ended")),
        ("stuck", 1, "engineer", "docs/", "blocked", "", Stands::Not("says blocked")),
        ("human", 1, "engineer", "docs/", "escalated", "", Stands::Not("a human decides")),
        ("mine", 2, "engineer", "ai/studio/", "pending", "", Stands::Not("stage 2 is closed: no file says that it may begin")),
        ("shop", 3, "engineer", "tenants/", "pending", "", Stands::Not("stage 3 is closed, since stage 2 is")),
    ]
    .into_iter()
    .enumerate()
    {
        text += &format!(
            "- id: {id}\n  stage: {stage}\n  persona: {persona}\n  summary: {}\n  detail: |\n    {}\n    - [ ] no box\n  target: {target}\n  \
             status: {status}\n  attempts: 0\n  max_attempts: 3\n  depends_on: [{depends}]\n  metadata: {{ blocked_mode: external }}\n",
            dice.words(n),
            dice.words(n)
        );
        lab.named(id, (stage, "declared"), stands);
    }
    lab.file("ai/backlog.yaml", text);
    lab
}

/// A file each, in both forms, with hints that plain YAML would trip over, and an example.
fn tasks(dice: &mut Dice) -> Homelab {
    let mut lab = Homelab::default();
    let yaml = |id: &str, dice: &mut Dice| {
        format!(
            "# {}\nid: {id}\ndescription: {}\nacceptance_criteria:\n  - A page says how.\npersona_flow:\n  - Planner: confirm: it\n  - Engineer writes\nrepo_paths:\n  - docs/\n",
            dice.words(8),
            dice.words(9)
        )
    };
    lab.file("ai/tasks/deep/write-it.yaml", yaml("write-it", dice));
    lab.file("ai/tasks/examples/add-node.yaml", yaml("add-node", dice));
    lab.file("ai/tasks/page.md", format!("---\nid: page-two\nstage: 1\n---\n# {}\n\nText.\n\n## Acceptance criteria\n- one\n- two\n", dice.words(1)));
    lab.file("ai/tasks/plain.md", format!("# {}\n\nNo front matter.\n", dice.words(2)));
    lab.file("ai/tasks/README.md", "# How tasks are written\n".into());
    lab.named("write-it", (1, "assumed"), Stands::Thought);
    lab.named("add-node", (1, "assumed"), Stands::Not("it is an example"));
    lab.named("page-two", (1, "declared"), Stands::Thought);
    lab.named("plain", (1, "assumed"), Stands::Thought);
    lab
}

/// The Studio's own backlog, and the issues of others, which are nobody's tickets.
fn studio(dice: &mut Dice) -> Homelab {
    let mut lab = Homelab::default();
    let (first, done, idea) = (dice.words(0), dice.words(1), dice.words(2));
    lab.file(
        "ai/studio/backlog.md",
        format!("# Studio\n\n## Tenant Scaffolding\n- [ ] {first}\n- [x] {done}\n\n## Experiment Ideas\n- [ ] {idea}{}\n", dice.blank()),
    );
    lab.file("ai/issues.yaml", "issues:\n  - id: broken\n  2026-01-01 log line: [\n".into());
    lab.file("ai/issues.txt", "- [ ] free text\n".into());
    lab.boxed(&first, (2, "declared"), Stands::Not("stage 2 is closed"));
    lab.boxed(&done, (2, "declared"), Stands::Not("it has ended"));
    lab.boxed(&idea, (2, "declared"), Stands::Not("stage 2 is closed"));
    lab
}

impl Homelab {
    fn file(&mut self, path: &str, text: String) {
        self.files.push((path.into(), text));
    }

    fn named(&mut self, id: &str, stage: (u8, &'static str), stands: Stands) {
        self.tickets.push(Known { id: id.into(), stage, stands });
    }

    /// A ticket whose id is made of its words.
    fn boxed(&mut self, words: &str, stage: (u8, &'static str), stands: Stands) {
        let plain: String = words.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
        self.named(&format!("{}-", plain.split_whitespace().collect::<Vec<_>>().join("-")), stage, stands);
    }
}
