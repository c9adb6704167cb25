//! The command line: what can be asked, in words.

use crate::commands::judge::What;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use studio_core::ticket::Stage;

/// Works an infrastructure repository with a small crew of AI personas that cannot wreck it.
#[derive(Debug, Parser)]
#[command(name = "studio", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Where.
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

/// Where a command works.
#[derive(Clone, Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The repository to work on [default: the one that holds this folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) repo: Option<PathBuf>,
    /// The operator's own folder [default: $XDG_CONFIG_HOME/studio]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) operator: Option<PathBuf>,
    /// The branch or commit that counts as the truth [default: the one that init recorded, else origin/HEAD, else the branch checked out]
    #[arg(long, global = true, value_name = "REV")]
    pub(crate) base: Option<String>,
    /// Print one JSON object a line, as docs/cli.md describes
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the whole loop on a sample homelab: no model, no cluster, nothing touched
    Demo {
        /// Where to put the sample [default: a new folder for temporary files]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Prepares a repository and the operator's folder: a policy, ignore files, an approver's key
    Init {
        /// The name approvals are signed with [default: the login name]
        #[arg(long)]
        name: Option<String>,
        /// Take back what init made, as far as nobody changed it since; keys stay
        #[arg(long, conflicts_with = "name")]
        undo: bool,
    },
    /// Shows what the repository would choose (rules, settings, prompts, personas), and accepts it with a signature
    Trust {
        /// Accept it unasked
        #[arg(long)]
        yes: bool,
    },
    /// Looks at this machine, the operator's folder and the repository, and says what is missing
    Doctor,
    /// Says what could go wrong in this repository: read-only, without a model
    Audit,
    /// Lists the tickets, where each stands, and why it is or is not ready
    Tickets {
        /// Finished ones and examples too
        #[arg(long)]
        all: bool,
        /// What Planners would change in the queue, by run
        #[arg(long, conflicts_with = "all")]
        proposed: bool,
        /// Accept what the Planner of this run would change
        #[arg(long, value_name = "RUN", conflicts_with_all = ["all", "proposed"])]
        accept: Option<String>,
    },
    /// Adds an idea or a signal to ai/studio/backlog.md
    Add {
        /// What it is, the first line its title [default: standard input]
        text: Option<String>,
        /// It is a signal from outside, of this name
        #[arg(long, value_name = "NAME")]
        signal: Option<String>,
    },
    /// Carries a ticket through the whole loop to a report
    Run(RunArgs),
    /// Goes on with a run that is parked or was interrupted
    Resume {
        /// The run, or the start of its name
        run: String,
        /// The model to go on with [default: the one it began with]
        #[arg(long, value_name = "MODEL")]
        model: Option<String>,
        /// What pretended hosts answer [default: the [[step]] entries of the scripted model's file]
        #[arg(long, value_name = "FILE")]
        scenario: Option<PathBuf>,
    },
    /// Says how the runs stand, or one of them in detail
    Status {
        /// The run, or the start of its name
        run: Option<String>,
    },
    /// Tells a run as a story
    Log {
        /// The run, or the start of its name
        run: String,
        /// Keep telling until the run rests
        #[arg(long)]
        follow: bool,
    },
    /// Shows the report of a run as its journal gives it now
    Report {
        /// The run, or the start of its name
        run: String,
    },
    /// Shows what a run would change in the repository, as a patch
    Diff {
        /// The run, or the start of its name
        run: String,
    },
    /// Shows every event of a run, with times and costs
    Trace {
        /// The run, or the start of its name
        run: String,
    },
    /// Removes runs that are over, oldest first; says what it would remove unless told to
    Gc {
        /// Runs younger than this stay
        #[arg(long, default_value_t = 90, value_name = "DAYS")]
        days: u32,
        /// Of what is left, the newest runs stay that fit into this many MiB
        #[arg(long, default_value_t = 1024, value_name = "MIB")]
        keep_mib: u64,
        /// Remove them
        #[arg(long)]
        yes: bool,
    },
    /// Searches what runs remember, and their reports
    Memory {
        /// What to do with it
        #[command(subcommand)]
        what: MemoryCommand,
    },
    /// Shows what waits for a human
    Approvals,
    /// Agrees to the step that waits, with a signature
    Approve(AnswerArgs),
    /// Refuses the step that waits, with a signature
    Deny(AnswerArgs),
    /// Says what became of a step whose outcome nobody saw, with a signature
    Settle {
        /// The run, or the start of its name
        run: String,
        /// The step's number
        step: u32,
        /// What became of it
        what: Settlement,
        /// Why you say so
        #[arg(long)]
        reason: String,
    },
    /// Gives a run up for good, with a signature; what of it may be killed is, the rest is left to end first
    Cancel {
        /// The run, or the start of its name
        run: String,
        /// Why, for the record
        #[arg(long)]
        reason: Option<String>,
    },
    /// Stops the studio that works on a run, or all of them: nothing new begins, what runs goes on
    Stop {
        /// The run, or the start of its name
        #[arg(required_unless_present = "all")]
        run: Option<String>,
        /// Every run of this repository
        #[arg(long, conflicts_with = "run")]
        all: bool,
    },
    /// Freezes changes: no live step begins but plain reads; says how it stands, unless told to
    Freeze {
        /// Freeze, for this reason
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Let changes begin again
        #[arg(long, conflicts_with = "reason")]
        lift: bool,
    },
    /// Takes live runs over that another machine, install or store of claims began: what may run there is unknown here
    Adopt {
        /// Do it unasked
        #[arg(long)]
        yes: bool,
    },
    /// Checks a run's journal: chain, sums, order, signatures, blobs, and what vouches for it outside the repository
    Verify {
        /// The run, or the start of its name
        run: String,
    },
    /// Takes every decision of a run again from its journal, and compares
    Replay {
        /// The run, or the start of its name
        run: String,
    },
    /// Says which scripts could destroy, and registers one of them with a signature
    Script {
        /// What to do
        #[command(subcommand)]
        what: ScriptCommand,
    },
    /// Says what the built-in rules make of what stands on standard input, one JSON object a line
    Judge {
        /// What stands there
        #[arg(value_enum)]
        what: What,
        /// The stage that a patch belongs to
        #[arg(long, value_name = "N", default_value = "2", value_parser = stage)]
        stage: Stage,
    },
    /// Explains the rules
    Policy {
        /// What to do with them
        #[command(subcommand)]
        what: PolicyCommand,
    },
    /// Runs steps and chores for a runtime that starts it; of no use at a terminal
    #[command(hide = true)]
    Executor,
}

/// What can be asked of the rules.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Says which rule decides about a command, and what would be better
    Explain {
        /// What it works on [default: whatever it names itself]
        #[arg(long, value_name = "TARGET")]
        target: Option<String>,
        /// The command, behind --
        #[arg(last = true, required = true, value_name = "ARGV")]
        argv: Vec<String>,
    },
}

/// What can be done with scripts.
#[derive(Debug, Subcommand)]
pub(crate) enum ScriptCommand {
    /// Shows a script as it stands at the base, and signs that live steps may run exactly that, once they are approved
    Register {
        /// The script, from the root
        path: String,
        /// Only if the approver's key here is of this name
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
        /// Register it unasked
        #[arg(long)]
        yes: bool,
    },
    /// Lists the scripts at the base that need a registration, and which have one
    List,
    /// Takes a registration back
    Unregister {
        /// The script, from the root
        path: String,
    },
}

/// What can be done with memory.
#[derive(Debug, Subcommand)]
pub(crate) enum MemoryCommand {
    /// Finds the files that hold all the words
    Search {
        /// The words
        #[arg(required = true)]
        words: Vec<String>,
        /// How many to show
        #[arg(long, default_value_t = 20)]
        most: usize,
    },
}

/// How to run tickets.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The tickets, by id or the start of it [default: the first that is ready]
    pub(crate) tickets: Vec<String>,
    /// Every ticket that is ready
    #[arg(long, conflicts_with = "tickets")]
    pub(crate) all: bool,
    /// What may really happen
    #[arg(long, value_enum, default_value = "simulate")]
    pub(crate) mode: ModeArg,
    /// none, scripted:FILE, or openai:NAME of the operator's studio.toml
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// In a simulation: assume that a human agrees, or ask
    #[arg(long, value_enum, default_value = "assume")]
    pub(crate) approvals: ApprovalsArg,
    /// What pretended hosts answer: [[step]] entries of a TOML file [default: those of the scripted model's file]
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Who sits: Planner and Engineer alone, or with Reviewer and Narrator
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) crew: CrewArg,
}

/// Who sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CrewArg {
    /// Planner, Engineer, Reviewer, Narrator
    Full,
    /// Planner and Engineer
    Small,
}

/// Whose question is answered.
#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// The run, or the start of its name
    pub(crate) run: String,
    /// The step's number [default: the only one that waits]
    pub(crate) step: Option<u32>,
    /// Only if the effect that its card shows begins so
    #[arg(long, value_name = "PREFIX")]
    pub(crate) effect: Option<String>,
    /// Why, for the record
    #[arg(long)]
    pub(crate) reason: Option<String>,
}

/// What may really happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModeArg {
    /// Nothing runs but reads (not in this version)
    Observe,
    /// Nothing runs, the change is shown (not in this version)
    Suggest,
    /// Every step is pretended
    Simulate,
    /// Steps run, by the Executor; the repository must be trusted
    Live,
}

/// What a simulation does where a human would be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApprovalsArg {
    /// Record that live would ask, and go on
    Assume,
    /// Ask
    Ask,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Settlement {
    /// It happened
    Happened,
    /// It did not
    DidNot,
    /// Give the run up
    Abort,
}

fn stage(text: &str) -> Result<Stage, String> {
    let number: u8 = text.parse().map_err(|_| "a stage is 1, 2 or 3".to_string())?;
    Stage::try_from(number).map_err(|error| error.to_string())
}
